"""Facts of a memory with questions whose answers can be read off them, to train and to examine a reader."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from memory_agent_ros.evaluation.qa.families.template import Slot, Thing, Where, written
from memory_agent_ros.evaluation.qa.truth_memory import TruthMemory
from memory_agent_ros.evaluation.qa.words import NEVER_THINGS
from memory_agent_ros.reasoning import wording
from memory_agent_ros.reasoning.retrieval.facts import FactWriter
from memory_agent_ros.reasoning.tools.workspace import Workspace
from memory_agent_ros.records.event import EventKind
from memory_agent_ros.records.map_object import MapObject, ObjectState
from memory_agent_ros.records.relation import RelationKind
from memory_agent_ros.records.room import Room

#: Answers of what is not there any more, and of what the facts do not tell.
GONE, UNKNOWN = "gone", "unknown"
_YES_NO = ("yes", "no", UNKNOWN)
_NUMBERS = tuple(str(n) for n in range(8))

_ASKS: Mapping[str, str] = {
    "room": "[Which room is the {x} in|In which room is the {x}|Where is the {x}|What room is the {x} in]?",
    "holder": "[What is the {x} on|On what does the {x} stand|What does the {x} lie on]?",
    "on": "[What is on the {x}|Which thing is on the {x}|What lies on the {x}]?",
    "number": "[How many {x:s} are there|What is the number of {x:s}|How many {x:s} do you know of]?",
    "number_in": "[How many {x:s} are {r:in}|How many {x:s} does {r} hold]?",
    "any_in": "[Is there {x:a} {r:in}|Does {r} have {x:a}|Are there any {x:s} {r:in}]?",
    "there": "[Is the {x} still there|Do you still have the {x}|Is the {x} still in the apartment]?",
    "gone": "[Is the {x} gone|Has the {x} disappeared|Is the {x} missing]?",
    "when": "[When did you last see the {x}|How long ago did you see the {x}|When was the {x} last seen]?",
    "from": "[From which room was the {x} moved|In which room was the {x} before|Where was the {x} before]?",
    "height": "[How high is the {x}|How tall is the {x}|What is the height of the {x}]?",
    "rooms": "[How many rooms are there|How many rooms do you know]?",
}  # fmt: skip


@dataclass(frozen=True)
class Exercise:
    """Facts and what is asked of them.

    Attributes:
        facts: in any order, most of them beside the point.
        question, answer: as short as can be.
        choices: what the answer is one of.
        kind: key of the table of questions.
        more: further questions of the same facts with their answers, for training.
    """

    facts: tuple[str, ...]
    question: str
    answer: str
    choices: tuple[str, ...]
    kind: str
    more: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class _Draft:
    """A question with the facts that it needs; its answer must not need others."""

    kind: str
    slots: Mapping[str, Slot]
    answer: str
    choices: Sequence[str]
    facts: tuple[str, ...]


class _World:
    """A memory as exercises see it."""

    def __init__(self, world: TruthMemory, rng: np.random.Generator) -> None:
        self.rng = rng
        self.space = Workspace(world, world.now_ns)
        self.writer = FactWriter(self.space)
        self.things = list(self.space.by_id.values())
        counts = Counter(o.label for o in self.things)
        self.single = [o for o in self.things if counts[o.label] == 1]
        self.present = [o for o in self.single if o.state is ObjectState.PRESENT]
        self.gone = [o for o in self.single if o.state is ObjectState.GONE]
        self.rooms = [r.name for r in self.space.rooms]
        self.never = [n for n in NEVER_THINGS if n not in counts]
        self.moved = {e.object_id: e for e in world.changes() if e.kind is EventKind.MOVED}

    def pick(self, pool: Sequence[MapObject]) -> MapObject:
        """One of them."""
        if not pool:
            raise LookupError
        return pool[int(self.rng.integers(len(pool)))]

    def maybe_gone(self) -> MapObject:
        """A single thing, now and then a gone one."""
        return self.pick(self.gone if self.gone and self.rng.random() < 0.25 else self.present)

    def room_name(self, obj: MapObject) -> str:
        """Where it stands, or stood."""
        room = self.writer.room_of(obj.id)
        if room is None:
            raise LookupError
        return room.name

    def absent(self) -> Thing:
        """Something that nobody saw."""
        return Thing(self.never[int(self.rng.integers(len(self.never)))])

    def labels(self, extra: str) -> list[str]:
        """Some labels to choose among, and one more."""
        others = sorted({o.label for o in self.things} - {extra})
        return [extra, *self.rng.permutation(others)[:7].tolist()]


def exercises(
    rng: np.random.Generator, world: TruthMemory, count: int, most_facts: int = 9, together: int = 1
) -> Iterator[Exercise]:
    """Questions about one memory.

    Args:
        rng: of the draws.
        world: what the facts tell of.
        count: how many.
        most_facts: of an exercise; more where its questions need them.
        together: questions of the same facts.
    """
    site, kinds = _World(world, rng), list(_MAKERS)
    drafts: list[_Draft] = []
    made = 0
    for _ in range(8 * count * together):
        if made == count:
            return
        kind = kinds[int(rng.integers(len(kinds)))]
        try:
            draft = _MAKERS[kind](site)
        except LookupError:
            continue
        if all(_apart(draft, other) for other in drafts):
            drafts.append(draft)
        if len(drafts) == together:
            yield _finished(site, drafts, int(rng.integers(2, most_facts + 1)))
            drafts, made = [], made + 1


def _apart(draft: _Draft, other: _Draft) -> bool:
    """Whether the facts of one say nothing of what the other asks."""
    mine, theirs = _asked(draft), _asked(other)
    return not mine & theirs and not any(
        label in fact
        for names, facts in ((mine, other.facts), (theirs, draft.facts))
        for label in names
        for fact in facts
    )


def _asked(draft: _Draft) -> set[str]:
    return {slot.label for slot in draft.slots.values() if isinstance(slot, Thing)}


def _finished(site: _World, drafts: Sequence[_Draft], size: int) -> Exercise:
    """With facts that are beside the point, in any order."""
    asked = {label for draft in drafts for label in _asked(draft)}
    facts = [fact for draft in drafts for fact in draft.facts]
    pool = [o for o in site.things if o.label not in asked]
    others = [pool[i] for i in site.rng.permutation(len(pool))[: max(0, size - len(facts))].tolist()]
    facts += [_beside(site, o, asked) for o in others]
    facts = list(dict.fromkeys(facts[i] for i in site.rng.permutation(len(facts)).tolist()))
    said = [(written(_ASKS[d.kind], d.slots, site.rng), d.answer) for d in drafts]
    choices = tuple(dict.fromkeys((*drafts[0].choices, drafts[0].answer)))
    return Exercise(tuple(facts), *said[0], choices, drafts[0].kind, tuple(said[1:]))


def _beside(site: _World, obj: MapObject, asked: set[str]) -> str:
    """A fact about another thing that does not speak of what is asked."""
    draw = site.rng.random()
    options = [site.writer.size(obj)] if draw < 0.12 else site.writer.kinds([obj.label]) if draw < 0.24 else []
    fact = (options or [site.writer.thing(obj)])[0]
    return fact.text if not asked & set(fact.names) else site.writer.size(obj).text


def _told(site: _World, *things: MapObject) -> tuple[str, ...]:
    return tuple(site.writer.thing(o).text for o in things)


def _room(site: _World) -> _Draft:
    if site.rng.random() < 0.15:
        return _Draft("room", {"x": site.absent()}, UNKNOWN, (*site.rooms, GONE, UNKNOWN), ())
    obj = site.maybe_gone()
    answer = GONE if obj.state is ObjectState.GONE else site.room_name(obj)
    return _Draft("room", {"x": Thing(obj.label)}, answer, (*site.rooms, GONE, UNKNOWN), _told(site, obj))


def _held(site: _World) -> tuple[MapObject, MapObject]:
    single = {o.id: o for o in site.present}
    found = [
        r for r in site.space.relations
        if r.kind is RelationKind.ON and r.subject_id in single and r.object_id in single
    ]  # fmt: skip
    if not found:
        raise LookupError
    one = found[int(site.rng.integers(len(found)))]
    assert one.object_id is not None
    return single[one.subject_id], single[one.object_id]


def _holder(site: _World) -> _Draft:
    upper, lower = _held(site)
    return _Draft("holder", {"x": Thing(upper.label)}, lower.label, site.labels(lower.label), _told(site, upper))


def _on(site: _World) -> _Draft:
    upper, lower = _held(site)
    return _Draft("on", {"x": Thing(lower.label)}, upper.label, site.labels(upper.label), _told(site, upper))


def _number(site: _World) -> _Draft:
    label = site.pick(site.things).label
    mine = [o for o in site.things if o.label == label]
    here = sum(o.state is ObjectState.PRESENT for o in mine)
    if here > 7:
        raise LookupError
    by_kind = len(mine) > 4 or site.rng.random() < 0.5
    facts = tuple(f.text for f in site.writer.kinds([label])) if by_kind else _told(site, *mine)
    return _Draft("number", {"x": Thing(label)}, str(here), _NUMBERS, facts)


def _inside(site: _World) -> tuple[str, Counter[str], str]:
    """A room's name, what it holds, and the fact that says so."""
    room = site.space.rooms[int(site.rng.integers(len(site.space.rooms)))]
    held = Counter(site.space.by_id[i].label for i in room.object_ids if i in site.space.by_id)
    if not held or len(held) > 14:
        raise LookupError
    return room.name, held, site.writer.room(room).text


