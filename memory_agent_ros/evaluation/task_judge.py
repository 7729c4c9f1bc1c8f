"""Scores a rendered episode by the truth: what was seen on the way, and whether a declaration was right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.exploration.apartments import MINIMUM_PIXELS
from memory_agent_ros.exploration.codes import StopReason
from memory_agent_ros.exploration.explorer import Explorer
from memory_agent_ros.records.decision import CandidateKind
from memory_agent_ros.records.exploration_task import EpisodeOutcome, ExplorationTask
from memory_agent_ros.records.frame import Frame

#: A thing counts as seen with so many pixels at 640x480, from not farther; a declaration is right within ``RIGHT_M``.
PIXELS, SEEN_M, RIGHT_M = MINIMUM_PIXELS, 5.0, 2.5
#: What was in view from this near still is in sight, metres.
_SAME_PLACE_M = 0.5


@dataclass(frozen=True, eq=False)
class TrueThing:
    """What the judge knows of a thing: its label, where it stands, whether it is one of those to be discovered."""

    label: str
    center: NDArray[np.float64]
    movable: bool


class TaskJudge:
    """Watches an episode frame by frame.

    Args:
        task: what is to be done.
        things: true things by id.
        goals: ids of those that the goal names.
        shortest_m: length of the shortest way to a place from which the goal may be declared.
    """

    def __init__(
        self, task: ExplorationTask, things: Mapping[int, TrueThing], goals: Iterable[int], shortest_m: float
    ) -> None:
        self._task, self._things, self._goals, self._shortest_m = task, things, frozenset(goals), shortest_m
        self._movable = [i for i, thing in things.items() if thing.movable]
        self._first_m: dict[int, float] = {}
        self._sights: list[NDArray[np.float64]] = []

    def look(self, frame: Frame, base_xy: NDArray[np.float64], metres: float) -> None:
        """Take one frame with its instance image."""
        if frame.instances is None:
            raise ValueError("judging needs instance images")
        least = PIXELS * frame.camera.width * frame.camera.height / (640 * 480)
        counts = np.bincount(np.maximum(frame.instances, 0).ravel())
        for number in np.flatnonzero(counts >= least).tolist():
            thing = self._things.get(number)
            if thing is None:
                continue
            away = float(np.linalg.norm(thing.center[:2] - base_xy))
            if away <= SEEN_M and thing.movable:
                self._first_m.setdefault(number, metres)
            if number in self._goals and away <= RIGHT_M:
                self._sights.append(base_xy.copy())

    def outcome(self, explorer: Explorer, base_xy: NDArray[np.float64]) -> EpisodeOutcome:
        """How the episode ended; ``base_xy`` (2,) is where the robot stands."""
        last = explorer.decisions[-1] if explorer.decisions else None
        chose_stop = last is not None and last.candidates[last.chosen].kind is CandidateKind.STOP
        declared = bool(self._goals) and (chose_stop or explorer.run.stop_reason is StopReason.GOAL_FOUND)
        in_sight = any(np.linalg.norm(at - base_xy) <= _SAME_PLACE_M for at in self._sights)
        success = declared and in_sight
        budget, total = self._task.budget_m, max(len(self._movable), 1)
        area = sum(max(0.0, 1.0 - metres / budget) for metres in self._first_m.values())
        driven = explorer.travelled_m
        spl = self._shortest_m / max(driven, self._shortest_m, 1e-6) if self._shortest_m > 0 else 1.0
        return EpisodeOutcome(
            success=success,
            spl=float(spl) if success and np.isfinite(self._shortest_m) else 0.0,
            metres=driven,
            decisions=len(explorer.decisions),
            wrong_declarations=int(declared and not success),
            found=len(self._first_m) / total,
            auc=area / total,
            stop_reason=str(explorer.run.stop_reason),
        )
