"""The best pictures of a remembered thing: cut out of its evidence pictures, with a margin."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.evidence import Evidence
from memory_agent_ros.records.keyframe import Keyframe
from memory_agent_ros.records.map_object import MapObject

#: Share of a box's longer edge that is added on each side.
MARGIN = 0.12
#: Crops shorter than this on both edges show nothing, pixels.
LEAST_PIXELS = 8
#: An edge from which size no longer matters, pixels, and the variance of the Laplacian that counts as half sharp.
_LARGE_PIXELS, _HALF_SHARP = 96.0, 60.0


class PictureKeeper(Protocol):
    """The part of a memory that gives pictures."""

    def get(self, object_id: int) -> MapObject:
        """One object with its evidence."""
        ...

    def keyframe(self, keyframe_id: int) -> Keyframe:
        """One remembered picture."""
        ...


@dataclass(frozen=True, eq=False)
class Crop:
    """A thing cut out of a picture.

    Attributes:
        pixels: (H, W, 3) uint8 RGB.
        evidence: the observation whose picture it is.
        quality: in [0, 1], from the detector's score, the size in the picture and how sharp it is.
    """

    pixels: NDArray[np.uint8]
    evidence: Evidence
    quality: float


def best_crops(memory: PictureKeeper, thing: MapObject | int, count: int = 3, margin: float = MARGIN) -> list[Crop]:
    """Up to ``count`` crops of a remembered thing, best first; one a picture.

    Pictures that were erased or cannot be decoded are passed over; without any the list is empty.

    Args:
        memory: gives objects and pictures.
        thing: an object as a query returned it, or its id.
        count: how many at most.
        margin: share of the box's longer edge that is added on each side.

    Raises:
        BadInputError: ``unknown_object``.
    """
    known = thing if isinstance(thing, MapObject) and thing.evidence else memory.get(_id(thing))
    found = [c for c in (_crop(memory, e, margin) for e in _one_a_picture(known.evidence)) if c is not None]
    return sorted(found, key=lambda c: -c.quality)[:count]


def cut(picture: NDArray[np.uint8], box_xyxy: NDArray[np.float32], margin: float = MARGIN) -> NDArray[np.uint8]:
    """A box with a margin out of an (H, W, 3) picture, as far as it lies inside; (0, 0, 3) if it does not."""
    x0, y0, x1, y1 = (float(v) for v in box_xyxy)
    more = margin * max(x1 - x0, y1 - y0)
    height, width = picture.shape[:2]
    left, top = max(0, int(np.floor(x0 - more))), max(0, int(np.floor(y0 - more)))
    right, bottom = min(width, int(np.ceil(x1 + more))), min(height, int(np.ceil(y1 + more)))
    if right <= left or bottom <= top:
        return np.zeros((0, 0, 3), dtype=np.uint8)
    return np.ascontiguousarray(picture[top:bottom, left:right])


def quality_of(pixels: NDArray[np.uint8], score: float) -> float:
    """How well a crop shows its thing, in [0, 1]: score times size times sharpness."""
    size = min(1.0, float(np.sqrt(pixels.shape[0] * pixels.shape[1])) / _LARGE_PIXELS)
    sharp = float(cv2.Laplacian(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.CV_64F).var())
    return float(np.clip(score, 0.0, 1.0)) * size * (0.5 + 0.5 * sharp / (sharp + _HALF_SHARP))


def decoded(keyframe: Keyframe) -> NDArray[np.uint8] | None:
    """(H, W, 3) uint8 RGB picture of a keyframe, or None if it cannot be decoded."""
    if not keyframe.jpeg:
        return None
    bgr = cv2.imdecode(np.frombuffer(keyframe.jpeg, np.uint8), cv2.IMREAD_COLOR)
    return None if bgr is None else np.ascontiguousarray(bgr[..., ::-1]).astype(np.uint8, copy=False)


def _id(thing: MapObject | int) -> int:
    return thing.id if isinstance(thing, MapObject) else thing


def _one_a_picture(evidence: Iterable[Evidence]) -> list[Evidence]:
    """The first observation of each picture; evidence comes best first."""
    first: dict[int, Evidence] = {}
    for one in evidence:
        first.setdefault(one.keyframe_id, one)
    return list(first.values())


def _crop(memory: PictureKeeper, evidence: Evidence, margin: float) -> Crop | None:
    try:
        picture = decoded(memory.keyframe(evidence.keyframe_id))
    except BadInputError:
        return None  # erased meanwhile
    if picture is None:
        return None
    pixels = cut(picture, evidence.box_xyxy, margin)
    if max(pixels.shape[:2]) < LEAST_PIXELS:
        return None
    return Crop(pixels, evidence, quality_of(pixels, evidence.score))
