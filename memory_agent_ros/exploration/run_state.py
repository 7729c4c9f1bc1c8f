"""How far a run of the explorer has come."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.exploration.codes import Abandoned, StopReason
from memory_agent_ros.exploration.request import Request
from memory_agent_ros.records.decision import Decision


@dataclass(frozen=True, eq=False)
class Experience:
    """What one choice leaves for a tip.

    Attributes:
        key: (K,) float32 unit vector of its situation.
        choice: (F,) float32 features of what was chosen.
        kind: of it.
        text: it in words, without what changes from run to run.
        objects: ids of the map's objects it is about.
    """

    key: NDArray[np.float32]
    choice: NDArray[np.float32]
    kind: str
    text: str
    objects: tuple[int, ...]


@dataclass
class RunState:
    """One run.

    Attributes:
        request: what was asked for.
        start_ns: stamp of its first image, None before.
        stop_reason: why it ended, empty while it goes on.
        travelled_m: length driven.
        coverage: share of the reachable floor seen; what lies behind frontiers is estimated.
        goals_reached: goals at which the robot arrived, or that were seen from afar.
        abandoned: goals put aside, with the reason.
        decisions: choices of the policy.
        experience: one for each of them.
        looks_xy: (x, y) of the places where the robot looked around.
    """

    request: Request
    start_ns: int | None = None
    stop_reason: StopReason = StopReason.NONE
    travelled_m: float = 0.0
    coverage: float = 0.0
    goals_reached: int = 0
    abandoned: list[Abandoned] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    experience: list[Experience] = field(default_factory=list)
    looks_xy: list[tuple[float, float]] = field(default_factory=list)

    @property
    def spent(self) -> bool:
        """Whether the metres or the choices allowed are used up."""
        return self.travelled_m >= self.request.budget_m or len(self.decisions) >= self.request.max_decisions

    def late(self, stamp_ns: int) -> bool:
        """Whether the time is up at a stamp."""
        return self.start_ns is not None and stamp_ns - self.start_ns > self.request.time_limit_ns
