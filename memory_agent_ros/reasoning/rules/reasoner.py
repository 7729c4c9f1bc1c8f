"""Answers from memory, with evidence: templates over the memory's tools.

Confidence is the probability that the answer is right, as far as the memory knows it. For one object it is

    c(o) = presence x P(label | votes) x relevance            if it is believed present,
    c(o) = (1 - presence) x P(label | votes) x relevance      if it is believed gone,

times 0.6 when attribute words of the question ("red") could not be checked. "Where" takes the best object,
"is there" 1 - prod(1 - c), a count prod(c) over the counted objects, lists the mean. For a thing never seen it is
1 - (relevance of the best match that was rejected).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from memory_agent_ros.reasoning import matching, sentences, wording
from memory_agent_ros.reasoning.confidence import mean, object_confidence
from memory_agent_ros.reasoning.entries import event_entry, evidence_of, object_entry
from memory_agent_ros.reasoning.matching import Match, MatchKind
from memory_agent_ros.reasoning.memory_reader import MemoryReader
from memory_agent_ros.reasoning.placing import place_of
from memory_agent_ros.reasoning.rules import pictures
from memory_agent_ros.reasoning.rules.phrases import Phrase, Place
from memory_agent_ros.reasoning.rules.places import Resolved, resolve
from memory_agent_ros.reasoning.rules.questions import (
    Question,
    QuestionKind,
    QuestionNotUnderstoodError,
    parse,
    singular,
)
from memory_agent_ros.reasoning.tools.workspace import Workspace
from memory_agent_ros.records.answer import Answer, AnswerState
from memory_agent_ros.records.event import EventKind
from memory_agent_ros.records.map_object import MapObject, ObjectState
from memory_agent_ros.records.region import Region
from memory_agent_ros.records.relation import RelationKind
from memory_agent_ros.records.room import Room, rooms_called

#: Left of the confidence where what a thing was said to be like was not checked.
UNCHECKED = 0.6
_EVIDENCE_PER_OBJECT = 3
_NEAR_M = 1.0
_RELATED = {
    QuestionKind.ON: RelationKind.ON,
    QuestionKind.IN: RelationKind.IN,
    QuestionKind.UNDER: RelationKind.UNDER,
    QuestionKind.NEXT_TO: RelationKind.NEXT_TO,
    QuestionKind.WHICH: RelationKind.IN,
}
_TOLD = (EventKind.ADDED, EventKind.MOVED, EventKind.GONE)


class RuleReasoner:
    """Answers questions from anything that reads like a memory."""

    def __init__(self, memory: MemoryReader) -> None:
        self._memory = memory

    def answer(self, question: str, now_ns: int | None = None) -> Answer:
        """Answer one question.

        Args:
            question: English; see :data:`~memory_agent_ros.reasoning.rules.questions.EXAMPLES`.
            now_ns: the clock "ago" refers to; the last time anything was looked at if None.

        Raises:
            QuestionNotUnderstoodError: no template fits.
        """
        asked = parse(question)
        now = now_ns if now_ns is not None else self._latest()
        if asked.kind is QuestionKind.CHANGES:
            return self._changes(asked, now)
        if asked.kind is QuestionKind.LIST:
            return self._list(matching.everything(self._memory), "I know of", "find")
        if asked.kind is QuestionKind.REGION:
            return self._region(asked)
        if asked.kind is QuestionKind.ROOMS:
            return self._rooms()
        corner = pictures.corner_room(asked.subject)
        if corner is not None:
            return self._corners(corner, asked.places)
        if asked.kind is QuestionKind.DESCRIBE:
            return self._describe(asked, now)
        if asked.kind in _RELATED:
            return self._related(asked, now)
        there = resolve(self._memory, asked.phrase)
        match = there.match
        if there.missing:
            return Answer(there.missing, AnswerState.UNKNOWN, 1.0, (), _nothing(asked), "find")
        if there.gone:
            return self._where(asked, Match(MatchKind.LABEL, there.gone), now)
        if match.kind is MatchKind.NONE:
            return self._not_there(asked, there, now) if asked.places else self._never_seen(asked, match)
        if asked.kind is QuestionKind.ROOM:
            return self._room_of(match, now)
        if asked.kind is QuestionKind.COUNT:
            return self._count(asked, match, now)
        if asked.kind is QuestionKind.LAST_SEEN:
            return self._last_seen(match, now)
        if asked.kind is QuestionKind.NEAR:
            return self._around(asked, match, now)
        return self._where(asked, match, now)

    def _latest(self) -> int:
        objects = matching.everything(self._memory)
        return max((max(o.last_seen_ns, o.last_looked_ns) for o in objects), default=0)

    # -- one thing ----------------------------------------------------------------------------------------------

    def _never_seen(self, asked: Question, match: Match) -> Answer:
        name = singular(asked.subject)
        value = _nothing(asked)
        text = f"I have never seen {wording.with_article(name)}."
        if asked.kind is QuestionKind.COUNT:
            text += " So I count 0."
        return Answer(text, AnswerState.UNKNOWN, 1.0 - match.best_rejected, (), value, "find")

    def _where(self, asked: Question, match: Match, now: int) -> Answer:
        present, gone = match.present, match.gone
        exists = asked.kind is QuestionKind.EXISTS
        if not present:
            text = ("No longer. " if exists else "") + " ".join(self._gone_sentence(o, now) for o in gone)
            confidence = max(object_confidence(o) for o in gone)
            return self._answer(
                text, AnswerState.GONE, confidence, gone, match, [self._placed(o) for o in gone], "find"
            )
        if len(present) == 1:
            text = self._place_sentence(present[0], now)
        else:
            listed = [f"{i}. {self._where_phrase(o)}" for i, o in enumerate(present, 1)]
            text = f"I know of {len(present)} {wording.plural(present[0].label)}: " + "; ".join(listed) + "."
        if exists:
            text = "Yes. " + text
        if gone:
            text += " " + " ".join(self._gone_sentence(o, now) for o in gone)
        scores = [object_confidence(o) for o in present]
        confidence = 1 - float(np.prod([1 - c for c in scores])) if exists else max(scores)
        objects = present + gone
        return self._answer(
            text, AnswerState.SEEN, confidence, objects, match, [self._placed(o) for o in objects], "find"
        )

    def _where_phrase(self, obj: MapObject) -> str:
        return sentences.where_phrase(obj, place_of(self._memory, obj))

    def _placed(self, obj: MapObject) -> dict[str, Any]:
        """An object as JSON-ready value, with the ids of what its place is told by."""
        return {**object_entry(obj), **place_of(self._memory, obj).to_dict()}

    def _room_of(self, match: Match, now: int) -> Answer:
        """In which room something is."""
        objects = match.present or match.gone
        rooms = [self._memory.room_of(o.id) for o in objects]
        known = [(o, r) for o, r in zip(objects, rooms, strict=True) if r is not None]
        if not known:
            text = f"I know where the {objects[0].label} is, but no room there: " + self._place_sentence(
                objects[0], now
            )
            return self._answer(text, AnswerState.UNKNOWN, 1.0, (), match, None, "room_of")
        state = AnswerState.SEEN if match.present else AnswerState.GONE
        told = [self._place_sentence(o, now) if match.present else self._gone_sentence(o, now) for o, _ in known]
        confidence = max(object_confidence(o) for o, _ in known)
        value = [{**self._placed(o), "room": {"id": r.id, "name": r.name}} for o, r in known]
        return self._answer(" ".join(told), state, confidence, [o for o, _ in known], match, value, "room_of")

    def _not_there(self, asked: Question, there: Resolved, now: int) -> Answer:
        """The place is known and has no such thing; where there are such things is told."""
        noun = singular(asked.subject)
        text = f"I know of no {wording.plural(noun)} {there.where}."
        elsewhere = matching.match_name(self._memory, asked.subject)
        if elsewhere.kind is MatchKind.NONE:
            return self._never_seen(asked, elsewhere)
        if asked.kind is QuestionKind.EXISTS:
            text = "No. " + text
        told = elsewhere.present or elsewhere.gone
        phrases = [self._place_sentence(o, now) if elsewhere.present else self._gone_sentence(o, now) for o in told[:3]]
        state = AnswerState.SEEN if elsewhere.present else AnswerState.GONE
        confidence = max(object_confidence(o) for o in told)
        return self._answer(" ".join([text, *phrases]), state, confidence, told, elsewhere, _nothing(asked), "find")

    def _place_sentence(self, obj: MapObject, now: int) -> str:
        return sentences.here(Workspace(self._memory, now), obj, place_of(self._memory, obj))

    def _gone_sentence(self, obj: MapObject, now: int) -> str:
        return sentences.gone(Workspace(self._memory, now), obj, place_of(self._memory, obj))

    def _last_seen(self, match: Match, now: int) -> Answer:
        obj = max(match.objects, key=lambda o: o.last_seen_ns)
        if obj.state is ObjectState.GONE:
            text, state = self._gone_sentence(obj, now), AnswerState.GONE
        else:
            when = wording.ago(obj.last_seen_ns, now)
            text, state = f"I last saw the {obj.label} {when}, {self._where_phrase(obj)}.", AnswerState.SEEN
        value = {**object_entry(obj), "seconds_ago": round((now - obj.last_seen_ns) / 1e9, 3)}
        return self._answer(text, state, object_confidence(obj), [obj], match, value, "last_seen")

    def _count(self, asked: Question, match: Match, now: int) -> Answer:
        present, gone = match.present, match.gone
        noun = match.label or singular(asked.subject)
        if present:
            text = f"I count {wording.numbered(len(present), noun)}."
            text += " They are " if len(present) > 1 else " It is "
            text += "; ".join(self._where_phrase(o) for o in present) + "."
            confidence = float(np.prod([object_confidence(o) for o in present]))
            state = AnswerState.SEEN
        else:
            text, state = f"I count no {wording.plural(noun)} any more.", AnswerState.GONE
            confidence = float(np.prod([object_confidence(o) for o in gone]))
        if gone:
            text += " " + " ".join(self._gone_sentence(o, now) for o in gone)
        return self._answer(text, state, confidence, present or gone, match, len(present), "count")

    # -- several things -----------------------------------------------------------------------------------------

    def _around(self, asked: Question, match: Match, now: int) -> Answer:
        anchors = match.present
        if not anchors:
            return self._where(asked, match, now)
        found: dict[int, MapObject] = {}
        for anchor in anchors:
            for obj in self._memory.near(object_id=anchor.id, radius_m=_NEAR_M, limit=matching.ALL):
                if obj.id not in {a.id for a in anchors}:
                    found.setdefault(obj.id, obj)
        name = (
            f"the {anchors[0].label}" if len(anchors) == 1 else f"the {len(anchors)} {wording.plural(anchors[0].label)}"
        )
        answer = self._there(list(found.values()), anchors, f"within {_NEAR_M:.0f} m of {name}", match, "near")
        spots = [pictures.spot_of_object(a, _NEAR_M) for a in anchors]
        return pictures.with_pictures(self._memory, answer, spots)

    def _related(self, asked: Question, now: int) -> Answer:
        """What is on, in, under or next to something, and which things of a kind are at a place."""
        phrase = asked.phrase
        if asked.kind is not QuestionKind.WHICH:
            phrase = Phrase("", (Place(_RELATED[asked.kind], asked.subject), *asked.places))
        there = resolve(self._memory, phrase)
        if there.missing:
            return Answer(there.missing, AnswerState.UNKNOWN, 1.0, (), None, "find")
        if there.gone:
            return self._where(asked, Match(MatchKind.LABEL, there.gone), now)
        if phrase.noun and there.match.kind is MatchKind.NONE:
            return self._not_there(asked, there, now)
        found = there.match.present
        answer = self._there(found, there.anchors, there.where, there.match, "find", there.match.gone)
        if phrase.noun:
            return answer
        rooms = rooms_called(self._memory.rooms(), phrase.places[0].name) if not there.anchors else []
        spots = [pictures.spot_of_object(a) for a in there.anchors] or [self._spot(r) for r in rooms]
        return pictures.with_pictures(self._memory, answer, spots)

    def _there(
        self,
        objects: Sequence[MapObject],
        anchors: Sequence[MapObject],
        where: str,
        match: Match,
        tool: str,
        gone: Sequence[MapObject] = (),
    ) -> Answer:
        """A list of things at a place, and the evidence of what the place is told by."""
        state = AnswerState.SEEN
        if objects:
            text = f"{wording.inventory(objects)} {'is' if len(objects) == 1 else 'are'} {where}."
        elif gone:
            text, state = (
                f"{wording.inventory(gone)} {'was' if len(gone) == 1 else 'were'} {where or 'there'}; gone now.",
                AnswerState.GONE,
            )
        else:
            text, state = f"I know of nothing {where}.", AnswerState.SEEN if anchors else AnswerState.UNKNOWN
        cited = [*objects, *anchors, *(() if objects else gone)]
        confidence = mean([object_confidence(o) for o in [*objects, *anchors[:1], *(() if objects else gone)]])
        return self._answer(text, state, confidence, cited, match, [object_entry(o) for o in objects], tool)

    def _spot(self, room: Room) -> pictures.Spot:
        return pictures.spot_of_room(room, matching.everything(self._memory, {"room": room.id}))

    def _describe(self, asked: Question, now: int) -> Answer:
        """What a room holds, or where a thing is and what is around it, with pictures."""
        rooms = rooms_called(self._memory.rooms(), asked.subject)
        if rooms:
            return self._describe_rooms(rooms)
        there = resolve(self._memory, asked.phrase)
        if there.match.kind is MatchKind.NONE and not there.missing and not there.gone:
            there = resolve(self._memory, Phrase("", (Place(RelationKind.IN, asked.subject), *asked.places)))
        if there.gone:
            return self._where(asked, Match(MatchKind.LABEL, there.gone), now)
        if there.missing or there.match.kind is MatchKind.NONE:
            text = there.missing or self._never_seen(asked, there.match).text
            return Answer(text, AnswerState.UNKNOWN, 1.0, (), None, "find")
        where, around = self._where(asked, there.match, now), self._around(asked, there.match, now)
        if not there.match.present:
            return where
        return dataclasses.replace(around, text=f"{where.text} {around.text}", value=[*where.value, *around.value])

    def _describe_rooms(self, rooms: Sequence[Room]) -> Answer:
        """The things in each room and its doors."""
        names = {r.id: wording.room_name(r) for r in self._memory.rooms()}
        told, objects = [], []
        for room in rooms:
            found = [o for o in matching.everything(self._memory, {"room": room.id}) if o.state is ObjectState.PRESENT]
            others = {i for d in room.doors for i in d.rooms if i != room.id and i in names}
            doors = wording.joined([names[i] for i in sorted(others)])
            told.append(
                f"In {names[room.id]} ({room.area_m2:.0f} m2) I know of {wording.inventory(found) or 'nothing'}"
                + (f"; a door leads to {doors}." if doors else ".")
            )
            objects += found
        state = AnswerState.SEEN if objects else AnswerState.UNKNOWN
        confidence = mean([object_confidence(o) for o in objects])
        value = [object_entry(o) for o in objects]
        answer = Answer(" ".join(told), state, confidence, evidence_of(objects, 1), value, "find")
        return pictures.with_pictures(self._memory, answer, [self._spot(r) for r in rooms])

    def _corners(self, name: str, places: tuple[Place, ...]) -> Answer:
        """What stands in the corners of a room."""
        rooms = rooms_called(self._memory.rooms(), name)
        if not rooms:
            there = resolve(self._memory, Phrase("", (Place(RelationKind.IN, name), *places)))
            text = there.missing or f"I know of no room called {name!r}, so of no corner of it."
            return Answer(text, AnswerState.UNKNOWN, 1.0, (), None, "find")
        found: dict[int, MapObject] = {}
        spots = []
        for room in rooms:
            inside = matching.everything(self._memory, {"room": room.id})
            for corner in pictures.corners(room):
                here = [o for o in inside if matching.floor_distance(o, corner) <= pictures.CORNER_M]
                spots.append(pictures.spot_of_point(corner, pictures.CORNER_M, here))
                found.update({o.id: o for o in here})
        names = wording.joined([wording.room_name(r) for r in rooms])
        lead = f"Within {pictures.CORNER_M:.0f} m of the corners of {names} I know of"
        return pictures.with_pictures(self._memory, self._list(list(found.values()), lead, "find"), spots, len(spots))

    def _rooms(self) -> Answer:
        """The rooms with what they are named by."""
        rooms = self._memory.rooms()
        if not rooms:
            return Answer("I know no rooms yet.", AnswerState.UNKNOWN, 1.0, (), [], "rooms")
        by_id = {o.id: o for o in matching.everything(self._memory)}
        told = [f"{wording.room_name(r)} ({r.area_m2:.0f} m2)" for r in rooms]
        text = f"I know {wording.numbered(len(rooms), 'room')}: {wording.joined(told)}."
        objects = [by_id[i] for r in rooms for i in r.object_ids[:2] if i in by_id]
        value = [
            {"id": r.id, "name": r.name, "name_confidence": round(r.name_confidence, 3), "area_m2": round(r.area_m2, 2)}
            for r in rooms
        ]
        confidence = mean([r.name_confidence or 1.0 for r in rooms])
        state = AnswerState.SEEN if objects else AnswerState.UNKNOWN
        return Answer(text, state, confidence, evidence_of(objects, 1), value, "rooms")

    def _list(self, objects: Sequence[MapObject], lead: str, tool: str) -> Answer:
        present = [o for o in objects if o.state is ObjectState.PRESENT]
        if not present:
            return Answer("I know of nothing there.", AnswerState.UNKNOWN, 1.0, (), [], tool)
        text = f"{lead} {wording.inventory(present)}."
        confidence = mean([object_confidence(o) for o in present])
        return Answer(
            text, AnswerState.SEEN, confidence, evidence_of(present, 1), [object_entry(o) for o in present], tool
        )

    def _region(self, asked: Question) -> Answer:
        numbers = asked.numbers
        if len(numbers) == 2 or len(numbers) == 3:
            radius, x, y = numbers if len(numbers) == 3 else (_NEAR_M, *numbers)
            low, high = (x - radius, y - radius), (x + radius, y + radius)
        elif len(numbers) == 4:
            low = min(numbers[0], numbers[2]), min(numbers[1], numbers[3])
            high = max(numbers[0], numbers[2]), max(numbers[1], numbers[3])
        else:
            raise QuestionNotUnderstoodError(
                "give a place as (x, y), a circle as 'within 2 m of (x, y)' or a box as 'between (x0, y0) and (x1, y1)'"
            )
        region = Region(np.array([*low, -np.inf]), np.array([*high, np.inf]))
        found = matching.everything(self._memory, {"region": region})
        middle, half = np.add(low, high) / 2, float(np.linalg.norm(np.subtract(high, low))) / 2
        spot = pictures.spot_of_point(middle, half if len(numbers) == 4 else radius, found)
        return pictures.with_pictures(self._memory, self._list(found, "There I know of", "find"), [spot])

    def _changes(self, asked: Question, now: int) -> Answer:
        since = 0 if asked.since_s is None else max(0, now - int(asked.since_s * 1e9))
        events = [e for e in self._memory.changes(since) if e.kind in _TOLD]
        told = [e for e in events if e.kind is not EventKind.ADDED] if asked.since_s is None else events
        about = ""
        if asked.subject:
            match = matching.match_name(self._memory, asked.subject)
            if match.kind is MatchKind.NONE:
                return self._never_seen(asked, match)
            told = [e for e in told if e.object_id in {o.id for o in match.objects}]
            about = f" of the {singular(asked.subject)}"
        if not told:
            return Answer(f"I noticed no change{about}.", AnswerState.UNKNOWN, 1.0, (), [], "changes")
        text = wording.joined([wording.change(e, now) for e in told]).capitalize() + "."
        by_id = {o.id: o for o in matching.everything(self._memory)}
        objects = [by_id[i] for i in dict.fromkeys(e.object_id for e in told) if i in by_id]
        value = [event_entry(e) for e in told]
        state = AnswerState.GONE if all(e.kind is EventKind.GONE for e in told) else AnswerState.SEEN
        return Answer(text, state, mean([e.confidence for e in told]), evidence_of(objects, 1), value, "changes")

    def _answer(
        self,
        text: str,
        state: AnswerState,
        confidence: float,
        objects: Sequence[MapObject],
        match: Match,
        value: Any,
        tool: str,
    ) -> Answer:
        if match.kind is MatchKind.HEAD:
            confidence *= UNCHECKED
            text += f" I could not check whether it is {match.unchecked!r}."
        return Answer(text, state, confidence, evidence_of(objects, _EVIDENCE_PER_OBJECT), value, tool)


def _nothing(asked: Question) -> Any:
    return 0 if asked.kind is QuestionKind.COUNT else None
