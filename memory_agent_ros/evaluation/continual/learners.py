"""Arms of the ``continual`` benchmark: one life, apartment after apartment, with the same steps, batches and buffer.

All arms have the same number of trainable rows; ``routed`` deals them to columns, the others have one adapter of all
rows. Needs torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from memory_agent_ros.adapters.application import AdaptedModel
from memory_agent_ros.adapters.columns import ColumnRouter, RouterConfig, one_column, routed_rows
from memory_agent_ros.adapters.replay import ReplayBuffer, ReplayController, SurpriseConfig, SurpriseGate
from memory_agent_ros.adapters.rows import LoraRows
from memory_agent_ros.evaluation.continual.places import LENGTH, VIEW, Moments, Words, joined

KINDS = ("up_proj", "down_proj")
_CHUNK = 256


@dataclass(frozen=True)
class Arm:
    """What an arm does; the default is plain fine-tuning.

    Attributes:
        routed: columns chosen by the router instead of one adapter.
        oracle: the column is told, in training and at test.
        joint: all apartments at once, in any order.
        replay: the buffer is practised.
        surprise: only surprises are written to it.
        controlled: the share of replay follows measured forgetting instead of being fixed.
        ewc: old weights are held by their Fisher information (Kirkpatrick et al., 2017).
    """

    routed: bool = False
    oracle: bool = False
    joint: bool = False
    replay: bool = False
    surprise: bool = False
    controlled: bool = False
    ewc: bool = False


ARMS: dict[str, Arm] = {
    "fine_tuning": Arm(),
    "ewc": Arm(ewc=True),
    "reservoir": Arm(replay=True),
    "routed": Arm(routed=True, replay=True, surprise=True, controlled=True),
    "joint": Arm(joint=True),
    "oracle_route": Arm(routed=True, oracle=True, replay=True, surprise=True, controlled=True),
    "no_surprise": Arm(routed=True, replay=True, controlled=True),
    "fixed_replay": Arm(routed=True, replay=True, surprise=True),
}


@dataclass(frozen=True)
class Life:
    """Settings of all arms; those of one part stand for the arms that have it, as they were tuned on ``val``.

    Attributes:
        tasks: apartments of a stream.
        steps: of each; batch: moments of a step, new and replayed ones together.
        buffer: moments that are kept.
        rate: of Adam.
        rows: rank of everything that is trained.
        share: of replay where it is fixed.
        target: forgetting in nats that the controller puts up with.
        quantile: of surprises that are not written.
        held: strength of EWC.
        router: how columns are chosen.
    """

    tasks: int = 8
    steps: int = 60
    batch: int = 24
    buffer: int = 96
    rate: float = 5e-3
    rows: int = 64
    share: float = 0.5
    target: float = 0.1
    quantile: float = 0.5
    held: float = 100.0
    router: RouterConfig = field(default_factory=lambda: RouterConfig(columns=8, chunk=VIEW, novelty=0.65))


class Learner:
    """Learns moments as they come, in the way of its arm.

    Args:
        arm, life: what and how.
        model: the frozen model.
        mean: (D,) of its embeddings, for the router.
        words: of the moments.
        seed: of weights and draws.
    """

    def __init__(self, arm: Arm, life: Life, model: Any, mean: Tensor, words: Words, seed: int) -> None:
        self.arm, self.life = arm, life
        self._embed = model.get_input_embeddings()
        self._adapted = AdaptedModel(model, KINDS)
        self._rng = np.random.default_rng([seed, 7])
        torch.manual_seed(seed)
        count = life.router.columns if arm.routed else 1
        self.columns = [_trainable(self._adapted, life.rows // count) for _ in range(count)]
        self._optimisers = [torch.optim.Adam([*c.down.values(), *c.up.values()], life.rate) for c in self.columns]
        self.router = ColumnRouter(len(mean), life.router, mean)
        gate = SurpriseGate(SurpriseConfig(life.quantile)) if arm.surprise else None
        self.buffer = ReplayBuffer[tuple[Moments, int]](life.buffer, np.random.default_rng([seed, 8]), gate)
        self.controller = ReplayController(life.target)
        self.shares: list[float] = []
        self._choices = [torch.from_numpy(words.choices(k)) for k in words.answers]
        self._anchors: list[tuple[list[Tensor], list[Tensor]]] = []

    @property
    def _parameters(self) -> list[Tensor]:
        return [t for c in self.columns for t in (*c.down.values(), *c.up.values())]

    def wanted(self) -> int:
        """New moments for the next step; the rest of the batch is replayed."""
        if not self.arm.replay or not len(self.buffer):
            return self.life.batch
        share = self.controller.share if self.arm.controlled else self.life.share
        return self.life.batch - min(len(self.buffer), max(1, round(share * self.life.batch)))

    def step(self, fresh: Moments, tasks: NDArray[np.intp]) -> None:
        """One step on new moments and replayed ones; every loss that is noted was scored before learning from it.

        Args:
            fresh: as many as :meth:`wanted` said.
            tasks: (N,) which apartment each is of; read by the arm that is told the route, and by no other.
        """
        places = self.buffer.draw(self.life.batch - len(fresh)) if self.arm.replay else []
        old = [self.buffer.kept[i].item for i in places]
        batch = joined([fresh, *(m for m, _ in old)])
        told = np.concatenate([tasks, np.array([t for _, t in old], dtype=np.intp)])
        if self.arm.routed and not self.arm.oracle:
            self.router.learn(self._features(fresh.tokens))
        gates = self._gates(batch.tokens, told)
        losses = self._losses(batch, gates)
        loss = losses.mean() + self._holding()
        for optimiser in self._optimisers:
            optimiser.zero_grad()
        loss.backward()
        acting = gates.amax(dim=(0, 1)) > 0
        for column, optimiser in enumerate(self._optimisers):
            if bool(acting[column]):  # the momentum of a column that did not act must not move it
                optimiser.step()
        self._note(fresh, tasks, places, losses.tolist())

    def _note(self, fresh: Moments, tasks: NDArray[np.intp], places: list[int], losses: list[float]) -> None:
        if not self.arm.replay:
            return
        self.shares.append(len(places) / self.life.batch)
        if places:
            forgetting = self.buffer.practised(places, losses[len(fresh) :])
            if self.arm.controlled:
                self.controller.measured(forgetting)
        items = [(fresh.rows(slice(i, i + 1)), int(tasks[i])) for i in range(len(fresh))]
        self.buffer.offer(items, losses[: len(fresh)])

    def finish_task(self, last: Moments) -> None:
        """An apartment is over: EWC measures which weights it needs, from its moments; nobody else is told."""
        if not self.arm.ewc:
            return
        fisher = [torch.zeros_like(p) for p in self._parameters]
        for row in range(len(last)):
            one = last.rows(slice(row, row + 1))
            gates = self._gates(one.tokens, np.zeros(1, dtype=np.intp))
            grads = torch.autograd.grad(self._losses(one, gates).sum(), self._parameters)
            for total, grad in zip(fisher, grads, strict=True):
                total += grad.square() / len(last)
        self._anchors.append((fisher, [p.detach().clone() for p in self._parameters]))

    def _holding(self) -> Tensor:
        if not self._anchors:
            return torch.zeros(())
        pulls = [
            (weight * (p - old).square()).sum()
            for fisher, olds in self._anchors
            for weight, p, old in zip(fisher, self._parameters, olds, strict=True)
        ]
        return 0.5 * self.life.held * torch.stack(pulls).sum()

    def right(self, test: Moments, task: int) -> NDArray[np.bool_]:
        """(N,) whether each question is answered rightly; the arm that is told the route alone reads ``task``."""
        found = []
        for first in range(0, len(test), _CHUNK):
            part = test.rows(slice(first, first + _CHUNK))
            with torch.no_grad():
                logits = self._logits(part, self._gates(part.tokens, np.full(len(part), task)))
            found.append(logits.argmax(dim=1).numpy() == part.answers)
        return np.concatenate(found)

    def routes(self, test: Moments) -> NDArray[np.intp]:
        """(N,) the column that acts most on each question; -1 where none does."""
        with torch.no_grad():
            gates = self.router.gates(self._features(test.tokens))[:, -1]
        return np.where(gates.amax(dim=1) > 0, gates.argmax(dim=1), -1)

    def _features(self, tokens: NDArray[np.int64]) -> Tensor:
        with torch.no_grad():
            found: Tensor = self._embed(torch.from_numpy(tokens))
        return found

    def _gates(self, tokens: NDArray[np.int64], tasks: NDArray[np.intp]) -> Tensor:
        """(N, T, columns)."""
        if not self.arm.routed:
            return torch.ones(len(tokens), LENGTH, 1)
        if self.arm.oracle:
            count = len(self.columns)
            return torch.cat([one_column(int(t) % count, count, 1, LENGTH) for t in tasks])
        return self.router.gates(self._features(tokens))

    def _logits(self, moments: Moments, gates: Tensor) -> Tensor:
        """(N, words) of the answer, with what is no answer to the question shut out."""
        with self._adapted.using(*routed_rows(self.columns, gates)) as model:
            last: Tensor = model(torch.from_numpy(moments.tokens), logits_to_keep=1).logits[:, -1]
        mask = torch.full((2, last.shape[1]), -torch.inf)
        for row, choices in enumerate(self._choices):
            mask[row, choices] = 0.0
        return last + mask[torch.from_numpy(moments.support.astype(np.int64))]

    def _losses(self, moments: Moments, gates: Tensor) -> Tensor:
        return cross_entropy(self._logits(moments, gates), torch.from_numpy(moments.answers), reduction="none")


def _trainable(adapted: AdaptedModel, rank: int) -> LoraRows:
    rows = adapted.nothing(rank)
    return rows.map(lambda t: t.requires_grad_())


def shares_of(learner: Learner, pieces: int) -> list[float]:
    """Mean share of replay in each of so many equal parts of the life."""
    parts: Sequence[NDArray[np.float64]] = np.array_split(np.array(learner.shares), pieces)
    return [round(float(p.mean()), 3) if len(p) else 0.0 for p in parts]
