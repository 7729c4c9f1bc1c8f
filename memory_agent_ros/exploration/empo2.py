"""EMPO2: exploration with a memory of tips, moved into the weights by hybrid on- and off-policy updates. Needs torch.

After arXiv 2602.23008 (sections 3 and 4), on the protocol of :mod:`memory_agent_ros.exploration.situation` alone: the
same file trains on apartments and on text environments, with the small policy and with a language model.

One update: draw a mode, let groups of rollouts of the same tasks act with or without tips, write tips of every
rollout, count states, compare each rollout's return (reward and novelty) with its group's, and step along the clipped
ratio. In the off-policy mode the rollouts saw tips and the update does not, so what the tips made the policy do goes
into its weights. Where this differs from the published code: novelty is inside the advantage, counts do not
saturate, every decision has its own key, low probabilities are masked one by one, and good rollouts are also
distilled, since a ratio near zero cannot lift an action that is rare without tips.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from memory_agent_ros.exploration.rollout import Rollout, merge, rollout
from memory_agent_ros.exploration.situation import Environment, Policy, Situations, TipTokens
from memory_agent_ros.exploration.tips import TipMemory, tip_from_dict, tip_to_dict


class Mode(enum.StrEnum):
    """Whether rollouts act with tips, and whether the update sees them."""

    ON_POLICY = "on_policy"
    ON_POLICY_WITH_TIPS = "on_policy_with_tips"
    OFF_POLICY = "off_policy"


class Learnable(Policy, Protocol):
    """A policy that can be trained.

    Attributes:
        module: what is trained: its parameters that require a gradient.
    """

    @property
    def module(self) -> nn.Module:
        """The torch module."""
        ...

    def scores(self, situations: Situations, tips: TipTokens | None = None) -> Tensor:
        """(B, C) scores with gradients, equal to ``logits``."""
        ...


@dataclass(frozen=True)
class Empo2Config:
    """Settings of the algorithm.

    Attributes:
        decisions: environment steps after which training ends.
        tasks, group: rollouts of an update: ``group`` of each of ``tasks`` tasks.
        off_policy, tips_on_policy: probability of these modes; the rest acts and learns without tips.
        novelty: weight of the novelty reward, 1/n of the state's count at each decision.
        floor: added to the deviation of a group's returns.
        clip_low, clip_high, dual_clip: of the ratio.
        min_probability: decisions that the policy would take more rarely are masked out of the ratio's loss.
        distillation: weight of the advantage-weighted cross-entropy in off-policy updates.
        entropy: weight of the policy's entropy.
        rate, epochs, minibatch, max_norm: of the optimiser; the rate falls linearly to a tenth.
        averaging: share of the running mean of the weights that each update keeps; the mean is what training gives.
        tip_capacity: tips kept of a domain.
        seed: of everything that is drawn.
    """

    decisions: int = 40_000
    tasks: int = 8
    group: int = 8
    off_policy: float = 0.5
    tips_on_policy: float = 0.3
    novelty: float = 0.003
    floor: float = 0.1
    clip_low: float = 0.2
    clip_high: float = 0.3
    dual_clip: float = 10.0
    min_probability: float = 0.0067
    distillation: float = 0.5
    entropy: float = 0.003
    rate: float = 2e-3
    epochs: int = 2
    minibatch: int = 256
    max_norm: float = 1.0
    averaging: float = 0.9
    tip_capacity: int = 4000
    seed: int = 0


@dataclass(frozen=True)
class Course:
    """What is practised.

    Attributes:
        environment: its domain.
        tasks: numbers of its tasks.
        share: of the updates, relative to that of other courses.
    """

    environment: Environment
    tasks: Sequence[int]
    share: float = 1.0


class Novelty:
    """Counts of states, for each domain; they never saturate."""

    def __init__(self) -> None:
        self.counts: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))

    def rewards(self, played: Rollout) -> NDArray[np.float32]:
        """(M,) 1/n for each decision, n how often its state was met up to and including this step; counts it."""
        counts, out = self.counts[played.domain], np.zeros(len(played.choice), np.float32)
        for step in range(int(played.step.max()) + 1):
            # What acts at the same time shares one count: where many of a group go, there is little new.
            now = np.flatnonzero(played.step == step)
            states = played.situations.state[now].tolist()
            for state in states:
                counts[state] += 1
            out[now] = [1.0 / counts[s] for s in states]
        return out


def group_advantages(
    returns: NDArray[np.float64], group: NDArray[np.int64], floor: float = 1e-6
) -> NDArray[np.float64]:
    """(E,) returns, (E,) number of each episode's group -> (E,) how much better than its group, in its deviations.

    ``floor`` is added to the deviation, so that small differences in novelty do not count as much as success.
    """
    out = np.zeros(len(returns))
    for g in np.unique(group):
        one = returns[group == g]
        if len(one) > 1:
            out[group == g] = (one - one.mean()) / (one.std(ddof=1) + floor)
    return out


@dataclass(frozen=True)
class Losses:
    """Parts of the loss, and the share of decisions that were masked."""

    ratio: Tensor
    distillation: Tensor
    entropy: Tensor
    masked: float

    def total(self, config: Empo2Config) -> Tensor:
        """What is minimised."""
        return self.ratio + config.distillation * self.distillation - config.entropy * self.entropy

    def figures(self) -> dict[str, float]:
        """As numbers."""
        values = {"ratio": self.ratio, "distillation": self.distillation, "entropy": self.entropy}
        return {f"loss_{k}": float(v.detach()) for k, v in values.items()} | {"masked": self.masked}


def losses(scores: Tensor, choice: Tensor, old: Tensor, advantage: Tensor, mode: Mode, config: Empo2Config) -> Losses:
    """The loss of M decisions.

    Args:
        scores: (M, C) of the policy now, without tips in the off-policy mode.
        choice: (M,) candidates that were chosen.
        old: (M,) their log-probabilities when they were chosen, with the tips seen then.
        advantage: (M,) of their episodes.
        mode: distillation takes part in the off-policy mode only.
        config: settings.
    """
    log_all = scores.log_softmax(dim=1)
    log_now = log_all.gather(1, choice[:, None]).squeeze(1)
    seen = (log_now.detach().exp() >= config.min_probability).float()
    ratio = (log_now - old).exp()
    clipped = ratio.clamp(1.0 - config.clip_low, 1.0 + config.clip_high)
    gain = torch.minimum(ratio * advantage, clipped * advantage)
    gain = torch.where(advantage < 0, torch.maximum(gain, config.dual_clip * advantage), gain)
    distillation = log_now.new_zeros(())
    if mode is Mode.OFF_POLICY:
        distillation = -(advantage.clamp(min=0.0) * log_now).mean()
    entropy = -(log_all.exp() * log_all.clamp(min=-1e4)).sum(dim=1).mean()
    return Losses(-(seen * gain).mean(), distillation, entropy, 1.0 - float(seen.mean()))


@dataclass(frozen=True)
class Request:
    """Rollouts wanted: of the course with number ``course``, one for each entry of ``tasks``, with or without tips."""

    course: int
    tasks: tuple[int, ...]
    with_tips: bool
    seed: tuple[int, ...]


#: What plays: in this process, in several, or on several machines.
Collect = Callable[[Learnable, TipMemory, Sequence[Request]], Sequence[Rollout]]


def collect_here(courses: Sequence[Course]) -> Collect:
    """Rollouts in this process."""

    def collect(policy: Learnable, tips: TipMemory, requests: Sequence[Request]) -> list[Rollout]:
        return [
            rollout(courses[r.course].environment, policy, r.tasks, tips if r.with_tips else None, r.seed)
            for r in requests
        ]

    return collect


class Empo2:
    """The algorithm with its state.

    Args:
        policy: what learns.
        courses: what is practised.
        config: settings.
        collect: makes the rollouts; in this process by default.
        parts: requests into which the rollouts of an update are divided, for as many workers.

    Attributes:
        tips, novelty: memories of what was done.
        decisions, updates: so far.
        time_used: share of the time that training may take, 0 to 1, where that is limited; the rate falls with it too.
    """

    def __init__(
        self,
        policy: Learnable,
        courses: Sequence[Course],
        config: Empo2Config,
        collect: Collect | None = None,
        parts: int = 1,
    ) -> None:
        self.policy, self.courses, self.config, self.parts = policy, courses, config, parts
        self.collect = collect or collect_here(courses)
        self.tips, self.novelty = TipMemory(config.tip_capacity), Novelty()
        self.decisions = self.updates = 0
        self.time_used = 0.0
        self.parameters = [p for p in policy.module.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(self.parameters, lr=config.rate)
        self.average = [p.detach().clone() for p in self.parameters]

    @property
    def done(self) -> bool:
        """Whether the budget of environment steps is used up."""
        return self.decisions >= self.config.decisions

    def step(self) -> dict[str, float]:
        """One update.

        Returns:
            its figures.
        """
        rng = np.random.default_rng([self.config.seed, self.updates])
        mode = self._mode(rng)
        played, group = self._play(mode, rng)
        self.tips.add(played.tips(self.policy.name))
        novelty = self.novelty.rewards(played)
        returns = played.returns(played.reward + self.config.novelty * novelty)
        advantage = group_advantages(returns, group, self.config.floor)[played.episode]
        figures = self._learn(played, advantage.astype(np.float32), mode, rng)
        for mean, weights in zip(self.average, self.parameters, strict=True):
            # At the start the mean follows closely, so that random weights have no part in it.
            mean.lerp_(weights.detach(), max(1.0 - self.config.averaging, 1.0 / (1.0 + self.updates)))
        self.decisions += len(played.choice)
        self.updates += 1
        return figures | {
            "score": float(played.score.mean()),
            "length": len(played.choice) / len(played.task),
            "novelty": float(novelty.mean()),
            "tips": float(len(self.tips)),
            "with_tips": float(mode is not Mode.ON_POLICY),
            "off_policy": float(mode is Mode.OFF_POLICY),
        }

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """While this lasts the policy has the mean weights: single updates swing widely about it."""
        own = [p.detach().clone() for p in self.parameters]
        try:
            self._set(self.average)
            yield
        finally:
            self._set(own)

    def settle(self) -> None:
        """Leave the policy with the mean weights, at the end of training."""
        self._set(self.average)

    def _set(self, values: Sequence[Tensor]) -> None:
        with torch.no_grad():
            for weights, value in zip(self.parameters, values, strict=True):
                weights.copy_(value)

    def _mode(self, rng: np.random.Generator) -> Mode:
        drawn = rng.random()
        if drawn < self.config.off_policy:
            return Mode.OFF_POLICY
        return (
            Mode.ON_POLICY_WITH_TIPS if drawn < self.config.off_policy + self.config.tips_on_policy else Mode.ON_POLICY
        )

    def _play(self, mode: Mode, rng: np.random.Generator) -> tuple[Rollout, NDArray[np.int64]]:
        """Rollouts of one course, and the (E,) group of each."""
        shares = np.array([c.share for c in self.courses], np.float64)
        course = int(rng.choice(len(shares), p=shares / shares.sum()))
        drawn = rng.choice(np.asarray(self.courses[course].tasks), self.config.tasks)
        tasks, group = (np.repeat(a, self.config.group) for a in (drawn, np.arange(self.config.tasks)))
        requests = [
            Request(course, tuple(part.tolist()), mode is not Mode.ON_POLICY, (self.config.seed, self.updates, n))
            for n, part in enumerate(np.array_split(tasks, self.parts))
        ]
        return merge(self.collect(self.policy, self.tips, requests)), group.astype(np.int64)

    def _learn(
        self, played: Rollout, advantage: NDArray[np.float32], mode: Mode, rng: np.random.Generator
    ) -> dict[str, float]:
        """Some epochs over the decisions; in the off-policy mode the tips are left out here."""
        told = played.seen if mode is Mode.ON_POLICY_WITH_TIPS else None
        used = max(self.decisions / self.config.decisions, self.time_used)
        for setting in self.optimizer.param_groups:
            setting["lr"] = self.config.rate * max(0.1, 1.0 - 0.9 * used)
        figures: dict[str, list[float]] = defaultdict(list)
        self.policy.module.train()
        for _ in range(self.config.epochs):
            order = rng.permutation(len(played.choice))
            for rows in np.array_split(order, max(1, round(len(order) / self.config.minibatch))):
                scores = self.policy.scores(played.situations.rows(rows), None if told is None else told.rows(rows))
                chosen, old, gain = (torch.from_numpy(a[rows]) for a in (played.choice, played.log_prob, advantage))
                parts = losses(scores, chosen, old, gain, mode, self.config)
                self.optimizer.zero_grad()
                parts.total(self.config).backward()
                nn.utils.clip_grad_norm_(self.parameters, self.config.max_norm)
                self.optimizer.step()
                for name, value in parts.figures().items():
                    figures[name].append(value)
        self.policy.module.eval()
        return {name: float(np.mean(values)) for name, values in figures.items()}

    def state(self) -> dict[str, Any]:
        """Everything that a checkpoint needs; tensors, numbers, texts."""
        return {
            "module": self.policy.module.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average,
            "tips": [tip_to_dict(tip) for domain in self.tips.domains() for tip in self.tips.tips(domain)],
            "counts": {domain: dict(counts) for domain, counts in self.novelty.counts.items()},
            "decisions": self.decisions,
            "updates": self.updates,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from :meth:`state`."""
        self.policy.module.load_state_dict(state["module"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average = [mean.clone() for mean in state["average"]]
        self.tips = TipMemory(self.config.tip_capacity)
        self.tips.add([tip_from_dict(tip) for tip in state["tips"]])
        self.novelty = Novelty()
        for domain, counts in state["counts"].items():
            self.novelty.counts[domain].update(counts)
        self.decisions, self.updates = int(state["decisions"]), int(state["updates"])
