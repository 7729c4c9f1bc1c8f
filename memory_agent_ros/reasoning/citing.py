"""Answers that can be checked: recomputed by code from the observations they cite, and from nothing else.

:class:`CitedMemory` shows of a memory only the cited things, each with its cited observations, the relations among them
and their events. Outlines and names of rooms stay as they are: they come from free space that was seen, which no
observation of a thing stands for. The calls of an answer, executed over it, give the same value; where they do not, the
answer rests on something that it does not cite.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.structure.select import related_ids
from memory_agent_ros.reasoning.calls import Reference, ToolCall, parse_call
from memory_agent_ros.reasoning.matching import ALL
from memory_agent_ros.reasoning.memory_reader import MemoryReader, RecallUnavailableError
from memory_agent_ros.reasoning.toolbox import Toolbox
from memory_agent_ros.reasoning.tools.workspace import Looker
from memory_agent_ros.records.answer import Answer
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.event import MemoryEvent
from memory_agent_ros.records.evidence import Evidence
from memory_agent_ros.records.map_object import MapObject, ObjectState
from memory_agent_ros.records.object_query import RelationTarget, relation_kind
from memory_agent_ros.records.recalled_view import RecalledView
from memory_agent_ros.records.region import Region
from memory_agent_ros.records.relation import Relation, RelationKind
from memory_agent_ros.records.room import Room


def needed(calls: Sequence[ToolCall]) -> list[ToolCall]:
    """The calls that the last one rests on, renumbered."""
    wanted, stack = {len(calls)}, [calls[-1]]
    while stack:
        for value in stack.pop().arguments.values():
            if isinstance(value, Reference) and value.number > 0 and value.number not in wanted:
                wanted.add(value.number)
                stack.append(calls[value.number - 1])
    number = {old: new for new, old in enumerate(sorted(wanted), start=1)}
    kept = []
    for old in sorted(wanted):
        arguments = {
            k: Reference(number.get(v.number, 0)) if isinstance(v, Reference) else v
            for k, v in calls[old - 1].arguments.items()
        }
        kept.append(ToolCall(calls[old - 1].tool, arguments))
    return kept


def recompute(answer: Answer, memory: MemoryReader, looker: Looker | None = None) -> Answer:
    """The answer again, from what it cites alone; its value is the same where the citations hold.

    Args:
        answer: with its calls.
        memory: the one it was answered from; what was forgotten since is missing here too.
        looker: reads pictures, where the answer has something of them.

    Raises:
        BadInputError: ``answer_without_calls``: templates that are no calls answered.
        CallError: a call cannot be executed any more.
    """
    if not answer.calls:
        raise BadInputError("answer_without_calls", "only answers that came from calls can be recomputed")
    cited = CitedMemory(memory, answer.evidence)
    before = answer.details.get("before")
    spoken_of = None if before is None else cited.known(before)
    box = Toolbox(cited, answer.details.get("now_ns"), looker, spoken_of)
    return box.run([parse_call(text) for text in answer.calls])[0]


class CitedMemory:
    """A memory of which only what is cited is seen; reads like any other."""

    def __init__(self, memory: MemoryReader, evidence: Iterable[Evidence]) -> None:
        self._memory = memory
        self._cited: dict[int, set[int]] = {}
        for one in evidence:
            self._cited.setdefault(one.object_id, set()).add(one.observation_id)

    def known(self, ids: Iterable[int]) -> list[MapObject]:
        """The cited ones of some things, in their order."""
        by_id = {o.id: o for o in self.find(limit=ALL)}
        return [by_id[i] for i in ids if i in by_id]

    def _only(self, objects: Iterable[MapObject]) -> list[MapObject]:
        """Cited things with their cited observations; a thing of which none is left is not known."""
        shown = []
        for obj in objects:
            seen = self._cited.get(obj.id, set())
            evidence = tuple(e for e in obj.evidence if e.observation_id in seen)
            if evidence:
                shown.append(dataclasses.replace(obj, evidence=evidence))
        return shown

    def find(
        self,
        label: str | None = None,
        *,
        text: str | None = None,
        region: Region | None = None,
        state: ObjectState | None = None,
        limit: int = 20,
        room: str | int | None = None,
        relation: tuple[RelationKind | str, RelationTarget] | None = None,
    ) -> list[MapObject]:
        """See :class:`MemoryReader`; the other things of a relation are given by their ids.

        Raises:
            BadInputError: ``relation_target``.
        """
        found = self._only(self._memory.find(label, text=text, region=region, state=state, limit=ALL, room=room))
        if relation is not None:
            kind, target = relation
            if isinstance(target, str) or not isinstance(target, Sequence):
                raise BadInputError("relation_target", "name the other things by their ids")
            related = related_ids(self.relations(), relation_kind(kind), [int(i) for i in target])
            found = [o for o in found if o.id in related]
        return found[:limit]

    def labels(self) -> dict[str, int]:
        """See :class:`MemoryReader`."""
        return dict(sorted(Counter(o.label for o in self.find(limit=ALL)).items()))

    def rooms(self) -> list[Room]:
        """See :class:`MemoryReader`."""
        return [
            dataclasses.replace(r, object_ids=tuple(i for i in r.object_ids if i in self._cited))
            for r in self._memory.rooms()
        ]

    def room_of(self, object_id: int) -> Room | None:
        """See :class:`MemoryReader`."""
        room = self._memory.room_of(object_id) if object_id in self._cited else None
        return next((r for r in self.rooms() if room is not None and r.id == room.id), None)

    def relations(
        self, object_id: int | None = None, kinds: Sequence[RelationKind | str] | None = None
    ) -> list[Relation]:
        """See :class:`MemoryReader`."""
        return [
            r
            for r in self._memory.relations(object_id, kinds)
            if r.subject_id in self._cited and (r.object_id is None or r.object_id in self._cited)
        ]

    def near(
        self,
        center: NDArray[np.float64] | None = None,
        *,
        object_id: int | None = None,
        radius_m: float = 1.0,
        label: str | None = None,
        limit: int = 20,
    ) -> list[MapObject]:
        """See :class:`MemoryReader`."""
        if object_id is not None and object_id not in self._cited:
            return []
        found = self._memory.near(center, object_id=object_id, radius_m=radius_m, label=label, limit=ALL)
        return self._only(found)[:limit]

    def last_seen(self, label: str | None = None, *, text: str | None = None) -> MapObject | None:
        """See :class:`MemoryReader`."""
        return max(self.find(label, text=text, limit=ALL), key=lambda o: o.last_seen_ns, default=None)

    def count(self, label: str | None = None, *, text: str | None = None, region: Region | None = None) -> int:
        """See :class:`MemoryReader`."""
        return len(self.find(label, text=text, region=region, state=ObjectState.PRESENT, limit=ALL))

    def history(self, object_id: int) -> list[MemoryEvent]:
        """See :class:`MemoryReader`."""
        return self._memory.history(object_id) if object_id in self._cited else []

    def changes(self, since_ns: int = 0) -> list[MemoryEvent]:
        """See :class:`MemoryReader`."""
        return [e for e in self._memory.changes(since_ns) if e.object_id in self._cited]

    def recall_place(self, center: NDArray[np.float64], radius_m: float = 1.0, k: int = 5) -> list[RecalledView]:
        """Pictures of a place are no observations of things.

        Raises:
            RecallUnavailableError: always.
        """
        raise RecallUnavailableError("Pictures are not recomputed.")
