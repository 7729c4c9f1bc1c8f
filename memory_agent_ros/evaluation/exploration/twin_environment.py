"""The twin behind the protocol that policies are written on: tasks in, situations, rewards and outcomes out."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.exploration.apartments import apartment, changed_apartment
from memory_agent_ros.evaluation.exploration.scene import Scene
from memory_agent_ros.evaluation.exploration.states import state_numbers, task_number, write_rows
from memory_agent_ros.evaluation.exploration.task_sets import goal_things
from memory_agent_ros.evaluation.exploration.twin_memory import TwinMemory
from memory_agent_ros.exploration.candidates import (
    MATCHES,
    STOP,
    Array,
    Bools,
    CandidateConfig,
    Goal,
    choose_candidates,
    declarable,
)
from memory_agent_ros.exploration.features import SHAPE, make_situations
from memory_agent_ros.exploration.labels import LABEL, LabelVectors
from memory_agent_ros.exploration.situation import Shape, Situations, Step
from memory_agent_ros.records.exploration_task import EpisodeOutcome, ExplorationTask, TaskKind

if TYPE_CHECKING:
    from memory_agent_sim.twin.slots import Drive
    from memory_agent_sim.twin.tables import TwinTables

#: Fewer candidates than on a robot: apartments are small.
TWIN_CANDIDATES = CandidateConfig(frontiers=12, rooms=6, viewpoints=11)
#: An episode whose metres are used up to this rest is over.
_REST_M = 0.4
ROOMS = 6
#: Time between two goals of a chain, while the world is changed, seconds.
BETWEEN_GOALS_S = 3600.0
_KINDS = tuple(TaskKind)
#: Kinds that are scored by the area under the curve of what was found.
_BY_AREA = (TaskKind.DISCOVER, TaskKind.VERIFY)


class MemoryMode(enum.StrEnum):
    """What the robot knows when a further goal is given."""

    KEPT = "memory_kept"
    RESET = "memory_reset"
    ORACLE = "oracle_map"


class TwinEnvironment:
    """Episodes in the twin, B at a time. An episode is one goal.

    Rewards: ``search`` 1 for a right declaration, else 0; ``discover`` what the step adds to the area under the curve
    of things found over metres; ``verify`` the same of stale things that were seen again or found gone. A robot that
    verifies remembers the whole apartment as it was before some things were moved.

    Args:
        tasks: numbered as :meth:`reset` names them; all of one kind.
        words: label vectors.
        tables: apartment of a task; by default :func:`~memory_agent_ros.evaluation.exploration.apartments.apartment`.
        config: candidates.
        name: domain of tips; by default kind and placement of the tasks.
    """

    def __init__(
        self,
        tasks: Sequence[ExplorationTask],
        words: LabelVectors,
        tables: Callable[[ExplorationTask], TwinTables] | None = None,
        config: CandidateConfig = TWIN_CANDIDATES,
        name: str = "",
    ) -> None:
        self.tasks = tuple(tasks)
        self.config = config
        self.words = words
        self._tables = tables or _apartment
        self._name = name or f"{self.tasks[0].kind.value}/{self.tasks[0].placement}"
        self._rows: list[ExplorationTask] = []
        self._last: Situations

    @property
    def name(self) -> str:
        """Domain."""
        return self._name

    @property
    def shape(self) -> Shape:
        """Widths of the arrays."""
        return SHAPE

    # ---------------------------------------------------------------- episodes

    def reset(self, tasks: Sequence[int]) -> Situations:
        """Begin an episode of each task; the robot looks all round first."""
        from memory_agent_sim.twin.slots import TwinSlots

        chosen = [self.tasks[int(t)] for t in tasks]
        if len(chosen) != len(self._rows):
            self.slots = TwinSlots(len(chosen))
        self._rows = chosen
        for row, task in enumerate(chosen):
            self.slots.load(row, self._tables(task))
        self.memory = TwinMemory(self.slots, ROOMS)
        self.memory.vector = np.zeros((len(chosen), self.slots.things, LABEL), np.float32)
        self._movable = np.zeros((len(chosen), self.slots.things), bool)
        self._movable_ever = self._movable.copy()
        situations = self._begin([task.goals[0] if task.goals else "" for task in chosen])
        if chosen[0].kind is not TaskKind.VERIFY:
            return situations
        self.tell_all()
        now = [changed_apartment(t.split, t.seed, t.placement, t.edits) for t in chosen]
        return self.next_goal([""] * len(chosen), now, MemoryMode.KEPT)

    def next_goal(self, goals: Sequence[str], tables: Sequence[TwinTables], memory: MemoryMode) -> Situations:
        """Other goals, in a world that was changed while the robots were back where they had started.

        Args:
            goals: one for each episode.
            tables: the apartments as they are now.
            memory: what becomes of what the robots remember.
        """
        everywhere = np.ones(len(self._rows), bool)
        self.memory.world_changes(BETWEEN_GOALS_S)
        for row, one in enumerate(tables):
            self.slots.replace_things(row, one)
            self.slots.node[row] = one.start
        if memory is not MemoryMode.KEPT:
            self.memory.forget(everywhere)
            self.slots.known[:] = 0
        situations = self._begin(goals)
        return self.tell_all() if memory is MemoryMode.ORACLE else situations

    def tell_all(self) -> Situations:
        """Give every robot the map: the floor, and each thing where it is now."""
        self.slots.known[:] = 255
        self.memory.know_all(np.ones(len(self._rows), bool))
        self._last = self._situations(~self.done)
        return self._last

    def _begin(self, goals: Sequence[str]) -> Situations:
        """Counters at zero, new goals, a look all round."""
        count = len(self._rows)
        self._goals = list(goals)
        self._is_goal = np.zeros((count, self.slots.things), bool)
        self.memory.match[:] = 0.0
        for row, goal in enumerate(self._goals):
            self._place(row, goal)
        self._budget = np.array([t.budget_m for t in self._rows], np.float32)
        self._most = np.array([t.max_decisions for t in self._rows], np.int64)
        self._kind = np.array([_KINDS.index(t.kind) for t in self._rows], np.int64)
        self._goal_vector = self.words.vectors(self._goals)
        self.metres, self.decisions = np.zeros(count), np.zeros(count, np.int64)
        self.done, self.success = np.zeros(count, bool), np.zeros(count, bool)
        self.wrong, self.reason = np.zeros(count, np.int64), [""] * count
        self.found, self.auc = np.zeros(count), np.zeros(count)
        self._stale = self.memory.seen & self._movable_ever & (self.memory.age_s > self.config.stale_s)
        wanted = np.where((self._kind == _KINDS.index(TaskKind.VERIFY))[:, None], self._stale, self._movable)
        self._count = np.maximum(wanted.sum(axis=1), 1)
        self.shortest = self._shortest()
        self._hit = np.zeros(count, bool)
        self._targets = np.zeros((count, self.config.count), np.int64)
        self._salt = np.array([task_number(t, g) for t, g in zip(self._rows, self._goals, strict=True)], np.uint64)
        everywhere = np.ones(count, bool)
        self._take(self.slots.look(everywhere), everywhere)
        return self._situations(everywhere)

    def _place(self, row: int, goal: str) -> None:
        tables = self.slots.tables[row]
        assert tables is not None
        count = len(tables.labels)
        self.memory.vector[row, :count] = self.words.vectors(tables.labels)
        self.memory.furniture[row, :count] = ~tables.movable
        self.memory.set_rooms(row, tables.boxes.room)
        self._movable[row, :count] = tables.movable & tables.boxes.present
        self._movable_ever[row, :count] = tables.movable
        if goal:
            matching = goal_things(tables.labels, goal)
            self.memory.match[row, :count] = matching
            self._is_goal[row, :count] = matching & tables.boxes.present

    def _shortest(self) -> NDArray[np.float64]:
        """(B,) metres of the shortest way to a place from which the goal may be declared; inf if there is none."""
        slots = self.slots
        good = (slots.things_around & (slots.range_m <= self.config.declare_m) & self._is_goal[:, None]).any(axis=2)
        path = slots.path_m[np.arange(len(slots)), slots.node]
        return np.asarray(np.where(good, path, np.inf).min(axis=1), np.float64)

    def step(self, choices: NDArray[np.integer]) -> Step:
        """Drive to what was chosen, or stop."""
        active = ~self.done
        rows = np.arange(len(active))
        reward = np.zeros(len(active), np.float32)
        self.decisions += active
        stops = active & (choices == STOP)
        self._declare(stops, reward)
        drives = active & ~stops
        before = self.auc.copy()
        if drives.any():
            left = np.maximum(self._budget - self.metres, 0.0)
            drive = self.slots.drive(self._targets[rows, choices], left, drives)
            self._take(drive, drives)
            self._close(drives, drive.arrived)
        ended = active & self.done
        self.auc[ended] += (self.found * np.clip(1.0 - self.metres / self._budget, 0.0, 1.0))[ended]
        if self._rows[0].kind in _BY_AREA:
            reward += (self.auc - before).astype(np.float32)
        return Step(self._situations(~self.done), reward, self.done.copy())

    def _declare(self, stops: Bools, reward: Array) -> None:
        hit = self._hit
        wanted = np.asarray(self._is_goal.any(axis=1))
        self.success |= stops & hit
        reward[stops & hit] = 1.0
        self.wrong += stops & ~hit & wanted
        for row in np.flatnonzero(stops):
            self.reason[row] = "declared" if hit[row] else "wrong_declaration" if wanted[row] else "stopped"
        self.done |= stops

    def _take(self, drive: Drive, active: Bools) -> None:
        """Add what came of a drive to the memory and to the area under the curve of what was found."""
        unseen = ~self.memory.seen
        self.memory.observe(drive, active)
        metres = np.where(active, drive.metres, 0.0)
        verifies = (self._kind == _KINDS.index(TaskKind.VERIFY))[:, None]
        met = np.isfinite(drive.first_m) | (verifies & (self.memory.presence == 0))
        new = np.where(verifies, self._stale, unseen & self._movable) & met & active[:, None]
        self._stale &= ~new
        first = np.minimum(drive.first_m, metres[:, None])
        gained = np.where(new, metres[:, None] - first, 0.0).sum(axis=1) / self._count
        self.auc += (self.found * metres + gained) / self._budget
        self.found += new.sum(axis=1) / self._count
        self.metres += metres

    def _close(self, drives: Bools, arrived: Bools) -> None:
        """End what has no decisions left, or not the metres to arrive; who sees the goal may still say so."""
        out = drives & (~arrived | (self._budget - self.metres < _REST_M))
        sees = self.memory.in_sight & (self.memory.match >= MATCHES)
        near = self.slots.range_m[np.arange(len(out)), self.slots.node] <= self.config.declare_m
        out &= ~(sees & near).any(axis=1)
        late = drives & (self.decisions >= self._most)
        for row in np.flatnonzero(out | late):
            self.reason[row] = "budget_used" if out[row] else "decisions_used"
        self.done |= out | late

    def _situations(self, active: Bools) -> Situations:
        """Situations of the rows that go on; the others keep their last ones."""
        rows = np.flatnonzero(active)
        if len(rows) == 0:
            return self._last
        reached = self.slots.reached()[rows]
        places, things = self.memory.places(rows, reached), self.memory.things(rows, reached)
        choices = choose_candidates(places, things, self.config)
        self.scene = Scene(rows, places, things, choices)
        goal = Goal(
            vector=self._goal_vector[rows],
            kind=self._kind[rows],
            budget_m=self._budget[rows],
            left_m=(self._budget - self.metres)[rows].astype(np.float32),
            left_decisions=(1.0 - self.decisions / self._most)[rows].astype(np.float32),
            state=state_numbers(self._salt, self._xy(), self.memory.in_sight)[rows],
        )
        distance = self.memory.distance_m(rows, choices.place)
        found = make_situations(choices, places, things, goal, distance, self.config)
        self._hit[rows] = (declarable(things, self.config) & self._is_goal[rows]).any(axis=1)
        self._targets[rows] = choices.place
        self._last = found if len(rows) == len(active) else write_rows(self._last, rows, found)
        return self._last

    def _xy(self) -> NDArray[np.float32]:
        """(B, 2) where the robots are, metres."""
        return self.slots.nodes_xy[np.arange(len(self.slots)), self.slots.node]

    # ---------------------------------------------------------------- results

    def scores(self) -> Array:
        """(B,) 1 for a right declaration; area under the curve for ``discover`` and ``verify``."""
        by_area = np.isin(self._kind, [_KINDS.index(kind) for kind in _BY_AREA])
        return np.where(by_area, self.auc, self.success).astype(np.float32)

    def outcomes(self) -> list[EpisodeOutcome]:
        """How the episodes stand."""
        shortest = np.where(np.isfinite(self.shortest), self.shortest, 0.0)
        spl = self.success * (shortest + 1e-6) / (np.maximum(self.metres, shortest) + 1e-6)
        return [
            EpisodeOutcome(
                success=bool(self.success[i]),
                spl=float(spl[i]),
                metres=float(self.metres[i]),
                decisions=int(self.decisions[i]),
                wrong_declarations=int(self.wrong[i]),
                found=float(self.found[i]),
                auc=float(self.auc[i]),
                stop_reason=self.reason[i] or "running",
            )
            for i in range(len(self._rows))
        ]

    def task(self, row: int) -> ExplorationTask:
        """The task of an episode."""
        return self._rows[row]

    def goal_text(self, row: int) -> str:
        """The goal of an episode, in words."""
        return self._goals[row] or self._rows[row].kind.value

    def choice_text(self, row: int, choice: int) -> str:
        """A candidate of the current situation, in words."""
        tables = self.slots.tables[row]
        assert tables is not None
        return self.scene.text(row, choice, tables.rooms, tables.labels)


def _apartment(task: ExplorationTask) -> TwinTables:
    return apartment(task.split, task.seed, task.placement)
