"""Lessons for the explorer: situations met in ``train`` apartments, and what each candidate would have led to.

A rule that knows no goal walks through an apartment; of the situations it meets the twin tries every candidate
(:mod:`memory_agent_ros.evaluation.training.lookahead`). One trial tells when every thing would be met, so a situation
is a lesson for every goal that was not seen yet: :mod:`memory_agent_ros.evaluation.training.lesson_book` opens it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from memory_agent_ros.evaluation.exploration.apartments import apartment
from memory_agent_ros.evaluation.exploration.task_sets import (
    DECLARE_M,
    DISCOVER_BUDGET_M,
    discover_tasks,
    large_apartments,
)
from memory_agent_ros.evaluation.exploration.twin_environment import TwinEnvironment
from memory_agent_ros.evaluation.training.lookahead import Lookahead, Met
from memory_agent_ros.exploration.candidates import STOP
from memory_agent_ros.exploration.guide import information_gain
from memory_agent_ros.exploration.labels import LabelVectors
from memory_agent_ros.exploration.rollout import draw
from memory_agent_ros.exploration.situation import Situations
from memory_agent_ros.records.errors import BadInputError

if TYPE_CHECKING:
    from memory_agent_sim.twin.tables import TwinTables

#: Temperatures of the rule that walks, one walk of an apartment each.
_TEMPERATURES = (0.5, 1.0, 2.0, 3.0)
#: Share of the decisions of a walk that become lessons.
_KEPT = 0.6
#: Room for the candidates of a lesson, ``stop`` first, and for the movable things of an apartment.
CANDIDATES, THINGS = 27, 40


@dataclass(frozen=True, eq=False)
class Things:
    """The movable things of one apartment that are there, padded to :data:`THINGS`.

    Attributes:
        index: (m,) their numbers in the tables.
        category, surface: (M,) texts, what each is and what it stands on (``kitchen/counter``); empty for padding.
        shortest_m: (M,) way from the start to where each can be declared; inf where it cannot, and for padding.
    """

    index: NDArray[np.int64]
    category: NDArray[np.str_]
    surface: NDArray[np.str_]
    shortest_m: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Lessons:
    """N situations with their goals left open, in A apartments. Floats are stored in half their width.

    Attributes:
        apartment: (N,) row of the apartment in the arrays that begin with A.
        metres, decisions: (N,) spent so far.
        candidates: (N, C, F) with ``mask`` (N, C); context (N, T, O) with ``context_mask`` (N, T).
        area: (N, C) what going there, and by the rule from then on, adds to the area under the curve of discovery.
        declared_m: (N, C, M) metres of an episode that does so until thing M could be declared; inf if never.
        unseen: (N, M) bool, things that are there and were not seen yet.
        category, surface: (A, M) texts; shortest_m (A, M) metres, see :class:`Things`.
    """

    apartment: NDArray[np.int64]
    metres: NDArray[np.float32]
    decisions: NDArray[np.int64]
    candidates: NDArray[np.float16]
    mask: NDArray[np.bool_]
    context: NDArray[np.float16]
    context_mask: NDArray[np.bool_]
    area: NDArray[np.float32]
    declared_m: NDArray[np.float16]
    unseen: NDArray[np.bool_]
    category: NDArray[np.str_]
    surface: NDArray[np.str_]
    shortest_m: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.apartment)


@dataclass(frozen=True, eq=False)
class _Met:
    """A situation on the way, before its candidates were tried.

    Attributes:
        known: (bytes,) packed floor cells seen so far; ``node`` where the robot stands.
        metres, decisions: spent so far.
        columns, targets: (c,) columns of its candidates other than ``stop``, and the place of each.
        unseen: (m,) bool, movable things not seen yet.
        situation: one row.
    """

    known: NDArray[np.uint8]
    node: int
    metres: float
    decisions: int
    columns: NDArray[np.int64]
    targets: NDArray[np.int64]
    unseen: NDArray[np.bool_]
    situation: Situations


def gather(split: str, seeds: Sequence[int], words: LabelVectors, *, seed: int = 0, progress: bool = False) -> Lessons:
    """Lessons of the large apartments of the seeds.

    Args:
        split: of the apartments; things are put by habit.
        seeds: which apartments.
        words: label vectors.
        seed: of what is drawn.
        progress: show a bar.

    Raises:
        BadInputError: ``tasks_empty`` if there is no large apartment among the seeds.
    """
    rng = np.random.default_rng([seed, 91])
    chosen, rooms, rows = large_apartments(split, seeds), [], []
    for number, one in enumerate(tqdm(chosen, desc="lessons", unit="apartment", disable=not progress)):
        tables = apartment(split, one, "habitual")
        look = Lookahead(tables, DECLARE_M)
        things = movable_things(tables, look)
        met = _walk(TwinEnvironment(discover_tasks(split, [one]) * len(_TEMPERATURES), words), things, rng)
        rooms.append(things)
        rows += [lesson | {"apartment": number} for lesson in _tried(look, things, met)]
    if not rows:
        raise BadInputError("tasks_empty", "no apartment with five rooms among these seeds; give more")
    columns = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    names = ("category", "surface", "shortest_m")
    columns |= {name: np.stack([getattr(things, name) for things in rooms]) for name in names}
    return Lessons(**{field.name: columns[field.name] for field in fields(Lessons)})


def movable_things(tables: TwinTables, look: Lookahead) -> Things:
    """The movable things of an apartment."""
    index = np.flatnonzero(tables.movable & tables.boxes.present)[:THINGS]
    below, room = tables.boxes.below[index], tables.boxes.room[index]
    on = [tables.labels[b] if b >= 0 else "floor" for b in below.tolist()]
    category, surface = np.full(THINGS, "", "<U32"), np.full(THINGS, "", "<U48")
    category[: len(index)] = [tables.labels[i] for i in index]
    surface[: len(index)] = [f"{tables.rooms[r]}/{name}" for r, name in zip(room.tolist(), on, strict=True)]
    shortest = np.full(THINGS, np.inf, np.float32)
    shortest[: len(index)] = look.way_to(tables.start)[index]
    return Things(index, category, surface, shortest)


def _walk(environment: TwinEnvironment, things: Things, rng: np.random.Generator) -> list[_Met]:
    """Situations that the softened rule meets at several temperatures."""
    count = len(environment.tasks)
    heat = np.array(_TEMPERATURES, np.float32)[:, None]
    situations, alive, met = environment.reset(range(count)), np.ones(count, bool), list[_Met]()
    while alive.any():
        explores = situations.candidate_mask.copy()
        explores[:, STOP] = False
        explores[~explores.any(axis=1), STOP] = True
        scene = environment.scene
        for at, row in enumerate(scene.rows.tolist()):
            if explores[row, STOP] or rng.random() > _KEPT:
                continue
            columns = np.flatnonzero(explores[row])[: CANDIDATES - 1]
            met.append(
                _Met(
                    environment.slots.known[row].copy(),
                    int(environment.slots.node[row]),
                    float(environment.metres[row]),
                    int(environment.decisions[row]),
                    columns,
                    scene.choices.place[at, columns],
                    ~environment.memory.seen[row, things.index],
                    situations.rows(slice(row, row + 1)),
                )
            )
        logits = np.where(explores, information_gain(situations) / heat, -np.inf)
        step = environment.step(draw(logits.astype(np.float32), rng)[0])
        situations, alive = step.situations, alive & ~step.done
    return met


def _tried(look: Lookahead, things: Things, met: Sequence[_Met]) -> list[dict[str, Any]]:
    """Every candidate of the situations is tried; rows of :class:`Lessons`."""
    if not met:
        return []
    sizes = [len(one.columns) for one in met]
    found = look.run(
        np.repeat(np.stack([one.known for one in met]), sizes, axis=0),
        np.repeat([one.node for one in met], sizes),
        np.concatenate([one.targets for one in met]),
        np.repeat([one.metres for one in met], sizes),
        DISCOVER_BUDGET_M,
    )
    ends = np.cumsum(sizes)
    return [
        _row(one, things, Met(found.seen_m[end - size : end], found.declared_m[end - size : end]))
        for one, size, end in zip(met, sizes, ends.tolist(), strict=True)
    ]


def _row(one: _Met, things: Things, found: Met) -> dict[str, Any]:
    """One lesson; its candidates are moved together, ``stop`` first."""
    seen = one.situation
    used, m = 1 + len(one.columns), len(things.index)
    kept = np.concatenate([[STOP], one.columns])
    candidates = np.zeros((CANDIDATES, seen.candidates.shape[2]), np.float16)
    candidates[:used] = seen.candidates[0, kept]
    declared = np.full((CANDIDATES, THINGS), np.inf, np.float16)
    declared[1:used, :m] = found.declared_m[:, things.index]
    left = np.clip(1.0 - found.seen_m[:, things.index] / DISCOVER_BUDGET_M, 0.0, 1.0)
    area, unseen = np.zeros(CANDIDATES, np.float32), np.zeros(THINGS, bool)
    area[1:used], unseen[:m] = (left * one.unseen).sum(axis=1) / max(1, m), one.unseen
    return {
        "metres": np.float32(one.metres),
        "decisions": np.int64(one.decisions),
        "candidates": candidates,
        "mask": np.arange(CANDIDATES) < used,
        "context": seen.context[0].astype(np.float16),
        "context_mask": seen.context_mask[0],
        "area": area,
        "declared_m": declared,
        "unseen": unseen,
    }
