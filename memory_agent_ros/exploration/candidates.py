"""What can be done next: frontiers, viewpoints on things, rooms not entered, stop. Many situations at a time.

The same code serves the simulated twin (B situations, padded and masked) and a robot (B = 1). What is known comes in as
:class:`Places`, :class:`Things` and :class:`Goal`; :func:`choose_candidates` picks, and
:func:`~memory_agent_ros.exploration.features.make_situations` turns the pick into what policies read.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.records.decision import CandidateKind

Array = NDArray[np.float32]
Bools = NDArray[np.bool_]
Indices = NDArray[np.int64]

#: Kinds in the order of their numbers in :attr:`Choices.kind`.
KINDS: tuple[CandidateKind, ...] = (
    CandidateKind.STOP,
    CandidateKind.FRONTIER,
    CandidateKind.ROOM,
    CandidateKind.VIEWPOINT,
)
STOP, FRONTIER, ROOM, VIEWPOINT = range(4)
#: A thing with at least this match is taken to be what is wanted.
MATCHES = 0.5
#: A thing that is present with at least this probability is taken to be there.
PRESENT = 0.5


@dataclass(frozen=True)
class CandidateConfig:
    """How many candidates there are, and of what.

    Attributes:
        frontiers: at most so many, 1 to 64.
        rooms: at most so many rooms not entered, 1 to 64.
        viewpoints: at most so many, 1 to 256.
        spacing_m: least distance of two frontiers in one room, metres, 0.3 to 5.
        min_gain_m2: a frontier shows at least this much unknown floor, square metres, 0.05 to 5.
        stale_s: a thing not seen for this long is worth another look, seconds.
        declare_m: ``stop`` declares what is in sight within this range, metres.
        near_m: things within about this distance of a candidate are its surroundings, metres.
        tokens: so many remembered things go into the context, 1 to 256.
    """

    frontiers: int = 16
    rooms: int = 8
    viewpoints: int = 25
    spacing_m: float = 1.5
    min_gain_m2: float = 0.7
    stale_s: float = 600.0
    declare_m: float = 2.5
    near_m: float = 1.5
    tokens: int = 16

    @property
    def count(self) -> int:
        """Candidates, those masked out included; ``stop`` is the first."""
        return 1 + self.frontiers + self.rooms + self.viewpoints


@dataclass(frozen=True, eq=False)
class Places:
    """Known places that the robot can stand on, a lattice of 0.3 to 0.6 m.

    Attributes:
        xy: (B, V, 2) metres, map frame.
        mask: (B, V) bool, known and within reach.
        path_m: (B, V) way from the robot, metres; inf where there is none.
        gain_m2: (B, V) unknown floor in sight from there, square metres.
        room: (B, V) int, index of the room, -1 unknown.
        visits: (B, V) how often the robot looked around there.
        entered: (B, R) bool, rooms the robot was in.
        here: (B,) int, the robot's place.
        residual: (B, V) how far the view from there was from what was expected, 0 to 1; NaN where it is not known.
    """

    xy: Array
    mask: Bools
    path_m: Array
    gain_m2: Array
    room: Indices
    visits: Array
    entered: Bools
    here: Indices
    residual: Array | None = None


@dataclass(frozen=True, eq=False)
class Things:
    """Remembered things.

    Attributes:
        vector: (B, M, L) label vectors, see :mod:`memory_agent_ros.exploration.labels`.
        xy: (B, M, 2) metres, map frame.
        mask: (B, M) bool, remembered.
        presence: (B, M) probability that it still stands there.
        age_s: (B, M) seconds since it was last seen.
        match: (B, M) how well it is what is wanted, 0 to 1.
        unclear: (B, M) how much a closer look would tell, 0 to 1: a label in doubt, a surface not looked at from near.
        room: (B, M) int, index of its room, -1 unknown.
        place: (B, M) int, the known place to look at it from, -1 if there is none.
        in_sight: (B, M) bool, seen from where the robot is now.
        range_m: (B, M) from the robot, metres.
    """

    vector: Array
    xy: Array
    mask: Bools
    presence: Array
    age_s: Array
    match: Array
    unclear: Array
    room: Indices
    place: Indices
    in_sight: Bools
    range_m: Array


@dataclass(frozen=True, eq=False)
class Goal:
    """What is wanted, and what may still be spent on it.

    Attributes:
        vector: (B, L) label vector of the goal's text; zero for none.
        kind: (B,) int, position of the task in :class:`~memory_agent_ros.records.exploration_task.TaskKind`.
        budget_m: (B,) metres that may be driven.
        left_m: (B,) metres that may still be driven.
        left_decisions: (B,) share of the decisions that may still be made, 0 to 1.
        state: (B,) int64, the same for situations that count as the same state.
    """

    vector: Array
    kind: Indices
    budget_m: Array
    left_m: Array
    left_decisions: Array
    state: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Choices:
    """The candidates; in each row ``stop`` first, then frontiers, rooms, viewpoints, best first within a kind.

    Attributes:
        kind: (C,) int, index into :data:`KINDS`.
        place: (B, C) int, index into :class:`Places`; of ``stop`` the robot's own.
        thing: (B, C) int, index into :class:`Things`, -1 for none; of ``stop`` what it would declare.
        mask: (B, C) bool.
    """

    kind: Indices
    place: Indices
    thing: Indices
    mask: Bools


def choose_candidates(places: Places, things: Things, config: CandidateConfig) -> Choices:
    """Pick what can be chosen.

    Frontiers are the places that show most unknown floor, thinned greedily so that they keep apart; viewpoints are on
    things that match the goal first, then on those that are unclear or stale, one for each place.
    """
    rows = len(places.here)
    declared = declarable(things, config)
    best = np.where(declared.any(axis=1), _best(things.match, declared), -1)[:, None]
    parts = [
        (places.here[:, None], best, np.ones((rows, 1), bool)),
        _frontiers(places, config),
        _rooms(places, config),
        _viewpoints(places, things, config),
    ]
    kind = np.repeat(np.arange(4), [part[0].shape[1] for part in parts])
    place, thing, mask = (np.concatenate([part[i] for part in parts], axis=1) for i in range(3))
    return Choices(kind, place.astype(np.int64), thing.astype(np.int64), mask.astype(bool))


def declarable(things: Things, config: CandidateConfig) -> Bools:
    """(B, M) things in sight and near enough to be declared found."""
    near: Bools = things.mask & things.in_sight & (things.range_m <= config.declare_m) & (things.presence >= PRESENT)
    return near


def _best(score: Array, mask: Bools) -> Indices:
    if score.shape[1] == 0:
        return np.zeros(len(score), np.int64)
    return np.asarray(np.argmax(np.where(mask, score, -np.inf), axis=1))


_Part = tuple[NDArray[np.integer], NDArray[np.integer], Bools]


#: So many of the places that show most are thinned.
_BEST = 96


def _frontiers(places: Places, config: CandidateConfig) -> _Part:
    rows = np.arange(len(places.here))
    worth = np.where(_reachable(places) & (places.gain_m2 >= config.min_gain_m2), places.gain_m2, -1.0)
    best = np.argsort(-worth, axis=1, kind="stable")[:, :_BEST]
    left, xy = np.take_along_axis(worth, best, axis=1), np.take_along_axis(places.xy, best[:, :, None], axis=1)
    room = np.take_along_axis(places.room, best, axis=1)
    place = np.zeros((len(rows), config.frontiers), np.int64)
    mask = np.zeros(place.shape, bool)
    for slot in range(config.frontiers):
        first = np.argmax(left > 0, axis=1)
        found = left[rows, first] > 0
        if not found.any():
            break
        place[:, slot], mask[:, slot] = best[rows, first], found
        apart = xy - xy[rows, first][:, None]
        near = (apart[..., 0] ** 2 + apart[..., 1] ** 2) < config.spacing_m**2
        left[near & (room == room[rows, first][:, None])] = -1.0
    return place, np.full(place.shape, -1), mask


def _reachable(places: Places) -> Bools:
    """(B, V) places to go to, other than the robot's own."""
    ok: Bools = places.mask & np.isfinite(places.path_m)
    ok[np.arange(len(ok)), places.here] = False
    return ok


