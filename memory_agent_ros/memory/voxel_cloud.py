"""Surface points of one object as a growing set of voxels with hit counts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from memory_agent_ros.geometry.boxes import Box, axis_aligned_box, upright_box
from memory_agent_ros.geometry.voxels import evenly, voxel_keys

Points = NDArray[np.float32]


class MeasuredAt(NamedTuple):
    """Which anchor new points hang on.

    Attributes:
        anchor: id of the frame that is the anchor, 0 if unknown.
        trusted_since: between this anchor and the newest the pose has hardly drifted, so they are averaged.
    """

    anchor: int = 0
    trusted_since: int = 0


#: Geometry of unknown origin, such as a person's correction.
UNANCHORED = MeasuredAt()


#: A voxel seen so often on one visit is a surface.
_FIRM_HITS = 2.0
#: Anchors whose frame rows are farther apart belong to different visits.
_VISIT_GAP = 40


def voxel_means(points: Points, voxel_m: float) -> tuple[NDArray[np.int64], Points]:
    """(M, 3) points -> (N,) sorted keys of the voxels they fall into, (N, 3) their means there."""
    keys = voxel_keys(points, voxel_m)
    order = keys.argsort(kind="stable")
    keys = keys[order]
    starts = np.flatnonzero(np.diff(keys, prepend=keys[:1] - 1))
    counts = np.diff(starts, append=len(keys))
    means = np.add.reduceat(points[order], starts, axis=0) / counts[:, None]
    return keys[starts], means.astype(np.float32)


class VoxelCloud:
    """Voxel-hashed points. Each voxel holds the running mean of what fell in it and how often it was seen.

    A voxel hangs on the anchor at which it was measured last, and averages over the measurements of one visit only: a
    mean over anchors that drift apart would belong to neither. Where an earlier visit was sure of a surface its anchor
    stays, so that a stray point of a drifted view cannot take the hits of that surface along; else the new one counts.

    Attributes:
        voxel_m: edge; doubles when the cloud outgrows its limit.
        keys: (N,) int64 sorted voxel keys.
        points: (N, 3) float32 mean point of each voxel, metres.
        hits: (N,) float32 sum of the weights of the observations that saw it, capped.
        anchors: (N,) int32 frame row of the anchor on which each voxel hangs, 0 if unknown.
        revision: grows with every change, for caches.
    """

    def __init__(self, voxel_m: float) -> None:
        self.voxel_m = voxel_m
        self.keys: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self.points: Points = np.zeros((0, 3), dtype=np.float32)
        self.hits: NDArray[np.float32] = np.zeros(0, dtype=np.float32)
        self.anchors: NDArray[np.int32] = np.zeros(0, dtype=np.int32)
        self.revision = 0
        self._tree: tuple[int, cKDTree] | None = None
        self._box: tuple[int, int, Box] | None = None
        self._bounds: tuple[int, int, NDArray[np.float64], NDArray[np.float64]] | None = None

    def __len__(self) -> int:
        return len(self.keys)

    @staticmethod
    def of_surest(
        points: Points,
        hits: NDArray[np.floating],
        anchors: NDArray[np.integer],
        voxel_m: float,
        max_voxels: int,
    ) -> VoxelCloud:
        """A cloud of (N, 3) points with (N,) hits and anchors; each voxel gets the point with most hits in it.

        The voxels are as fine as ``max_voxels`` allows. A mean would draw the surface's edges inwards.
        """
        order = np.argsort(-hits, kind="stable")
        while True:
            keys, first = np.unique(voxel_keys(points[order], voxel_m), return_index=True)
            if len(keys) <= max_voxels:
                break
            voxel_m *= 2
        out, chosen = VoxelCloud(voxel_m), order[first]
        out.keys, out.points = keys, points[chosen].astype(np.float32)
        out.hits, out.anchors = hits[chosen].astype(np.float32), anchors[chosen].astype(np.int32)
        return out

    def integrate(
        self, points: Points, hit_cap: float, max_voxels: int, weight: float = 1.0, at: MeasuredAt = UNANCHORED
    ) -> int:
        """Add one observation's (M, 3) points; returns how many voxels are new."""
        keys, means = voxel_means(points, self.voxel_m)
        hits, anchors = np.full(len(keys), weight, dtype=np.float32), np.full(len(keys), at.anchor, dtype=np.int32)
        added = self._insert(keys, means, hits, anchors, hit_cap, at.trusted_since)
        while len(self.keys) > max_voxels:
            self._coarsen()
        return added

    def merge(self, other: VoxelCloud, hit_cap: float, max_voxels: int) -> None:
        """Add all voxels of another cloud."""
        while self.voxel_m < other.voxel_m:
            self._coarsen()
        cloud = other
        while cloud.voxel_m < self.voxel_m:
            cloud = cloud.copy()
            cloud._coarsen()
        self._insert(cloud.keys, cloud.points, cloud.hits, cloud.anchors, hit_cap, 0)
        while len(self.keys) > max_voxels:
            self._coarsen()

    def copy(self) -> VoxelCloud:
        """An independent cloud with the same voxels."""
        out = VoxelCloud(self.voxel_m)
        out.keys, out.points, out.hits = self.keys.copy(), self.points.copy(), self.hits.copy()
        out.anchors = self.anchors.copy()
        return out

    def take(self, chosen: NDArray[np.bool_]) -> VoxelCloud:
        """The (N,) chosen voxels leave this cloud for one of their own."""
        out = VoxelCloud(self.voxel_m)
        out.keys, out.points, out.hits = self.keys[chosen], self.points[chosen], self.hits[chosen]
        out.anchors = self.anchors[chosen]
        self._keep(~chosen)
        self.revision += 1
        return out

    def carve(self, seen_through: NDArray[np.bool_], weight: float = 1.0) -> int:
        """Take ``weight`` from the hits of the (N,) voxels seen through; returns how many have none left and went."""
        self.hits[seen_through] -= np.float32(weight)
        keep = self.hits > 1e-3
        gone = int(len(keep) - keep.sum())
        if gone and keep.any():
            self._keep(keep)
        else:
            np.maximum(self.hits, 1e-2, out=self.hits)
        self.revision += 1
        return gone

    def shift(self, offset_m: NDArray[np.float64]) -> None:
        """Translate all points by (3,) metres."""
        self.repose((self.points + offset_m).astype(np.float32))

    def repose(self, points: Points) -> None:
        """Put the voxels at new (N, 3) places; those that meet become one.

        Hits of different visits add up, those of one visit do not: there it is the grid that makes them meet.
        """
        anchors, at = np.unique(self.anchors, return_inverse=True)
        visit = np.cumsum(np.diff(anchors, prepend=anchors[:1]) > _VISIT_GAP)[at]
        cap, hits = self.hits.max(initial=0.0), self.hits
        self.points = points
        self._rehash()
        old_keys = voxel_keys(points, self.voxel_m)
        total = np.zeros(len(self.keys), dtype=np.float32)
        for number in range(int(visit.max(initial=0)) + 1):
            best = np.zeros(len(self.keys), dtype=np.float32)
            mine = visit == number
            np.maximum.at(best, np.searchsorted(self.keys, old_keys[mine]), hits[mine])
            total += best
        self.hits = np.minimum(total, cap)

    def solid(self, min_hits: int) -> Points:
        """(M, 3) points of voxels with ``min_hits``, or a third of what the best-seen tenth has if that is less."""
        if len(self.hits) < 8:
            return self.points
        best = float(np.partition(self.hits, -(len(self.hits) // 10 + 1))[-(len(self.hits) // 10 + 1)])
        return self.points[self.hits >= min(float(min_hits), best / 3)]

    def samples(self, count: int) -> Points:
        """At most ``count`` points spread over the cloud, the same ones as long as it does not change."""
        return evenly(self.points, count)

    def distances(self, points: Points) -> NDArray[np.float64]:
        """(M, 3) points -> (M,) distance to the nearest point of the cloud, metres."""
        if self._tree is None or self._tree[0] != self.revision:
            self._tree = (
                self.revision,
                cKDTree(self.samples(400), leafsize=32, balanced_tree=False, compact_nodes=False),
            )
        distance, _ = self._tree[1].query(points)
        return np.asarray(distance, dtype=np.float64)

    def bounds(self, min_hits: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Low and high (3,) corners of the solid points."""
        if self._bounds is None or self._bounds[:2] != (self.revision, min_hits):
            solid = self.solid(min_hits)
            low, high = solid.min(axis=0).astype(np.float64), solid.max(axis=0).astype(np.float64)
            self._bounds = (self.revision, min_hits, low, high)
        return self._bounds[2], self._bounds[3]

    def box(self, min_hits: int) -> Box:
        """Upright box of the solid points: center (3,), size (3,), yaw."""
        if self._box is None or self._box[:2] != (self.revision, min_hits):
            solid = self.solid(min_hits)
            box = upright_box(solid) if len(solid) >= 8 else axis_aligned_box(solid)
            self._box = (self.revision, min_hits, box)
        return self._box[2]

    def _keep(self, keep: NDArray[np.bool_]) -> None:
        self.keys, self.points, self.hits = self.keys[keep], self.points[keep], self.hits[keep]
        self.anchors = self.anchors[keep]

    def known_box(self) -> tuple[int, Box] | None:
        """``min_hits`` and box as they were last asked for, None if the cloud has changed since."""
        if self._box is None or self._box[0] != self.revision:
            return None
        return self._box[1], self._box[2]

    def remember_box(self, min_hits: int, box: Box) -> None:
        """Take the box for ``min_hits`` as known."""
        self._box = (self.revision, min_hits, box)

    def _insert(
        self,
        keys: NDArray[np.int64],
        means: Points,
        hits: NDArray[np.float32],
        anchors: NDArray[np.int32],
        hit_cap: float,
        trusted_since: int,
    ) -> int:
        at = np.searchsorted(self.keys, keys)
        known = np.zeros(len(keys), dtype=bool)
        inside = at < len(self.keys)
        known[inside] = self.keys[at[inside]] == keys[inside]
        self._measure_again(at[known], means[known], hits[known], anchors[known], hit_cap, trusted_since)
        fresh = ~known
        added = int(fresh.sum())
        if added:
            all_keys = np.concatenate([self.keys, keys[fresh]])
            order = np.argsort(all_keys, kind="stable")
            self.keys = all_keys[order]
            self.points = np.concatenate([self.points, means[fresh]])[order]
            self.hits = np.concatenate([self.hits, np.minimum(hits[fresh], hit_cap)])[order]
            self.anchors = np.concatenate([self.anchors, anchors[fresh]])[order]
        self.revision += 1
        return added

    def _measure_again(
        self,
        rows: NDArray[np.intp],
        means: Points,
        hits: NDArray[np.float32],
        anchors: NDArray[np.int32],
        hit_cap: float,
        trusted_since: int,
    ) -> None:
        """Average with what this visit measured; a solid voxel of an earlier visit only gets the hits."""
        known = self.hits[rows]
        earlier = self.anchors[rows] < trusted_since
        firm = earlier & (known >= _FIRM_HITS)
        share = np.where(firm, 0.0, np.where(earlier, 1.0, hits / (known + hits))).astype(np.float32)
        self.points[rows] += share[:, None] * (means - self.points[rows])
        self.hits[rows] = np.where(earlier & ~firm, hits, np.minimum(known + hits, hit_cap))
        self.anchors[rows] = np.where(firm, self.anchors[rows], np.maximum(self.anchors[rows], anchors))

    def _coarsen(self) -> None:
        self.voxel_m *= 2
        self._rehash()

    def _rehash(self) -> None:
        keys, inverse = np.unique(voxel_keys(self.points, self.voxel_m), return_inverse=True)
        weight = np.bincount(inverse, weights=self.hits)
        sums = np.stack([np.bincount(inverse, weights=self.hits * self.points[:, a]) for a in range(3)], axis=1)
        hits = np.zeros(len(keys), dtype=np.float32)
        np.maximum.at(hits, inverse, self.hits)
        anchors = np.zeros(len(keys), dtype=np.int32)
        np.maximum.at(anchors, inverse, self.anchors)
        self.keys, self.hits, self.anchors = keys, hits, anchors
        self.points = (sums / weight[:, None]).astype(np.float32)
        self.revision += 1
