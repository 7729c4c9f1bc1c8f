"""What trainings have in common: the rate, an update, checkpoints, and the loop with bar, logs and looks at ``val``.

Needs torch.
"""

from __future__ import annotations

import copy
import json
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from tqdm import tqdm

from memory_agent_ros.evaluation.hardware import commit
from memory_agent_ros.evaluation.training.distributed import Group
from memory_agent_ros.evaluation.training.logs import Logs

ALONE = Group()
#: Figures of an update that the bar shows.
_SHOWN = ("loss", "right")


@dataclass(frozen=True)
class Rhythm:
    """How often a training does what; all in steps.

    Attributes:
        steps: at most.
        log: between two updates that are logged.
        keep: between two checkpoints.
        look: between two looks at ``val``, or
        looks: how many are taken, the last one included, in the whole training.
    """

    steps: int
    log: int = 1
    keep: int = 100
    look: int | None = None
    looks: int = 1


def rate_at(highest: float, warm_up: int, step: int, share: float) -> float:
    """The learning rate of a step, when this share of the training is over: warmed up, then a cosine to a twentieth."""
    warm = min(1.0, (step + 1) / warm_up)
    return highest * warm * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(share, 1.0))))


def update(loss: Any, parameters: Sequence[Any], optimiser: Any, clip: float, group: Group = ALONE) -> float:
    """One step of the optimiser; the norm that the gradient had before it was clipped."""
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    group.average(parameters)
    norm = torch.nn.utils.clip_grad_norm_(parameters, clip)
    optimiser.step()
    return float(norm)


