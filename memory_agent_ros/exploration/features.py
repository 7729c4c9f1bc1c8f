"""What a policy reads of candidates: named features, the context they stand in, tokens of remembered things, the key.

Features do not change when the map is shifted or turned. Labels enter as vectors of :data:`LABEL` numbers, see
:mod:`memory_agent_ros.exploration.labels`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.exploration.candidates import (
    MATCHES,
    PRESENT,
    STOP,
    Array,
    Bools,
    CandidateConfig,
    Choices,
    Goal,
    Places,
    Things,
)
from memory_agent_ros.exploration.labels import LABEL
from memory_agent_ros.exploration.situation import Shape, Situations
from memory_agent_ros.records.exploration_task import TaskKind

#: Numbers of a candidate; lengths are in tens of metres, areas in tens of square metres, times as logarithms.
SCALARS: tuple[str, ...] = (
    "is_stop",
    "is_frontier",
    "is_room",
    "is_viewpoint",
    "path",
    "gain",
    "gain_per_metre",
    "match",
    "presence",
    "age",
    "unclear",
    "room_entered",
    "room_known",
    "visits",
    "surprise",
    "surprise_known",
    "left_after",
    "within_budget",
    "goal_known",
    "goal_likes_thing",
    "goal_likes_near",
    "goal_likes_room",
    "things_near",
    "things_in_room",
)
#: All features: the scalars, then the label vectors of the thing itself, of what is near, and of what its room holds.
FEATURES: tuple[str, ...] = SCALARS + tuple(f"{part}_{i}" for part in ("thing", "near", "room") for i in range(LABEL))
#: What the goal says: its label vector, the kind of task, what may still be spent.
GOAL: tuple[str, ...] = (
    *(f"goal_{i}" for i in range(LABEL)),
    *(f"is_{kind.value}" for kind in TaskKind),
    "metres_left",
    "decisions_left",
)
#: What a token of a remembered thing says.
TOKEN: tuple[str, ...] = (
    *(f"label_{i}" for i in range(LABEL)),
    "match",
    "presence",
    "age",
    "range",
    "in_sight",
    "unclear",
)
SHAPE = Shape(goal=len(GOAL), context=len(TOKEN), candidate=len(FEATURES), key=3 * LABEL)
INDEX: dict[str, int] = {name: i for i, name in enumerate(FEATURES)}
#: Weight of the goal in the key: a situation of the same goal elsewhere is nearer than the same place for another goal.
KEY_GOAL = np.float32(np.sqrt(3.0))
THING, NEAR, IN_ROOM = (slice(len(SCALARS) + i * LABEL, len(SCALARS) + (i + 1) * LABEL) for i in range(3))


def make_situations(
    choices: Choices, places: Places, things: Things, goal: Goal, distance_m: Array, config: CandidateConfig
) -> Situations:
    """Situations of candidates.

    Args:
        choices: from :func:`~memory_agent_ros.exploration.candidates.choose_candidates`.
        places: what it was given.
        things: what it was given.
        goal: what is wanted.
        distance_m: (B, C, M) way from each candidate's place to each thing, metres; inf where there is none.
        config: what it was given.
    """
    surroundings = _surroundings(choices, places, things, distance_m, config)
    candidates = _features(choices, places, things, goal, surroundings)
    tokens, mask = _tokens(things, config.tokens)
    return Situations(
        goal=_goal(goal),
        context=tokens,
        context_mask=mask,
        candidates=candidates,
        candidate_mask=choices.mask,
        key=_key(goal, things, places, surroundings),
        state=goal.state,
    )


class _Surroundings:
    """(B, C, L) weighted sums of label vectors near each candidate and in its room, and (B, C) of the weights."""

    def __init__(self, near: Array, near_sum: Array, room: Array, room_sum: Array) -> None:
        self.near, self.near_sum, self.room, self.room_sum = near, near_sum, room, room_sum


def _surroundings(
    choices: Choices, places: Places, things: Things, distance_m: Array, config: CandidateConfig
) -> _Surroundings:
    there = (things.mask * things.presence).astype(np.float32)
    scaled = distance_m * np.float32(np.sqrt(0.5) / config.near_m)
    near = np.exp(-np.square(scaled)) * there[:, None]
    room_of = np.take_along_axis(places.room, choices.place, axis=1)
    room = ((room_of[:, :, None] == things.room[:, None]) & (room_of >= 0)[:, :, None]) * there[:, None]
    return _Surroundings(*_mean(near, things.vector), *_mean(room.astype(np.float32), things.vector))


def _mean(weights: Array, vectors: Array) -> tuple[Array, Array]:
    """(B, C, M) weights of (B, M, L) vectors -> their means, shrunk where there is little weight, and the weights."""
    total = weights.sum(axis=2)
    return (weights @ vectors) / (total + 0.5)[:, :, None], total


def _features(choices: Choices, places: Places, things: Things, goal: Goal, around: _Surroundings) -> Array:
    rows, count = choices.mask.shape
    out = np.zeros((rows, count, len(FEATURES)), np.float32)
    out[:, np.arange(count), choices.kind] = 1.0
    _fill_places(out, choices, places, goal)
    _fill_things(out, choices, things)
    out[..., NEAR], out[..., IN_ROOM] = around.near, around.room
    for name, part in (("goal_likes_thing", THING), ("goal_likes_near", NEAR), ("goal_likes_room", IN_ROOM)):
        out[..., INDEX[name]] = (out[..., part] @ goal.vector[:, :, None])[..., 0]
    out[..., INDEX["things_near"]] = np.log1p(around.near_sum) / 3.0
    out[..., INDEX["things_in_room"]] = np.log1p(around.room_sum) / 3.0
    out[~choices.mask] = 0.0
    return out


def _fill_places(out: Array, choices: Choices, places: Places, goal: Goal) -> None:
    def at(values: NDArray[Any]) -> NDArray[Any]:
        return np.take_along_axis(values, choices.place, axis=1)

    path = np.where(choices.mask, at(places.path_m), 0.0)
    path = np.where((choices.kind == STOP) | ~np.isfinite(path), 0.0, path)
    gain = at(places.gain_m2) * (choices.kind != STOP)
    room = at(places.room)
    entered = room < -1
    if places.entered.shape[1]:
        entered = np.take_along_axis(places.entered, np.maximum(room, 0), axis=1)
    left = goal.left_m[:, None] - path
    columns: dict[str, NDArray[Any]] = {
        "path": path / 10.0,
        "gain": gain / 10.0,
        "gain_per_metre": gain / (path + 1.0) / 10.0,
        "room_entered": entered & (room >= 0),
        "room_known": room >= 0,
        "visits": np.log1p(at(places.visits)) / 2.0,
        "left_after": np.clip(left / np.maximum(goal.budget_m, 1e-6)[:, None], -1.0, 1.0),
        "within_budget": left >= 0,
    }
    if places.residual is not None:
        residual = at(places.residual)
        columns["surprise"] = np.nan_to_num(residual)
        columns["surprise_known"] = np.isfinite(residual)
    for name, values in columns.items():
        out[..., INDEX[name]] = values


def _fill_things(out: Array, choices: Choices, things: Things) -> None:
    if things.mask.shape[1] == 0:
        return
    index, named = np.maximum(choices.thing, 0), choices.thing >= 0
    values: dict[str, NDArray[Any]] = {
        "match": things.match,
        "presence": things.presence,
        "age": np.log1p(things.age_s) / 10.0,
        "unclear": things.unclear,
    }
    for name, column in values.items():
        out[..., INDEX[name]] = np.take_along_axis(column, index, axis=1) * named
    out[..., THING] = np.take_along_axis(things.vector, index[:, :, None], axis=1) * named[:, :, None]
    known = things.mask & (things.match >= MATCHES) & (things.presence >= PRESENT)
    out[..., INDEX["goal_known"]] = known.any(axis=1, keepdims=True)


def _goal(goal: Goal) -> Array:
    kind = np.eye(len(TaskKind), dtype=np.float32)[goal.kind]
    left = np.clip(goal.left_m / np.maximum(goal.budget_m, 1e-6), 0.0, 1.0)
    spent = np.stack([left, goal.left_decisions], axis=1)
    return np.concatenate([goal.vector, kind, spent], axis=1).astype(np.float32)


def _tokens(things: Things, count: int) -> tuple[Array, Bools]:
    """(B, N, O) the things that matter most: what matches, then what is near."""
    columns: tuple[NDArray[Any], ...] = (
        things.match,
        things.presence,
        np.log1p(things.age_s) / 10.0,
        things.range_m / 10.0,
        things.in_sight,
        things.unclear,
    )
    out = np.zeros((len(things.mask), count, len(TOKEN)), np.float32)
    mask = np.zeros(out.shape[:2], bool)
    merit = np.where(things.mask, 20.0 * things.match - things.range_m, -np.inf)
    if merit.shape[1] > count:
        chosen = np.argpartition(-merit, count - 1, axis=1)[:, :count]
    else:
        chosen = np.broadcast_to(np.arange(merit.shape[1]), merit.shape)
    width = chosen.shape[1]
    mask[:, :width] = np.take_along_axis(things.mask, chosen, axis=1)
    out[:, :width, :LABEL] = np.take_along_axis(things.vector, chosen[:, :, None], axis=1)
    for i, column in enumerate(columns, start=LABEL):
        out[:, :width, i] = np.take_along_axis(column, chosen, axis=1)
    out[~mask] = 0.0
    return out, mask


def _key(goal: Goal, things: Things, places: Places, around: _Surroundings) -> Array:
    """(B, 3 L) unit: the goal, what is in sight, what the room holds, the goal weighing most."""
    sight = (things.mask & things.in_sight).astype(np.float32)
    seen = (sight[:, None] @ things.vector)[:, 0]
    parts = [goal.vector, seen, around.room[:, 0]]
    units = [p / np.maximum(np.linalg.norm(p, axis=1, keepdims=True), 1e-9) for p in parts]
    units[0] = units[0] * KEY_GOAL
    key = np.concatenate(units, axis=1)
    key[:, -1] += ~key.any(axis=1)
    return np.asarray(key / np.linalg.norm(key, axis=1, keepdims=True), dtype=np.float32)
