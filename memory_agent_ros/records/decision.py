"""A choice of the explorer, with everything that spoke for and against it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


class CandidateKind(enum.StrEnum):
    """What can be chosen."""

    FRONTIER = "frontier"
    VIEWPOINT = "viewpoint"
    ROOM = "room"
    STOP = "stop"


@dataclass(frozen=True, eq=False)
class Candidate:
    """Something that can be done next.

    Attributes:
        kind: frontier (unknown floor behind it), viewpoint (on an object that is the goal, stale or uncertain), room
            (not entered yet), stop (end here and declare).
        xy: (2,) place to drive to, metres, map frame; for ``stop`` where the robot is.
        path_m: way to it, metres.
        object_id: the object looked at or declared, or None.
        room: name of the room, or empty.
        label: of the object, or empty.
        features: named features that policies read, from the map and the memory.
    """

    kind: CandidateKind
    xy: NDArray[np.float64]
    path_m: float
    object_id: int | None = None
    room: str = ""
    label: str = ""
    features: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Decision:
    """One choice.

    Attributes:
        stamp_ns: when.
        policy: name and version of what chose.
        goal: what is looked for, or empty.
        candidates: everything that could be chosen.
        scores: (C,) the policy's score of each candidate.
        terms: (C,) for each candidate the named terms its score is made of.
        tips: (C,) for each candidate the texts of tips that spoke for it, strongest first.
        chosen: index into ``candidates``.
        reason: in words.
    """

    stamp_ns: int
    policy: str
    goal: str
    candidates: tuple[Candidate, ...]
    scores: NDArray[np.float32]
    terms: tuple[Mapping[str, float], ...]
    tips: tuple[tuple[str, ...], ...]
    chosen: int
    reason: str
