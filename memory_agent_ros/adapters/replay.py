"""What to keep of the past and how much of it to practise again: writes gated by surprise, and a replay controller.

After the second version of Thalamically Routed Cortical Columns (arXiv 2602.22479): an episode is written after its
prediction was scored, if it was a surprise; the share of replay follows the forgetting that is measured.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np

from memory_agent_ros.records.errors import BadInputError

_T = TypeVar("_T")


@dataclass
class Kept(Generic[_T]):
    """One moment in the buffer.

    Attributes:
        item: the moment.
        best: smallest loss that it ever had.
        loss: its loss when it was last practised.
    """

    item: _T
    best: float
    loss: float


@dataclass(frozen=True)
class SurpriseConfig:
    """Which moments are worth keeping.

    Attributes:
        quantile: of the surprises lately; what is above is written. 0 writes everything.
        memory: share of a new loss in the running mean that a surprise is measured against.
        window: surprises over which the quantile is taken.
        delay: moments that go by between a moment and its writing.
    """

    quantile: float = 0.5
    memory: float = 0.02
    window: int = 256
    delay: int = 16

    def __post_init__(self) -> None:
        if not 0.0 <= self.quantile < 1.0 or self.delay < 0 or self.window < 1:
            raise BadInputError("surprise", "need 0 <= quantile < 1, a window of at least 1, a delay of at least 0")


class SurpriseGate:
    """Tells which moments are surprises: loss less its running mean, above a quantile of those lately.

    Every moment is judged by what was known before it.
    """

    def __init__(self, config: SurpriseConfig | None = None) -> None:
        self.config = config or SurpriseConfig()
        self._mean = math.nan
        self._lately: deque[float] = deque(maxlen=self.config.window)

    def __call__(self, loss: float) -> bool:
        """Whether a moment with this loss, scored before it was learned from, is worth writing."""
        config = self.config
        surprise = 0.0 if math.isnan(self._mean) else loss - self._mean
        limit = float(np.quantile(self._lately, config.quantile)) if self._lately else surprise
        self._mean = loss if math.isnan(self._mean) else self._mean + config.memory * (loss - self._mean)
        self._lately.append(surprise)
        return config.quantile == 0.0 or surprise >= limit


class ReplayBuffer(Generic[_T]):
    """A bounded memory of moments: a uniform sample of all that were written (reservoir; Vitter, 1985).

    Args:
        capacity: how many are kept.
        rng: draws.
        gate: which moments are written; all without one. What passes waits until ``delay`` more moments went by.
    """

    def __init__(self, capacity: int, rng: np.random.Generator, gate: SurpriseGate | None = None) -> None:
        if capacity < 1:
            raise BadInputError("replay_capacity", "a replay buffer keeps at least one moment")
        self.capacity = capacity
        self.kept: list[Kept[_T]] = []
        self.written = 0
        self._rng = rng
        self._gate = gate
        self._waiting: deque[tuple[int, _T, float]] = deque()
        self._time = 0

    def __len__(self) -> int:
        return len(self.kept)

    def offer(self, items: Sequence[_T], losses: Sequence[float]) -> None:
        """Moments in their order, with the loss that each had before anything was learned from it."""
        delay = self._gate.config.delay if self._gate else 0
        for item, loss in zip(items, losses, strict=True):
            if self._gate is None or self._gate(loss):
                self._waiting.append((self._time, item, loss))
            self._time += 1
            while self._waiting and self._time - self._waiting[0][0] > delay:
                self._write(*self._waiting.popleft()[1:])

    def _write(self, item: _T, loss: float) -> None:
        self.written += 1
        fresh = Kept(item, loss, loss)
        if len(self.kept) < self.capacity:
            self.kept.append(fresh)
        elif (place := int(self._rng.integers(self.written))) < self.capacity:
            self.kept[place] = fresh

    def draw(self, count: int) -> list[int]:
        """Places of up to ``count`` moments, none twice."""
        return [int(i) for i in self._rng.choice(len(self.kept), min(count, len(self.kept)), replace=False)]

    def practised(self, places: Sequence[int], losses: Sequence[float]) -> float:
        """Note the losses that drawn moments had just now, before they were learned from again.

        Returns:
            Their forgetting: how far above its smallest loss each is, on average; 0 without any.
        """
        if not len(places):
            return 0.0
        for place, loss in zip(places, losses, strict=True):
            one = self.kept[place]
            one.loss, one.best = loss, min(one.best, loss)
        return float(np.mean([self.kept[i].loss - self.kept[i].best for i in places]))


@dataclass
class ReplayController:
    """Sets the share of replay from measured forgetting, by a proportional and an integral part.

    Attributes:
        target: forgetting that is put up with, in the unit of the loss.
        proportional, integral: how strongly it answers.
        least, most: share of a batch; something is always replayed, or nothing would be measured.
        memory: share of a new measurement in the running mean that is controlled.
    """

    target: float = 0.1
    proportional: float = 1.0
    integral: float = 0.02
    least: float = 0.1
    most: float = 0.75
    memory: float = 0.1
    forgetting: float = field(default=0.0, init=False)
    _sum: float = field(default=0.0, init=False)

    @property
    def share(self) -> float:
        """Of replay in the next batch."""
        wish = self.proportional * (self.forgetting - self.target) + self.integral * self._sum
        return float(np.clip(wish, self.least, self.most))

    def measured(self, forgetting: float) -> float:
        """Take in a measurement; the share from now on.

        The sum stands still while the share is at an end and would be driven further (anti-windup).
        """
        if not math.isfinite(forgetting):
            raise BadInputError("forgetting", "measured forgetting must be a finite number")
        self.forgetting += self.memory * (forgetting - self.forgetting)
        error = self.forgetting - self.target
        stuck = (self.share >= self.most and error > 0) or (self.share <= self.least and error < 0)
        if not stuck:
            self._sum += error
        return self.share
