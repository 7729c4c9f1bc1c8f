"""What every reader of recorded data offers, and the options they share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.frame import Frame


@dataclass(frozen=True)
class RecordingOptions:
    """How to read a recording.

    Attributes:
        stride: take every n-th picture, >= 1.
        limit: stop after this many frames; None reads all.
        upright: turn the recording's world into a z-up map whose floor lies at z = 0 (see ``upright.py``).
            None means True for folders of pictures, False for bags, whose frames follow REP-103 already.
        pose_gap_s: longest gap between two poses that is interpolated, seconds, > 0.
        sync_slop_s: largest difference between the stamps of colour and depth, seconds, >= 0.
        map_frame: bags: world frame; None picks ``map``, else ``odom``, else ``world``, else the root of the tree.
        color_topic, depth_topic, info_topic, pose_topic: bags: topics; None picks them by type and name.
    """

    stride: int = 1
    limit: int | None = None
    upright: bool | None = None
    pose_gap_s: float = 0.3
    sync_slop_s: float = 0.02
    map_frame: str | None = None
    color_topic: str | None = None
    depth_topic: str | None = None
    info_topic: str | None = None
    pose_topic: str | None = None

    def __post_init__(self) -> None:
        if (
            self.stride < 1
            or (self.limit is not None and self.limit < 1)
            or self.pose_gap_s <= 0
            or self.sync_slop_s < 0
        ):
            raise BadInputError("recording_options", "stride and limit must be at least 1, pose_gap_s above 0")


@runtime_checkable
class Recording(Protocol):
    """A recorded RGB-D stream. Iterating starts from the beginning each time.

    A picture that cannot be used (no pose, no depth, a broken file) is left out and counted in ``refused`` by reason.
    Damage that hides the rest (a bag cut short) raises BadInputError after everything before it was given.
    """

    @property
    def name(self) -> str:
        """Short name for people."""
        ...

    @property
    def path(self) -> Path:
        """Where it lies."""
        ...

    @property
    def refused(self) -> Counter[str]:
        """Pictures left out so far in the present iteration, by reason."""
        ...

    def __iter__(self) -> Iterator[Frame]:
        """Frames in order of time."""
        ...

    def __len__(self) -> int:
        """How many pictures an iteration looks at (at most that many frames come)."""
        ...
