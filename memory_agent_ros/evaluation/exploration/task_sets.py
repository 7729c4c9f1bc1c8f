"""Sets of tasks: which apartments, which goals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.exploration.apartments import apartment
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.exploration_task import ExplorationTask, TaskKind

if TYPE_CHECKING:
    from memory_agent_sim.twin.tables import TwinTables

#: Apartments with fewer rooms leave little to search.
MINIMUM_ROOMS = 5
#: A goal that can be declared after a shorter way is no search, metres.
MINIMUM_WAY_M = 3.0
#: Range of a right declaration, metres.
DECLARE_M = 2.5
#: Metres for a search: set on ``val`` so that the nearest frontier finds 50 to 60 % (docs/exploration.md).
SEARCH_BUDGET_M = 13.0
DISCOVER_BUDGET_M = 25.0
MAX_DECISIONS = 25


def goal_things(labels: Sequence[str], goal: str) -> NDArray[np.bool_]:
    """(M,) which things a goal's text names: those whose label it is, or ends in ("the red mug" names every mug)."""
    text = " ".join(goal.lower().split())
    return np.array([text == label or text.endswith(" " + label) for label in labels], bool)


def large_apartments(split: str, seeds: Sequence[int], rooms: int = MINIMUM_ROOMS) -> list[int]:
    """Those of the seeds whose apartment has at least so many rooms."""
    from memory_agent_sim.layout import seed_sequence

    return [s for s in seeds if int(np.random.default_rng(seed_sequence(split, s)).integers(3, 7)) >= rooms]


def search_tasks(
    split: str,
    seeds: Sequence[int],
    placement: str = "habitual",
    goals: int = 2,
    budget_m: float = SEARCH_BUDGET_M,
) -> list[ExplorationTask]:
    """Searches for categories, up to ``goals`` of them in each large apartment.

    A goal can be declared somewhere, but from nowhere within 3 m of where the robot starts.

    Raises:
        BadInputError: ``tasks_empty`` if no seed gives a task.
    """
    found: list[ExplorationTask] = []
    for seed in large_apartments(split, seeds):
        tables = apartment(split, seed, placement)
        names = searchable(tables)
        order = np.random.default_rng([abs(seed), 77]).permutation(len(names))
        for i in order[:goals]:
            task = ExplorationTask(TaskKind.SEARCH, split, seed, (names[int(i)],), placement, budget_m, MAX_DECISIONS)
            found.append(task)
    return _some(found)


def discover_tasks(
    split: str, seeds: Sequence[int], placement: str = "habitual", budget_m: float = DISCOVER_BUDGET_M
) -> list[ExplorationTask]:
    """Find as many movable things per metre as possible, in each large apartment.

    Raises:
        BadInputError: ``tasks_empty`` if no seed gives a task.
    """
    return _some(
        [
            ExplorationTask(TaskKind.DISCOVER, split, seed, (), placement, budget_m, 2 * MAX_DECISIONS)
            for seed in large_apartments(split, seeds)
        ]
    )


def verify_tasks(
    split: str, seeds: Sequence[int], placement: str = "habitual", budget_m: float = DISCOVER_BUDGET_M, edits: int = 4
) -> list[ExplorationTask]:
    """Look again, per metre, at the things of a remembered apartment of which some were moved, in each large one.

    Raises:
        BadInputError: ``tasks_empty`` if no seed gives a task.
    """
    return _some(
        [
            ExplorationTask(TaskKind.VERIFY, split, seed, (), placement, budget_m, 2 * MAX_DECISIONS, edits)
            for seed in large_apartments(split, seeds)
        ]
    )


def searchable(tables: TwinTables, minimum_m: float = MINIMUM_WAY_M) -> list[str]:
    """Labels of movable things that are worth a search from where the robot starts, in alphabetical order."""
    names = sorted({str(label) for label in np.array(tables.labels)[tables.movable & tables.boxes.present]})
    sees = tables.sees_things.any(axis=1) & (tables.range_m <= DECLARE_M)
    way = tables.path_m[tables.start]
    out = []
    for name in names:
        good = sees[:, goal_things(tables.labels, name) & tables.boxes.present].any(axis=1)
        if good.any() and way[good].min() >= minimum_m:
            out.append(name)
    return out


def _some(tasks: list[ExplorationTask]) -> list[ExplorationTask]:
    if not tasks:
        raise BadInputError("tasks_empty", f"no apartment with {MINIMUM_ROOMS} rooms among these seeds; give more")
    return tasks
