"""Seen, gone or unknown: what is known of an object or a place since a moment, from when it was looked at."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.indexes.queries import box_distance
from memory_agent_ros.memory.presence.looks import LookLog
from memory_agent_ros.memory.track import Track
from memory_agent_ros.records.answer import AnswerState

#: Samples along each axis of a place.
_SIDE = 3


def object_state(track: Track, since_ns: int) -> AnswerState:
    """What is known of an object since a stamp.

    ``seen``: it was detected since. ``gone``: it has been declared gone, and its place was looked at since.
    ``unknown``: nobody has looked since, or the looks do not decide.
    """
    if track.gone:
        return AnswerState.GONE if track.last_looked_ns >= since_ns else AnswerState.UNKNOWN
    return AnswerState.SEEN if track.last_seen_ns >= since_ns else AnswerState.UNKNOWN


def place_state(
    position: NDArray[np.float64],
    radius_m: float,
    since_ns: int,
    near: Iterable[Track],
    looks: LookLog,
    config: MemoryConfig,
) -> AnswerState:
    """What is known of a place since a stamp.

    ``seen``: an object, or at the last look any surface, stands within ``radius_m`` of it. ``gone``: at the last look
    it was empty. ``unknown``: no remembered look since then shows it from near enough and unhidden.

    Args:
        position: (3,) metres, map frame.
        radius_m: half the edge of the place.
        since_ns: earlier looks do not count.
        near: confirmed objects around it.
        looks: the remembered looks.
        config: settings.
    """
    for track in near:
        here = box_distance(track.box(config), position) <= radius_m
        if here and not track.gone and track.last_seen_ns >= since_ns:
            return AnswerState.SEEN
    unit = np.linspace(-radius_m, radius_m, _SIDE)
    cube = np.stack(np.meshgrid(unit, unit, unit, indexing="ij"), axis=-1).reshape(-1, 3)
    empty = looks.last_empty((position + cube).astype(np.float32), since_ns)
    if empty is None:
        return AnswerState.UNKNOWN
    return AnswerState.GONE if empty else AnswerState.SEEN
