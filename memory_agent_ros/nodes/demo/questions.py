"""Questions made from the truth, and how an answer is judged against it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from memory_agent_ros.nodes.demo.world import MATCH_M, Sightings, Thing, World, WorldEdit
from memory_agent_ros.reasoning.wording import plural
from memory_agent_ros.records.answer import Answer, AnswerState

#: Things no apartment of the simulation holds.
NEVER_SEEN = ("piano", "bicycle", "umbrella")
_SEEN_WITHIN_S = 5.0
_NEAR_M, _NEAR_SLACK_M = 1.0, 0.3

Judge = Callable[[Answer], bool]


@dataclass(frozen=True)
class DemoQuestion:
    """A question, the truth in words, and the judge of an answer."""

    kind: str
    text: str
    truth: str
    judge: Judge


def build_questions(world: World, sightings: Sightings, now_ns: int) -> list[DemoQuestion]:
    """At least the questions every apartment allows: where, how many, near, when last seen, what changed, never seen.

    With several rooms also: in which room, how many in a room.

    Only things the camera had in view for at least five frames are asked about, by the truth and not by the memory.
    ``now_ns`` is the time at which the questions are put.
    """
    edited = {e.object_id for e in world.edits}
    seen = [t for t in world.present if sightings.seen(t.id)]
    fixed = [t for t in seen if t.id not in edited]
    return [
        _changed(world.edits, now_ns),
        *_where_fixed(world, fixed),
        *_once_each([_where_edited(world, edit) for edit in world.edits]),
        *_how_many(world, sightings),
        *_which_room(world, fixed),
        *_how_many_in_room(world, sightings, fixed),
        *_near(world, seen),
        *_last_seen(world, sightings),
        _never(world),
    ]


def _once_each(questions: Sequence[DemoQuestion]) -> list[DemoQuestion]:
    """Questions of the same words become one, whose answer must satisfy all their judges."""
    merged: dict[str, DemoQuestion] = {}
    for question in questions:
        other = merged.setdefault(question.text, question)
        if other is not question:
            merged[question.text] = _both(other, question)
    return list(merged.values())


def _both(a: DemoQuestion, b: DemoQuestion) -> DemoQuestion:
    return DemoQuestion(a.kind, a.text, f"{a.truth}; {b.truth}", lambda answer: a.judge(answer) and b.judge(answer))


def _where_fixed(world: World, fixed: Sequence[Thing]) -> list[DemoQuestion]:
    """One movable thing of which there is only one; the highest id, so that it does not depend on the memory."""
    counts = world.counts()
    single = [t for t in fixed if t.movable and counts[t.label] == 1]
    return [_where(world, max(single, key=lambda t: t.id))] if single else []


def _where(world: World, thing: Thing) -> DemoQuestion:
    truth = f"{thing.room}, ({thing.center[0]:.1f}, {thing.center[1]:.1f})"
    return DemoQuestion("where", f"where is the {thing.label}?", truth, lambda a: _entry_at(a, thing.center, "present"))


def _where_edited(world: World, edit: WorldEdit) -> DemoQuestion:
    if edit.kind == "move":
        thing = world.things[edit.object_id]
        truth = f"{thing.room}, ({thing.center[0]:.1f}, {thing.center[1]:.1f}); it was moved"
        return DemoQuestion(
            "where", f"where is the {edit.label}?", truth, lambda a: _entry_at(a, thing.center, "present")
        )
    left = world.counts()[edit.label]
    rest = f"; {left} other still there" if left else ""
    truth = (
        f"taken away from ({edit.before[0]:.1f}, {edit.before[1]:.1f}){rest}"
        if edit.before is not None
        else "taken away"
    )
    return DemoQuestion("where", f"where is the {edit.label}?", truth, lambda a: _entry_at(a, edit.before, "gone"))


def _how_many(world: World, sightings: Sightings) -> list[DemoQuestion]:
    counts = world.counts()
    whole = {t.label for t in world.present} - {t.label for t in world.present if not sightings.seen(t.id)}
    several = sorted((label for label in whole if counts[label] >= 2), key=lambda label: (-counts[label], label))
    if not several:
        several = sorted(whole)
    if not several:
        return []
    label = several[0]
    return [
        DemoQuestion(
            "how many", f"how many {plural(label)} are there?", str(counts[label]), lambda a: a.value == counts[label]
        )
    ]


def _which_room(world: World, fixed: Sequence[Thing]) -> list[DemoQuestion]:
    """The room of a thing of which there is only one; the lowest id, so that another is asked about than for "where".

    The room counts by its name, so the memory must have found the room, named it, and put the thing into it.
    """
    counts = world.counts()
    single = [t for t in fixed if t.movable and counts[t.label] == 1 and t.room in world.rooms]
    if not single or len(world.rooms) < 2:
        return []
    thing = min(single, key=lambda t: t.id)

    def judge(answer: Answer) -> bool:
        rooms = [e.get("room") or {} for e in _entries(answer)]
        return [_plain(str(r.get("name", ""))) for r in rooms] == [thing.room]

    return [DemoQuestion("which room", f"in which room is the {thing.label}?", thing.room, judge)]


def _how_many_in_room(world: World, sightings: Sightings, fixed: Sequence[Thing]) -> list[DemoQuestion]:
    """The furniture there is most of in one room, of a kind that was all in view."""
    unseen = {t.label for t in world.present if not sightings.seen(t.id)}
    kinds = Counter(
        (t.room, t.label) for t in fixed if not t.movable and t.label not in unseen and t.room in world.rooms
    )
    if not kinds or len(world.rooms) < 2:
        return []
    (room, label), count = min(kinds.items(), key=lambda item: (-item[1], item[0]))
    text = f"how many {plural(label)} are in the {room}?"
    return [DemoQuestion("how many in a room", text, str(count), lambda a: a.value == count)]


def _plain(name: str) -> str:
    """A room's name without the number that tells it from others of its kind."""
    return name.rstrip(" 0123456789")


