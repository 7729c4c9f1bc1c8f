"""Which true objects a robot had a fair chance to see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Protocol

from memory_agent_ros.records.frame import Frame

#: Visible pixels at 640x480, share not hidden by others, and number of frames that make an object one to be found.
MIN_PIXELS, MIN_UNOCCLUDED, MIN_FRAMES = 100, 0.30, 5


class VisibilityLike(Protocol):
    """What the simulator says of one object in one frame."""

    @property
    def pixels(self) -> int:
        """Visible pixels."""
        ...

    @property
    def unoccluded(self) -> float:
        """Share of its pixels in the image that other things do not hide, in [0, 1]."""
        ...


class VisibleCounter:
    """Counts frames in which each object was well visible.

    Attributes:
        frames: object id -> number of frames.
    """

    def __init__(self) -> None:
        self.frames: Counter[int] = Counter()

    def add(self, visibility: Mapping[int, VisibilityLike], frame: Frame) -> None:
        """Add one frame; the pixel limit scales with the image's area."""
        pixels = MIN_PIXELS * frame.camera.width * frame.camera.height / (640 * 480)
        for object_id, seen in visibility.items():
            if seen.pixels >= pixels and seen.unoccluded >= MIN_UNOCCLUDED:
                self.frames[object_id] += 1

    @property
    def required(self) -> set[int]:
        """Ids of the objects that were well visible often enough."""
        return {object_id for object_id, count in self.frames.items() if count >= MIN_FRAMES}