def _number_in(site: _World) -> _Draft:
    room, held, fact = _inside(site)
    pool = sorted(held) if site.rng.random() < 0.8 else sorted({o.label for o in site.things})
    label = pool[int(site.rng.integers(len(pool)))]
    if held[label] > 7:
        raise LookupError
    return _Draft("number_in", {"x": Thing(label), "r": Where(room)}, str(held[label]), _NUMBERS, (fact,))


def _any_in(site: _World) -> _Draft:
    room, held, fact = _inside(site)
    others = sorted({o.label for o in site.things} - set(held))
    there = not others or site.rng.random() < 0.5
    pool = sorted(held) if there else others
    label = pool[int(site.rng.integers(len(pool)))]
    return _Draft("any_in", {"x": Thing(label), "r": Where(room)}, "yes" if there else "no", _YES_NO, (fact,))


def _there(site: _World) -> _Draft:
    if site.rng.random() < 0.15:
        return _Draft("there", {"x": site.absent()}, UNKNOWN, _YES_NO, ())
    obj = site.pick(site.gone if site.gone and site.rng.random() < 0.5 else site.present)
    answer = "no" if obj.state is ObjectState.GONE else "yes"
    return _Draft("there", {"x": Thing(obj.label)}, answer, _YES_NO, _told(site, obj))


