"""One failure planted in a healthy run, at a stage of its own."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.doctor.healthy import Case, HealthyRun, answered
from memory_agent_ros.evaluation.sessions.world import Shot
from memory_agent_ros.memory.indexes.object_index import GONE
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.reasoning.calls import Reference, ToolCall
from memory_agent_ros.reasoning.doctor.stages import Stage
from memory_agent_ros.reasoning.results import Result, ResultKind
from memory_agent_ros.reasoning.toolbox import Toolbox
from memory_agent_ros.records.answer import Answer, AnswerState
from memory_agent_ros.records.event import MemoryEvent
from memory_agent_ros.records.map_object import MapObject
from memory_agent_ros.records.recalled_view import RecalledView
from memory_agent_ros.records.relation import Relation
from memory_agent_ros.records.room import Room

#: How far a misplaced object lies from where it was seen, metres.
_OFF_M = 2.5
#: How each stage is broken; the doctor is never told.
WAYS: dict[Stage, tuple[str, ...]] = {
    Stage.NEVER_SEEN: ("not_in_view",),
    Stage.DETECTED_WRONG: ("missed", "called_otherwise"),
    Stage.STORED_WRONG: ("misplaced", "renamed", "merged", "gone"),
    Stage.NOT_RETRIEVED: ("hidden", "asked_otherwise"),
    Stage.NOT_USED: ("ignored",),
}


@dataclass(frozen=True, eq=False)
class Broken:
    """How a broken run went.

    Attributes:
        memory: what was remembered, as the doctor examines it.
        answer: what came out.
        retrieved: ids of the objects that reached it.
    """

    memory: SpatialMemory
    answer: Answer
    retrieved: frozenset[int]


def broken_run(
    run: HealthyRun, case: Case, target: int, way: str, healthy: SpatialMemory, folder: Path, rng: np.random.Generator
) -> Broken | None:
    """A run with one failure, about the thing with the true id ``target``; None if it cannot be broken in that way.

    Args:
        run: without failure.
        case: what is asked.
        target: true id of an expected thing.
        way: one of :data:`WAYS`.
        healthy: the memory of the run.
        folder: for maps.
        rng: draws labels and places.
    """
    calls: Sequence[ToolCall] = case.asked.calls
    stored = stored_as(healthy, case, target)
    if stored is None:
        return None
    memory = healthy
    if way in _SHOTS:
        shots = [
            shot for shot in (_SHOTS[way](shot, target, _other_label(run, target, rng)) for shot in run.shots) if shot
        ]
        memory = run.remember(folder / "refed.map", shots)
    elif way in WAYS[Stage.STORED_WRONG]:
        memory = _stored_badly(healthy, stored, way, folder / "edited.map", rng)
    reader: Any = Hiding(memory, stored.id) if way == "hidden" else memory
    if way == "asked_otherwise":
        calls = _asked_otherwise(calls, stored.label, _known_other(healthy, stored.label, rng))
    told = answered(reader, calls, run.truth.now_ns)
    if told is None:
        return Broken(memory, Answer("I do not know.", AnswerState.UNKNOWN, 1.0), frozenset())
    answer, results = told
    if way == "ignored":
        ignoring = _ignoring(memory, calls, results, stored.id, run.truth.now_ns)
        if ignoring is None:
            return None
        answer = ignoring
    return Broken(memory, answer, frozenset(o.id for r in results for o in (*r.things, *r.cited)))


def stored_as(memory: SpatialMemory, case: Case, target: int) -> MapObject | None:
    """The object that an expected thing is stored as."""
    thing = case.expected[target]
    near = [o for o in memory.find(thing.label, limit=1000) if _apart(o, thing.position_m) < 0.5]
    return min(near, key=lambda o: _apart(o, thing.position_m), default=None)


def _apart(obj: MapObject, position: NDArray[np.float64] | None) -> float:
    return float(np.linalg.norm(obj.box.center - position)) if position is not None else np.inf


# -- the camera and the detector --------------------------------------------------------------------------------------


def _not_in_view(shot: Shot, target: int, label: str) -> Shot | None:
    assert shot.frame.instances is not None
    return None if (shot.frame.instances == target).any() else shot


def _missed(shot: Shot, target: int, label: str) -> Shot:
    kept = [(o, i) for o, i in zip(shot.observations, shot.true_ids, strict=True) if i != target]
    return Shot(shot.frame, [o for o, _ in kept], [i for _, i in kept])


def _called_otherwise(shot: Shot, target: int, label: str) -> Shot:
    told = [
        dataclasses.replace(o, label=label, label_scores={label: o.score}) if i == target else o
        for o, i in zip(shot.observations, shot.true_ids, strict=True)
    ]
    return Shot(shot.frame, told, shot.true_ids)


_SHOTS = {"not_in_view": _not_in_view, "missed": _missed, "called_otherwise": _called_otherwise}


def _other_label(run: HealthyRun, target: int, rng: np.random.Generator) -> str:
    labels = sorted(set(run.apartment.labels.values()) - {run.apartment.labels[target]})
    return str(rng.choice(labels))


# -- the store --------------------------------------------------------------------------------------------------------


def _stored_badly(
    healthy: SpatialMemory, stored: MapObject, way: str, path: Path, rng: np.random.Generator
) -> SpatialMemory:
    """A copy of the memory in which one object is stored wrongly."""
    healthy.save(path)
    if way == "gone":
        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE objects SET gone=1, presence=0.01, flags=flags|? WHERE id=?", (GONE, stored.id))
        connection.close()
        return SpatialMemory.open(path)
    memory = SpatialMemory.open(path)
    others = [o for o in memory.objects() if o.label != stored.label]
    if way == "misplaced":
        angle = rng.uniform(-np.pi, np.pi)
        off = _OFF_M * np.array([np.cos(angle), np.sin(angle), 0.0])
        memory.move(stored.id, stored.box.center + off, "broken on purpose")
    elif way == "renamed":
        memory.relabel(stored.id, others[int(rng.integers(len(others)))].label, "broken on purpose")
    else:
        keep = max(others, key=lambda o: (o.observations, o.id))
        memory.merge_objects(keep.id, stored.id, "broken on purpose")
    return memory


# -- retrieval --------------------------------------------------------------------------------------------------------


class Hiding:
    """A memory whose queries never give one object, as if its index had lost it."""

    def __init__(self, memory: SpatialMemory, hidden: int) -> None:
        self._memory, self._hidden = memory, hidden

    def _left(self, found: Sequence[MapObject]) -> list[MapObject]:
        return [o for o in found if o.id != self._hidden]

    def find(self, *args: Any, **options: Any) -> list[MapObject]:
        """Without it."""
        return self._left(self._memory.find(*args, **options))

    def near(self, *args: Any, **options: Any) -> list[MapObject]:
        """Without it."""
        return self._left(self._memory.near(*args, **options))

    def last_seen(self, label: str | None = None, *, text: str | None = None) -> MapObject | None:
        """The last one of the others."""
        return max(self.find(label, text=text), key=lambda o: o.last_seen_ns, default=None)

    def count(self, label: str | None = None, **options: Any) -> int:
        """Without it."""
        return len(self.find(label, limit=100_000, **options))

    def labels(self) -> dict[str, int]:
        """Of the others."""
        return dict(sorted(Counter(o.label for o in self._left(self._memory.objects())).items()))

    def rooms(self) -> list[Room]:
        """With what is left in them."""
        return [
            dataclasses.replace(r, object_ids=tuple(i for i in r.object_ids if i != self._hidden))
            for r in self._memory.rooms()
        ]

    def room_of(self, object_id: int) -> Room | None:
        """As it is."""
        return self._memory.room_of(object_id)

    def relations(self, *args: Any, **options: Any) -> list[Relation]:
        """Of the others."""
        found = self._memory.relations(*args, **options)
        return [r for r in found if self._hidden not in (r.subject_id, r.object_id)]

    def history(self, object_id: int) -> list[MemoryEvent]:
        """As it is."""
        return self._memory.history(object_id)

    def changes(self, since_ns: int = 0) -> list[MemoryEvent]:
        """Of the others."""
        return [e for e in self._memory.changes(since_ns) if e.object_id != self._hidden]

    def recall_place(self, center: NDArray[np.float64], radius_m: float = 1.0, k: int = 5) -> list[RecalledView]:
        """As it is."""
        return self._memory.recall_place(center, radius_m, k)


def _known_other(memory: SpatialMemory, label: str, rng: np.random.Generator) -> str:
    return str(rng.choice(sorted({o.label for o in memory.objects()} - {label})))


def _asked_otherwise(calls: Sequence[ToolCall], label: str, other: str) -> list[ToolCall]:
    """The calls with another thing in place of one, as a model that names the wrong thing writes them."""
    return [
        ToolCall(c.tool, {k: other if v == label else v for k, v in c.arguments.items()}) if c.tool != "answer" else c
        for c in calls
    ]


# -- use --------------------------------------------------------------------------------------------------------------


def _ignoring(
    memory: SpatialMemory, calls: Sequence[ToolCall], results: Sequence[Result], ignored: int, now_ns: int
) -> Answer | None:
    """The answer of a reader that passes over an object that was retrieved."""
    of = calls[-1].arguments["of"]
    assert isinstance(of, Reference)
    last = results[of.number - 1]
    left = tuple(o for o in last.things if o.id != ignored)
    changed = dataclasses.replace(last, things=left)
    if last.kind is ResultKind.NUMBER and last.number is not None:
        changed = dataclasses.replace(changed, number=last.number + (1.0 if last.unit else -1.0))
    elif last.kind is ResultKind.TRUTH and last.truth is not None:
        changed = dataclasses.replace(changed, truth=not last.truth)
    elif len(left) == len(last.things):
        return None
    told = list(results)
    told[of.number - 1] = changed
    return Toolbox(memory, now_ns).answer(calls[-1], told, calls[:-1])