def _rooms(places: Places, config: CandidateConfig) -> _Part:
    """Of each room not entered the known place that shows most, the nearest of several; nearest rooms first."""
    count = places.entered.shape[1]
    reachable = _reachable(places)
    worth = places.gain_m2 - 1e-3 * np.where(reachable, places.path_m, 0.0)
    inside = reachable[:, None] & (places.room[:, None] == np.arange(count)[:, None]) & ~places.entered[:, :, None]
    best = np.argmax(np.where(inside, worth[:, None], -np.inf), axis=2)
    found = inside.any(axis=2)
    way = np.where(found, np.take_along_axis(places.path_m, best, axis=1), np.inf)
    order = np.argsort(way, axis=1, kind="stable")[:, : config.rooms]
    place = _padded(np.take_along_axis(best, order, axis=1), config.rooms)
    return place, np.full(place.shape, -1), _padded(np.take_along_axis(found, order, axis=1), config.rooms) > 0


def _padded(values: NDArray[np.generic], width: int) -> NDArray[np.int64]:
    out = np.zeros((len(values), width), np.int64)
    out[:, : values.shape[1]] = values
    return out


def _viewpoints(places: Places, things: Things, config: CandidateConfig) -> _Part:
    """Things worth a look, one for each place unless they match the goal."""
    rows = np.arange(len(places.here))
    seat = np.maximum(things.place, 0)
    matches = (things.match >= MATCHES) & (things.presence >= PRESENT)
    stale = (things.age_s > config.stale_s) & (things.presence >= PRESENT)
    worth = 4.0 * matches * things.match * things.presence + things.unclear + 0.5 * stale
    there = np.isfinite(np.take_along_axis(places.path_m, seat, axis=1)) & (things.place >= 0)
    there &= things.place != places.here[:, None]
    seen_now = things.in_sight & (things.range_m <= config.declare_m)
    left = np.where(things.mask & there & ~seen_now & (worth >= 0.25), worth, -1.0)
    thing: Indices = np.full((len(rows), config.viewpoints), -1, np.int64)
    if left.shape[1] == 0:
        return np.zeros(thing.shape, np.int64), thing, np.zeros(thing.shape, bool)
    for slot in range(config.viewpoints):
        best = np.argmax(left, axis=1)
        found = left[rows, best] > 0
        if not found.any():
            break
        thing[:, slot] = np.where(found, best, -1)
        same = (things.place == things.place[rows, best][:, None]) & ~matches
        left[same] = -1.0
        left[rows, best] = -1.0
    place = np.where(thing >= 0, np.take_along_axis(things.place, np.maximum(thing, 0), axis=1), 0)
    return place, thing, np.asarray(thing >= 0)
