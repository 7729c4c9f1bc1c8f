"""What a second visit could notice, from the simulator alone: which changes were made, which places were looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.visible import MIN_FRAMES, MIN_PIXELS
from memory_agent_ros.evaluation.walks.walk import TrueObject, Walk
from memory_agent_ros.geometry.pinhole import project_map
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.frame import Frame

#: A place was well looked at in an image if so much of its box was in view, unhidden, from within this range, metres.
WELL_SHARE, WELL_RANGE_M = 0.5, 5.0
#: An instance that nobody touched but that stands this far from its old place was disturbed by an edit, metres.
DISTURBED_M = 0.05
_SIDE = 4


@dataclass(frozen=True, eq=False)
class Views:
    """What each image of a walk shows.

    Attributes:
        ids: (M,) instances that stood there before the changes.
        shown: (N, M) share of each instance's old box that image n has in view and unhidden, whatever stands there.
        well: (N, M) whether its old place was well looked at.
        pixels: (N, L) visible pixels at 640x480 of instance l, as the world is at that image.
    """

    ids: NDArray[np.intp]
    shown: NDArray[np.float64]
    well: NDArray[np.bool_]
    pixels: NDArray[np.float64]

    def seen_well(self, rows: NDArray[np.bool_]) -> set[int]:
        """Instances that enough of the images ``rows`` (N,) show large enough to be found."""
        return set(np.flatnonzero((self.pixels[rows] >= MIN_PIXELS).sum(axis=0) >= MIN_FRAMES).tolist())

    def looked_well(self, rows: NDArray[np.bool_]) -> set[int]:
        """Instances whose old place enough of the images ``rows`` look at well."""
        return set(self.ids[self.well[rows].sum(axis=0) >= MIN_FRAMES].tolist())

    def not_looked(self, rows: NDArray[np.bool_]) -> set[int]:
        """Instances of whose old place none of the images ``rows`` shows anything."""
        return set(self.ids[~(self.shown[rows] > 0).any(axis=0)].tolist())


def watch_places(walk: Walk) -> Views:
    """Go through the images of a walk once."""
    before = [t for t in walk.truth[0] if t.present]
    points = np.concatenate([box_points(t.box) for t in before])
    last = max(walk.labels, default=0)
    scale = 640.0 * 480.0 / (walk.camera.width * walk.camera.height)
    shown = np.zeros((len(walk), len(before)))
    well = np.zeros((len(walk), len(before)), dtype=bool)
    pixels = np.zeros((len(walk), last + 1))
    for index, frame in walk.frames():
        visible, z = unhidden(points, frame)
        share = visible.reshape(len(before), -1).mean(axis=1)
        shown[index] = share
        well[index] = (share >= WELL_SHARE) & (z.reshape(len(before), -1).mean(axis=1) <= WELL_RANGE_M)
        assert frame.instances is not None
        counts = np.bincount(frame.instances.ravel().clip(0, last), minlength=last + 1)
        pixels[index] = counts * scale
    return Views(np.array([t.id for t in before], dtype=np.intp), shown, well, pixels)


def box_points(box: OrientedBox) -> NDArray[np.float64]:
    """(64, 3) grid through a box, corners included, map frame."""
    unit = np.linspace(-0.5, 0.5, _SIDE)
    local = np.stack(np.meshgrid(unit, unit, unit, indexing="ij"), axis=-1).reshape(-1, 3) * box.size
    c, s = np.cos(box.yaw), np.sin(box.yaw)
    return np.asarray(local @ np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]]) + box.center)


def unhidden(points: NDArray[np.float64], frame: Frame) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """(N, 3) map points -> which lie in the image and not more than a box's depth behind what it measures, and z."""
    uv, z = project_map(frame.camera.K, frame.T_map_camera, points)
    with np.errstate(invalid="ignore"):
        pixel = np.rint(uv)
        inside = (z > 0.05) & (pixel >= 0).all(axis=1)
        inside &= (pixel < [frame.camera.width, frame.camera.height]).all(axis=1)
    at = np.where(inside[:, None], pixel, 0).astype(np.intp)
    depth = frame.depth_m[at[:, 1], at[:, 0]]
    return inside & ((depth <= 0) | (depth >= z - 0.05)), np.asarray(z)


@dataclass(frozen=True, eq=False)
class Expected:
    """What should be noticed.

    Attributes:
        before, after: true instances that stand there before and after the changes.
        moved: ids that should be found at their new place with their old identity.
        removed: ids that should be gone.
        added: ids that should be new.
        swapped: ids that changed places with another thing; scored apart.
        excused: ids that were edited or disturbed but had no fair chance to be noticed; claims about them do not count.
    """

    before: list[TrueObject]
    after: list[TrueObject]
    moved: frozenset[int]
    removed: frozenset[int]
    added: frozenset[int]
    swapped: frozenset[int]
    excused: frozenset[int]


def expected_changes(walk: Walk, views: Views) -> Expected:
    """The edits of a walk of two passes that had a fair chance to be noticed.

    A thing must have been well seen before (unless added) and after (unless removed), and where it left, its old place
    well looked at after.
    """
    first, second = walk.passes == 0, walk.passes == 1
    had, has, looked = views.seen_well(first), views.seen_well(second), views.looked_well(second)
    kinds: dict[str, set[int]] = {"move": set(), "remove": set(), "add": set(), "swap": set()}
    touched: set[int] = set()
    for edit in walk.edits[1]:
        ids = {edit["object_id"]} | ({edit["other_id"]} if edit["other_id"] is not None else set())
        touched |= ids
        kinds[edit["kind"]] |= ids
    moved = kinds["move"] & had & has & looked
    removed = kinds["remove"] & had & looked
    added = kinds["add"] & has
    swapped = kinds["swap"] & had & has
    return Expected(
        [t for t in walk.truth[0] if t.present], [t for t in walk.truth[1] if t.present],
        frozenset(moved), frozenset(removed), frozenset(added), frozenset(swapped),
        frozenset((touched - moved - removed - added - swapped) | _disturbed(walk.truth, touched)),
    )  # fmt: skip


def _disturbed(truth: Sequence[Sequence[TrueObject]], touched: set[int]) -> set[int]:
    old = {t.id: t.box.center for t in truth[0] if t.present}
    return {
        t.id
        for t in truth[1]
        if t.present and t.id in old and t.id not in touched
        and float(np.linalg.norm(t.box.center - old[t.id])) > DISTURBED_M
    }  # fmt: skip