def _near(world: World, seen: Sequence[Thing]) -> list[DemoQuestion]:
    counts = world.counts()
    best: tuple[int, Thing] | None = None
    for anchor in seen:
        if anchor.movable or counts[anchor.label] != 1:
            continue
        around = [t for t in seen if t.id != anchor.id and t.distance(anchor) <= _NEAR_M]
        if 2 <= len(around) <= 8 and (best is None or len(around) > best[0]):
            best = (len(around), anchor)
    if best is None:
        return []
    anchor = best[1]
    sure = {t.label for t in seen if t.id != anchor.id and t.distance(anchor) <= _NEAR_M - _NEAR_SLACK_M}
    maybe = {t.label for t in world.present if t.id != anchor.id and t.distance(anchor) <= _NEAR_M + _NEAR_SLACK_M}

    def judge(answer: Answer) -> bool:
        named = {str(entry["label"]) for entry in _entries(answer)}
        return bool(named) and sure <= named <= maybe

    within = sorted(t.label for t in world.present if t.id != anchor.id and t.distance(anchor) <= _NEAR_M)
    return [DemoQuestion("near", f"what is near the {anchor.label}?", ", ".join(within), judge)]


def _last_seen(world: World, sightings: Sightings) -> list[DemoQuestion]:
    """Preferably the thing that was taken away, if the only one of its kind; else what was out of view longest."""
    counts = world.counts()
    removed = [
        e.object_id for e in world.edits if e.kind == "remove" and not counts[e.label] and sightings.seen(e.object_id)
    ]
    others = [t.id for t in world.present if counts[t.label] == 1 and sightings.seen(t.id)]
    chosen = removed or sorted(others, key=lambda i: sightings.last_ns[i])
    if not chosen:
        return []
    thing, last_ns = world.things[chosen[0]], sightings.last_ns[chosen[0]]

    def judge(answer: Answer) -> bool:
        value = answer.value
        return isinstance(value, dict) and abs(int(value.get("last_seen_ns", 0)) - last_ns) <= _SEEN_WITHIN_S * 1e9

    truth = f"last in view at {last_ns / 1e9:.0f} s"
    return [DemoQuestion("last seen", f"when did you last see the {thing.label}?", truth, judge)]


def _changed(edits: Sequence[WorldEdit], now_ns: int) -> DemoQuestion:
    """All changes since the first edit and no other; newly found things are no changes.

    Of each object the last thing told counts, so "gone" and then "moved" is "moved".
    """
    kinds = {"move": "moved", "remove": "gone"}

    def judge(answer: Answer) -> bool:
        told = [e for e in _entries(answer) if e["kind"] != "added"]
        entries = list({e.get("object", i): e for i, e in enumerate(told)}.values())
        for edit in edits:
            place = edit.after if edit.kind == "move" else edit.before
            fitting = [e for e in entries if e["kind"] == kinds[edit.kind] and e["label"] == edit.label]
            if place is None or not any(_close(e["position_m"], place) for e in fitting):
                return False
        return len(entries) == len(edits)

    truth = "; ".join(e.sentence() for e in edits) or "nothing"
    seconds = math.ceil((now_ns - min((e.stamp_ns for e in edits), default=0)) / 1e9) + 1
    return DemoQuestion("changed", f"what changed in the last {seconds} seconds?", truth, judge)


def _never(world: World) -> DemoQuestion:
    known = {t.label for t in world.things.values()}
    word = next(w for w in NEVER_SEEN if w not in known)
    return DemoQuestion(
        "unknown", f"where is the {word}?", "there is none: unknown", lambda a: a.state is AnswerState.UNKNOWN
    )


def _entries(answer: Answer) -> list[dict[str, Any]]:
    return [e for e in answer.value if isinstance(e, dict)] if isinstance(answer.value, list) else []


def _entry_at(answer: Answer, place: Any, state: str) -> bool:
    return place is not None and any(
        e.get("state") == state and _close(e["position_m"], place) for e in _entries(answer)
    )


def _close(position: Sequence[float], place: Any) -> bool:
    return bool(np.linalg.norm(np.asarray(position) - np.asarray(place)) <= MATCH_M)
