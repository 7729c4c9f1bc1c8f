"""What the reasoner does with a memory: matching names to objects, and simple spatial relations."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.boxes import contains
from memory_agent_ros.reasoning.memory_reader import MemoryReader
from memory_agent_ros.reasoning.rules.questions import singular
from memory_agent_ros.records.map_object import MapObject, ObjectState
from memory_agent_ros.records.region import Region
from memory_agent_ros.records.relation import RelationKind

#: A free-text match below this relevance is no match: "piano" is not a table because both are furniture. With MiniLM
#: household words that mean the same lie at 0.71 and more ("cup" and "mug"), others at 0.66 and less.
MIN_TEXT_RELEVANCE = 0.70
#: Free-text matches this much worse than the best one are dropped.
_TEXT_MARGIN = 0.05
ALL = 100_000


class MatchKind(enum.StrEnum):
    """How the name in a question was tied to objects."""

    LABEL = "label"
    HEAD = "head"
    TEXT = "text"
    NONE = "none"


@dataclass(frozen=True, eq=False)
class Match:
    """Objects that a name stands for.

    Attributes:
        kind: by the whole label, by the head noun only (attributes not checked), by meaning, or not at all.
        objects: best first, with evidence.
        label: the label matched (of the best object for matches by meaning).
        unchecked: attribute words that could not be checked.
        best_rejected: relevance of the best free-text match that was not good enough.
    """

    kind: MatchKind
    objects: tuple[MapObject, ...] = ()
    label: str = ""
    unchecked: str = ""
    best_rejected: float = 0.0

    @property
    def present(self) -> list[MapObject]:
        """The objects believed to be there."""
        return [o for o in self.objects if o.state is ObjectState.PRESENT]

    @property
    def gone(self) -> list[MapObject]:
        """The objects believed to be gone."""
        return [o for o in self.objects if o.state is ObjectState.GONE]


class Where(TypedDict, total=False):
    """Where objects are looked for, as ``find`` takes it."""

    region: Region
    room: str | int
    relation: tuple[RelationKind, list[int]]


def match_name(memory: MemoryReader, name: str, where: Where | None = None) -> Match:
    """A noun phrase -> the objects it stands for: exact label, then meaning, then the head noun alone."""
    where = where or {}
    for phrase in dict.fromkeys((singular(name), name)):
        found = memory.find(phrase, limit=ALL, **where)
        if found:
            return Match(MatchKind.LABEL, tuple(found), phrase)
    by_text = memory.find(text=singular(name), limit=ALL, **where)
    words = singular(name).split(" ")
    head = _head_match(memory, words, where)
    if head is not None:
        ranked = {o.id: o.relevance for o in by_text}
        objects = sorted(head.objects, key=lambda o: -ranked.get(o.id, 0.0))
        return Match(MatchKind.HEAD, tuple(objects), head.label, head.unchecked)
    good = tuple(o for o in by_text if o.relevance >= MIN_TEXT_RELEVANCE or _noun(o.label) == words[-1])
    rejected = max((o.relevance for o in by_text if o not in good), default=0.0)
    if good:
        best = max(o.relevance for o in good)
        good = tuple(o for o in good if o.relevance >= best - _TEXT_MARGIN)
        return Match(MatchKind.TEXT, good, good[0].label, best_rejected=rejected)
    return Match(MatchKind.NONE, best_rejected=rejected)


def _noun(label: str) -> str:
    """The head noun of a label ("coffee table": "table")."""
    return label.replace("_", " ").split(" ")[-1]


def _head_match(memory: MemoryReader, words: list[str], where: Where) -> Match | None:
    """Drop words from the front until a label fits ("red coffee mug": "coffee mug", then "mug")."""
    for start in range(1, len(words)):
        label = " ".join(words[start:])
        found = memory.find(label, limit=ALL, **where)
        if found:
            return Match(MatchKind.HEAD, tuple(found), label, " ".join(words[:start]))
    return None


def everything(memory: MemoryReader, where: Where | None = None) -> list[MapObject]:
    """All confirmed objects, present and gone."""
    return memory.find(limit=ALL, **(where or {}))


def volume(obj: MapObject) -> float:
    """Volume of the box, cubic metres, with no edge thinner than 1 cm."""
    return float(np.maximum(obj.box.size, 0.01).prod())


def floor_distance(obj: MapObject, point_xy: NDArray[np.float64]) -> float:
    """Horizontal distance of a (2,) point from the object's box, metres; 0 inside it."""
    offset = np.asarray(point_xy, dtype=np.float64) - obj.box.center[:2]
    cos, sin = np.cos(obj.box.yaw), np.sin(obj.box.yaw)
    own = np.array([cos * offset[0] + sin * offset[1], cos * offset[1] - sin * offset[0]])
    return float(np.linalg.norm(np.maximum(np.abs(own) - obj.box.size[:2] / 2, 0.0)))


def is_on(upper: MapObject, lower: MapObject, gap_m: float = 0.12) -> bool:
    """Whether ``upper`` rests on ``lower``: over its footprint, its bottom inside it or just above its top."""
    if upper.id == lower.id or volume(upper) >= volume(lower):
        return False
    bottom = upper.box.center[2] - upper.box.size[2] / 2
    top = lower.box.center[2] + lower.box.size[2] / 2
    floor = lower.box.center[2] - lower.box.size[2] / 2
    point = np.array([[*upper.box.center[:2], lower.box.center[2]]])
    over = bool(contains(lower.box.center, lower.box.size, lower.box.yaw, point, margin_m=0.03)[0])
    return over and floor + 0.1 < bottom < top + gap_m
