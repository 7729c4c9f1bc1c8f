"""Pictures of a place, recalled for an answer: which part of the map a question means, and which pictures show it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.reasoning import wording
from memory_agent_ros.reasoning.memory_reader import MemoryReader, RecallUnavailableError
from memory_agent_ros.records.answer import Answer
from memory_agent_ros.records.map_object import MapObject
from memory_agent_ros.records.recalled_view import RecalledView
from memory_agent_ros.records.room import Room

#: Pictures an answer cites at most.
PICTURES = 3
#: What is "in a corner" is at most this far from it, metres; a corner is at most so far from the room's outline,
#: which leaves out a cupboard that fills the corner.
CORNER_M, _OUTLINE_M = 1.0, 0.8
#: Height at which a place of which only x and y are known is looked for, and the least radius there, metres.
_HEIGHT_M, _MIN_RADIUS_M = 0.7, 1.0
#: How much of the surroundings of a thing belongs to its place, metres.
_MARGIN_M = 0.3
_CORNER = re.compile(r"^corners? of (?:the )?(?P<room>.+)$")


@dataclass(frozen=True, eq=False)
class Spot:
    """A ball in the map: (3,) centre and radius, metres."""

    center: NDArray[np.float64]
    radius_m: float


def spot_of_object(obj: MapObject, margin_m: float = _MARGIN_M) -> Spot:
    """A thing and what is around it."""
    return Spot(obj.box.center, float(np.linalg.norm(obj.box.size)) / 2 + margin_m)


def spot_of_point(xy: Iterable[float], radius_m: float, objects: Sequence[MapObject] = ()) -> Spot:
    """A place on the floor plan, at the mean height of the things there."""
    height = float(np.mean([o.box.center[2] for o in objects])) if objects else _HEIGHT_M
    return Spot(np.array([*xy, height], dtype=np.float64), max(radius_m, _MIN_RADIUS_M))


def spot_of_room(room: Room, objects: Sequence[MapObject] = ()) -> Spot:
    """A room: a ball about its middle with the area of its floor."""
    return spot_of_point(room.center, float(np.sqrt(room.area_m2 / np.pi)), objects)


def corner_room(subject: str) -> str | None:
    """The room that "corner of the kitchen" names; None if no corner is asked about."""
    match = _CORNER.match(subject)
    return match["room"] if match else None


def corners(room: Room) -> NDArray[np.float64]:
    """(N, 2) corners of the smallest rectangle around the room that its outline reaches, metres."""
    outline = room.polygon.astype(np.float32).reshape(-1, 1, 2)
    if len(outline) < 3:
        return np.zeros((0, 2))
    found = np.asarray(cv2.boxPoints(cv2.minAreaRect(outline)), dtype=np.float64)
    away = [abs(cv2.pointPolygonTest(outline, (float(x), float(y)), True)) for x, y in found]
    return found[np.array(away) <= _OUTLINE_M]


def recalled(memory: MemoryReader, spots: Iterable[Spot], k: int = PICTURES) -> tuple[RecalledView, ...]:
    """The k pictures that show most of the spots, each spot's best one first.

    Raises:
        RecallUnavailableError: this memory cannot recall pictures.
    """
    found = [memory.recall_place(spot.center, spot.radius_m, k) for spot in spots]
    ranked = [views[rank] for rank in range(k) for views in found if rank < len(views)]
    best: dict[int, RecalledView] = {}
    for view in ranked:
        best.setdefault(view.keyframe_id, view)
    return tuple(best.values())[:k]


def with_pictures(memory: MemoryReader, answer: Answer, spots: Iterable[Spot], k: int = PICTURES) -> Answer:
    """The answer with pictures of its place, or with the reason why there cannot be any."""
    try:
        views = recalled(memory, spots, k)
    except RecallUnavailableError as error:
        return dataclasses.replace(answer, text=f"{answer.text} {error}")
    if not views:
        return answer
    return dataclasses.replace(answer, text=f"{answer.text} {wording.shown_in(views)}", pictures=views)