def _is_gone(site: _World) -> _Draft:
    draft = _there(site)
    answer = {"yes": "no", "no": "yes"}.get(draft.answer, draft.answer)
    return _Draft("gone", draft.slots, answer, _YES_NO, draft.facts)


def _when(site: _World) -> _Draft:
    obj = site.maybe_gone()
    now = site.space.now_ns
    ages = list(dict.fromkeys(wording.ago(o.last_seen_ns, now) for o in site.things))
    return _Draft("when", {"x": Thing(obj.label)}, wording.ago(obj.last_seen_ns, now), ages[:8], _told(site, obj))


def _from(site: _World) -> _Draft:
    obj = site.pick([o for o in site.single if o.id in site.moved])
    fact = next(f for f in site.writer.changes() if f.objects[0] == obj.id and " was moved " in f.text)
    before = [r for r in site.rooms if f"from {wording.room_name(_named(site, r))} to" in fact.text]
    if len(before) != 1:
        raise LookupError
    return _Draft("from", {"x": Thing(obj.label)}, before[0], (*site.rooms, UNKNOWN), (fact.text,))


def _named(site: _World, name: str) -> Room:
    return next(r for r in site.space.rooms if r.name == name)


def _height(site: _World) -> _Draft:
    obj = site.pick(site.present)
    heights = [f"{o.box.size[2]:.2f} m" for o in site.things]
    answer = f"{obj.box.size[2]:.2f} m"
    choices = list(dict.fromkeys([answer, *site.rng.permutation(heights).tolist()]))[:6]
    return _Draft("height", {"x": Thing(obj.label)}, answer, choices, (site.writer.size(obj).text,))


def _rooms(site: _World) -> _Draft:
    return _Draft("rooms", {}, str(len(site.rooms)), _NUMBERS, (site.writer.rooms().text,))


_MAKERS: Mapping[str, Callable[[_World], _Draft]] = {
    "room": _room,
    "holder": _holder,
    "on": _on,
    "number": _number,
    "number_in": _number_in,
    "any_in": _any_in,
    "there": _there,
    "gone": _is_gone,
    "when": _when,
    "from": _from,
    "height": _height,
    "rooms": _rooms,
}