class Learner(ABC):
    """What is trained, its optimiser, and how far they are.

    Args:
        training: settings, a dataclass; a checkpoint of others is not gone on from. :meth:`update` looks at ``rate``,
            ``warm_up`` and ``clip``.
        parameters: what is learnt.
        optimiser: of them.
        group: the processes that train together; the first one writes.
    """

    #: Attributes that a checkpoint holds beside the parameters and the optimiser.
    kept: ClassVar[tuple[str, ...]] = ("step", "spent", "curve")

    def __init__(self, training: Any, parameters: Sequence[Any], optimiser: Any, group: Group = ALONE) -> None:
        self.training: Any = training
        self.parameters, self.optimiser, self.group = list(parameters), optimiser, group
        self.step, self.spent, self.minutes, self.done = 0, 0.0, 0.0, False
        self.curve: list[dict[str, float]] = []

    def begin(self) -> None:
        """Called when it is known with which step it begins; all processes get the first one's weights."""
        self.group.same(self.parameters)

    @abstractmethod
    def learn(self, share: float) -> dict[str, float]:
        """One update, when this share of the training is over; what :meth:`update` is for."""

    @abstractmethod
    def look(self, last: bool) -> dict[str, float]:
        """Figures on ``val``, and a point of the curve; it may set ``done`` to end the training."""

    @abstractmethod
    def finish(self) -> None:
        """Write the results; called in the first process after the last look."""

    def update(self, loss: Any, share: float) -> tuple[float, float]:
        """One update by a loss; the gradient's norm and the rate. A group of parameters may learn ``faster``."""
        rate = rate_at(self.training.rate, self.training.warm_up, self.step, share)
        for one in self.optimiser.param_groups:
            one["lr"] = rate * one.get("faster", 1.0)
        norm = update(loss, self.parameters, self.optimiser, self.training.clip, self.group)
        self.step += 1
        return norm, rate

    def point(self, figures: Mapping[str, float]) -> None:
        """A point of the curve."""
        self.curve.append({"steps": float(self.step), "seconds": round(self.spent, 1), **figures})

    def about(self) -> dict[str, Any]:
        """What a file of results says of the training."""
        return {
            "training": asdict(self.training), "minutes": self.minutes, "steps": self.step,
            "seconds": round(self.spent, 1), "commit": commit() or "unknown", "curve": self.curve,
        }  # fmt: skip

    def train(
        self, name: str, rhythm: Rhythm, beside: Path, minutes: float, *, resume: bool, progress: bool
    ) -> dict[str, float]:
        """Learn until the steps or the minutes are used up, or it is done.

        Args:
            name: of the training.
            rhythm: how often what is done.
            beside: path without an ending; with ``.logs`` figures by step, with ``.checkpoint.pt``, while it trains,
                everything needed to go on.
            minutes: longest time, over all sittings, looks included.
            resume: go on from a checkpoint of the same settings.
            progress: show a bar.

        Returns:
            the last figures on ``val``.
        """
        self.minutes = minutes
        first, checkpoint = self.group.first, beside.with_name(f"{beside.name}.checkpoint.pt")
        if resume:
            self.restore(checkpoint)
        self.begin()
        hidden = not (progress and first)
        bar = tqdm(total=rhythm.steps, initial=self.step, desc=f"train {name}", unit="step", disable=hidden)
        folder = beside.with_name(f"{beside.name}.logs{'' if first else self.group.rank}")
        with Logs(folder, name, "steps", fresh=self.step == 0) as logs, bar:
            started = time.monotonic() - self.spent  # the rate hangs on it: nothing slow may stand before the loop
            while not self.done and (share := self._share(rhythm, time.monotonic() - started)) < 1.0:
                figures = self.learn(share)
                bar.update()
                bar.set_postfix({k: f"{figures[k]:.3f}" for k in _SHOWN if k in figures}, refresh=False)
                self.spent = time.monotonic() - started
                if self.step % rhythm.log == 0:
                    logs.write(self.step, figures)
                if self._due(rhythm, share):
                    logs.write(self.step, self.look(last=False))
                    self.spent = time.monotonic() - started
                if first and self.step % rhythm.keep == 0:
                    self.keep(checkpoint)
            self.spent = time.monotonic() - started
            found = self.look(last=True)
            logs.write(self.step, found)
        if first:
            self.finish()
            checkpoint.unlink(missing_ok=True)
        self.group.wait()
        return found

    def _share(self, rhythm: Rhythm, seconds: float) -> float:
        """How much of the training is over, alike in all processes."""
        return self.group.agree(max(self.step / rhythm.steps, seconds / (60.0 * self.minutes)))

    def _due(self, rhythm: Rhythm, share: float) -> bool:
        if rhythm.look is not None:
            return self.step % rhythm.look == 0
        return share >= (len(self.curve) + 1) / rhythm.looks

    def keep(self, path: Path) -> None:
        """Everything needed to go on."""
        path.parent.mkdir(parents=True, exist_ok=True)
        state = {
            "settings": self.settings(), "kept": {name: getattr(self, name) for name in self.kept},
            "parameters": [p.detach() for p in self.parameters], "optimiser": self.optimiser.state_dict(),
        }  # fmt: skip
        draft = path.with_suffix(".part")
        torch.save(state, draft)
        draft.replace(path)

    def restore(self, path: Path) -> None:
        """Go on from a checkpoint, if there is one of the same settings."""
        if not path.exists():
            return
        state = torch.load(path, weights_only=True)
        if state.get("settings") != self.settings():
            return
        for name, value in state["kept"].items():
            setattr(self, name, value)
        with torch.no_grad():
            for parameter, value in zip(self.parameters, state["parameters"], strict=True):
                parameter.copy_(value)
        self.optimiser.load_state_dict(state["optimiser"])

    def settings(self) -> str:
        """What a checkpoint has to agree in."""
        return json.dumps(asdict(self.training))


class WriterLearner(Learner):
    """A network that writes LoRAs; its best weights on ``val`` are remembered.

    The factors of B learn ``faster`` times as fast: they begin at zero and nothing else learns until they move.
    """

    kept: ClassVar[tuple[str, ...]] = (*Learner.kept, "best")

    def __init__(self, training: Any, network: Any, group: Group) -> None:
        fast = [p for n, p in network.named_parameters() if ".scale_up." in n]
        slow = [p for n, p in network.named_parameters() if ".scale_up." not in n]
        groups = [{"params": slow, "faster": 1.0}, {"params": fast, "faster": training.faster}]
        optimiser = torch.optim.AdamW(groups, lr=training.rate, weight_decay=0.0, betas=(0.9, 0.98))
        super().__init__(training, [*slow, *fast], optimiser, group)
        self._network = network
        self.best: tuple[float, dict[str, Any]] = (-1.0, {})

    def point(self, figures: Mapping[str, float]) -> None:
        """A point of the curve; the weights are remembered if the figures' mean is the best so far."""
        super().point(figures)
        mean = float(np.mean(list(figures.values())))
        if mean >= self.best[0]:
            self.best = mean, copy.deepcopy(self._network.state_dict())

    def about(self) -> dict[str, Any]:
        """What a file of results says of the training."""
        return {**super().about(), "processes": self.group.size}
