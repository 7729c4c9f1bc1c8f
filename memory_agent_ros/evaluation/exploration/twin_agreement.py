"""The same choices made in the twin and driven with rendered pictures: what was seen after each, and how far it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from skimage.graph import MCP_Geometric

from memory_agent_ros.evaluation.exploration.apartments import MINIMUM_PIXELS
from memory_agent_ros.evaluation.exploration.rollout import run_batch
from memory_agent_ros.evaluation.exploration.task_sets import goal_things
from memory_agent_ros.evaluation.exploration.twin_environment import TwinEnvironment
from memory_agent_ros.exploration.config import ExplorerConfig
from memory_agent_ros.exploration.follower import Follower
from memory_agent_ros.exploration.situation import Policy
from memory_agent_ros.geometry.se3 import yaw_of

if TYPE_CHECKING:
    from memory_agent_sim.simulation import Simulation
    from memory_agent_sim.twin.tables import TwinTables

#: A thing counts as seen from so many pixels at 640 x 480 on, as in the twin, and out to this range, metres.
SEEN_PIXELS, SEEN_M = MINIMUM_PIXELS, 6.0
#: A drive that takes longer than its length at this speed plus ten seconds has failed, metres per second.
_SLOWEST_MPS = 0.1
_ARRIVED_M = 0.15
_SPIN_RPS = 1.2
#: Every second tick of 0.2 s has a picture.
_TICKS_PER_FRAME = 2
#: Frames in touch with something after which the robot backs off, for so many frames.
_TOUCHES, _BACK_OFF = 5, 8


@dataclass(frozen=True, eq=False)
class Walk:
    """What N choices gave, the look all round at the start first.

    Attributes:
        metres: (N + 1,) driven in all after each.
        nearest_m: (N + 1, M) least distance over the floor from which each thing was seen meanwhile, inf if it was not.
    """

    metres: NDArray[np.float64]
    nearest_m: NDArray[np.float64]

    def found(self, things: NDArray[np.bool_], budget_m: float) -> float:
        """Share of the things that were seen within a budget."""
        within = self.nearest_m[self.metres <= budget_m + 1e-6][:, things]
        return float(np.isfinite(within).any(axis=0).mean())

    def auc(self, things: NDArray[np.bool_], budget_m: float) -> float:
        """Mean over the budget of the share of things seen so far, counted after each choice."""
        share = np.logical_or.accumulate(np.isfinite(self.nearest_m[:, things])).mean(axis=1)
        edges = np.append(np.minimum(self.metres, budget_m), budget_m)
        return float((share * np.diff(edges)).sum() / budget_m)

    def reached_at(self, things: NDArray[np.bool_], range_m: float) -> float:
        """Metres after the choice by which one of the things was seen from within a range; inf if none was."""
        hits = (self.nearest_m[:, things] <= range_m).any(axis=1)
        return float(self.metres[np.argmax(hits)]) if hits.any() else float("inf")


def chosen_places(environment: TwinEnvironment, policy: Policy, task: int) -> list[int]:
    """Places a policy drives to in the twin, one after the other, until the episode ends."""
    at: list[int] = []
    run_batch(environment, policy, [task], lambda situations, choices: at.append(int(environment.slots.node[0])))
    return [*at[1:], int(environment.slots.node[0])]


def walk_in_twin(tables: TwinTables, places: Sequence[int]) -> Walk:
    """Drive through places in the twin."""
    from memory_agent_sim.twin.slots import TwinSlots

    slots = TwinSlots(1)
    slots.load(0, tables)
    drives = [slots.look()] + [slots.drive(np.array([p])) for p in places]
    metres = np.cumsum([float(d.metres[0]) for d in drives])
    return Walk(metres, np.stack([d.nearest_m[0] for d in drives]).astype(np.float64))


def walk_rendered(sim: Simulation, goals_xy: NDArray[np.floating]) -> Walk:
    """Drive through (N, 2) points in the simulation, turning all round at each.

    Raises:
        TimeoutError: a point was not reached.
    """
    walker = _Walker(sim)
    walker.spin()
    metres, nearest = [walker.metres], [walker.taken()]
    for goal in goals_xy:
        walker.drive(np.asarray(goal, dtype=np.float64))
        walker.spin()
        metres.append(walker.metres)
        nearest.append(walker.taken())
    return Walk(np.array(metres), np.stack(nearest))


class _Walker:
    """Drives the simulated robot along shortest ways of the true floor and notes what its pictures show."""

    def __init__(self, sim: Simulation) -> None:
        self._sim = sim
        self._follower = Follower(ExplorerConfig())
        self._pixels = SEEN_PIXELS * sim.camera.width * sim.camera.height / (640 * 480)
        self._centers = {t.id: t.box.center[:2] for t in sim.truth() if t.present}
        self._nearest = np.full(len(sim.labels), np.inf)
        floor, self._origin = sim.free_floor(0.05)
        self._cost = _clearance_cost(floor)
        self.metres, self._ticks = 0.0, 0

    def taken(self) -> NDArray[np.float64]:
        """(M,) distances noted since the last time."""
        noted, self._nearest = self._nearest, np.full(len(self._nearest), np.inf)
        return noted

    def drive(self, goal: NDArray[np.float64]) -> None:
        """Follow the shortest way to (2,)."""
        path = self._path(goal)
        touches, length = 0, float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())
        for _ in range(int((length / _SLOWEST_MPS + 10.0) * self._sim.config.rate_hz)):
            T = self._sim.T_map_base
            if np.linalg.norm(T[:2, 3] - goal) < _ARRIVED_M:
                return
            touches = touches + 1 if self._sim.collided else 0
            if touches >= _TOUCHES:
                for _ in range(_BACK_OFF):
                    self._tick(-0.15, 0.0)
                path, touches = self._path(goal), 0
            self._tick(*self._follower.command(path, T[:2, 3], yaw_of(T), np.inf))
        raise TimeoutError(f"the robot did not get to {goal.round(2)} from {self._sim.T_map_base[:2, 3].round(2)}")

    def spin(self) -> None:
        """Turn once around."""
        turned, before = 0.0, yaw_of(self._sim.T_map_base)
        while turned < 2 * np.pi:
            self._tick(0.0, _SPIN_RPS)
            now = yaw_of(self._sim.T_map_base)
            turned += float(np.angle(np.exp(1j * (now - before))))
            before = now
        self._tick(0.0, 0.0)

    def _tick(self, linear: float, angular: float) -> None:
        before = self._sim.T_map_base[:2, 3].copy()
        self._sim.step(linear, angular)
        here = self._sim.T_map_base[:2, 3]
        self.metres += float(np.linalg.norm(here - before))
        self._ticks += 1
        if self._ticks % _TICKS_PER_FRAME:
            return
        instances = self._sim.frame().instances
        assert instances is not None
        ids, counts = np.unique(instances, return_counts=True)
        for object_id in ids[counts >= self._pixels].tolist():
            if object_id in self._centers:
                distance = float(np.linalg.norm(self._centers[object_id] - here))
                if distance <= SEEN_M:
                    self._nearest[object_id - 1] = min(self._nearest[object_id - 1], distance)

    def _path(self, goal: NDArray[np.float64]) -> NDArray[np.float64]:
        search = MCP_Geometric(self._cost)
        search.find_costs([self._cell(self._sim.T_map_base[:2, 3])])
        cells = np.array(search.traceback(self._cell(goal)))
        points: NDArray[np.float64] = np.vstack([(cells[:, ::-1] + 0.5) * 0.05 + self._origin, goal])
        return points

    def _cell(self, xy: NDArray[np.float64]) -> tuple[int, int]:
        column, row = np.floor((xy - self._origin) / 0.05).astype(int)
        return int(row), int(column)


def _clearance_cost(floor: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(H, W) cost of a cell: 1 in the open, more near walls, -1 where the base cannot be."""
    clearance = distance_transform_edt(np.pad(floor, 1))[1:-1, 1:-1] * 0.05
    cost: NDArray[np.float64] = np.where(clearance > 0.2, 1.0 + 4.0 * np.exp(-(clearance - 0.25) / 0.08), -1.0)
    return cost


def goal_results(
    walk: Walk, tables: TwinTables, budget_m: float, range_m: float, goals: Sequence[str]
) -> list[tuple[bool, float]]:
    """For each goal whether a search with these choices had succeeded, and its metres (the budget if it had not)."""
    results = []
    for goal in goals:
        metres = walk.reached_at(goal_things(tables.labels, goal) & tables.boxes.present, range_m)
        results.append((metres <= budget_m, min(metres, budget_m)))
    return results
