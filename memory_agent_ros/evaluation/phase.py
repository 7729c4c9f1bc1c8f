"""What is recorded of a run of the explorer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from memory_agent_ros.exploration.codes import Command
from memory_agent_ros.exploration.explorer import Explorer
from memory_agent_ros.perception.pipeline import PerceptionResult
from memory_agent_ros.records.event import MemoryEvent
from memory_agent_ros.records.frame import Frame


@dataclass(frozen=True, eq=False)
class Tick:
    """What happened at one frame; handed to hooks.

    Attributes:
        phase: "explore" or "patrol".
        frame: the image.
        perception: what was detected and lifted.
        events: what changed in the memory.
        command: what the explorer told the base.
        update_ms: wall time of the memory's update, milliseconds.
    """

    phase: str
    frame: Frame
    perception: PerceptionResult
    events: list[MemoryEvent]
    command: Command
    update_ms: float


@dataclass(frozen=True)
class PhaseResult:
    """One run of the explorer.

    Attributes:
        phase: "explore" or "patrol".
        stop_reason: why it ended.
        simulated_s: how long it took in the simulation.
        wall_s: how long it took.
        frames: number of images.
        travelled_m: length driven.
        collisions: frames with a collision.
        goals_reached: goals reached.
        goals_abandoned: goals put aside.
        reasons: seconds spent per reason code.
        update_ms: per frame, memory update; ``lift_ms``, ``detect_ms`` beside it.
        detections: per frame, number of observations.
        refused: detections refused, by reason.
    """

    phase: str
    stop_reason: str
    simulated_s: float
    wall_s: float
    frames: int
    travelled_m: float
    collisions: int
    goals_reached: int
    goals_abandoned: int
    reasons: Mapping[str, float]
    update_ms: tuple[float, ...]
    lift_ms: tuple[float, ...]
    detect_ms: tuple[float, ...]
    detections: tuple[int, ...]
    refused: Mapping[str, int]

    def summary(self) -> dict[str, Any]:
        """JSON-ready form with medians instead of lists."""
        out = asdict(self)
        for name in ("update_ms", "lift_ms", "detect_ms", "detections"):
            values = out[name]
            out[name] = round(float(np.median(values)), 2) if values else None
        out |= {name: round(out[name], 2) for name in ("simulated_s", "wall_s", "travelled_m")}
        out["reasons"] = {k: round(v, 1) for k, v in self.reasons.items()}
        return out


class TickLog:
    """Collects numbers of a phase."""

    def __init__(self) -> None:
        self.update_ms: list[float] = []
        self.lift_ms: list[float] = []
        self.detect_ms: list[float] = []
        self.detections: list[int] = []
        self.reasons: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.collisions = 0
        self.stop_reason = ""

    def add(self, tick: Tick, collided: bool) -> None:
        """Add one frame."""
        self.update_ms.append(tick.update_ms)
        self.lift_ms.append(tick.perception.lift_ms)
        self.detect_ms.append(tick.perception.detect_ms)
        self.detections.append(len(tick.perception.observations))
        self.refused += tick.perception.refused
        self.reasons[str(tick.command.reason)] += 1
        self.collisions += bool(collided)
        self.stop_reason = str(tick.command.stop_reason)

    def result(self, phase: str, explorer: Explorer, simulated_s: float, wall_s: float, dt: float) -> PhaseResult:
        """Sum up; ``dt`` is the seconds a step takes."""
        return PhaseResult(
            phase,
            self.stop_reason,
            simulated_s,
            wall_s,
            len(self.update_ms),
            explorer.travelled_m,
            self.collisions,
            explorer.goals_reached,
            explorer.goals_abandoned,
            {k: v * dt for k, v in self.reasons.items()},
            tuple(self.update_ms),
            tuple(self.lift_ms),
            tuple(self.detect_ms),
            tuple(self.detections),
            dict(self.refused),
        )
