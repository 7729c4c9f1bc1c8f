"""Do two maps see the same walls? Depth thumbnails of one compared with those of the other under a pose."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.se3 import inverse
from memory_agent_ros.memory.presence.looks import HEIGHT, WIDTH, LookRecord

#: Points taken of a thumbnail along each axis, their largest range, and thumbnails of the other map asked of each.
_COLUMNS, _ROWS, _RANGE_M, _PARTNERS = 10, 7, 5.0, 4
#: Surfaces closer than this plus a share of their depth are the same.
_TOLERANCE_M, _TOLERANCE_SHARE = 0.08, 0.03
#: Floor and ceiling lie where they should under every pose: points this near to them say nothing, metres.
_LEVEL_M = 0.12
#: An object is detected up to this range, metres.
_OBJECT_RANGE_M = 3.5
#: Thumbnails of either map whose surfaces are compared at most, and about so many asked whether an object is in view.
_LOOKS, _ASKED = 60, 30


class Surfaces:
    """Surface points that a map's depth thumbnails hold, and the thumbnails to hold other points against.

    Attributes:
        probes: thumbnails that points are taken of; points: of each, (N, 3) in the map frame, without floor and
            ceiling; everything: with them.
        poses, K, depth: (L, 4, 4), (L, 3, 3) and (L, H, W) millimetres of all thumbnails.
    """

    def __init__(self, records: Sequence[LookRecord]) -> None:
        step = max(1, -(-len(records) // _LOOKS))
        self.probes = list(records[::step])
        self.poses = np.array([r.T_map_camera for r in records]).reshape(-1, 4, 4)
        self.K = np.array([r.K for r in records]).reshape(-1, 3, 3)
        self.depth = np.array([r.depth_mm for r in records]).reshape(-1, HEIGHT, WIDTH)
        self.points = [_points(r) for r in self.probes]
        self.everything = self.points
        every = np.concatenate(self.points) if self.points else np.zeros((0, 3))
        if len(every):
            low, high = np.quantile(every[:, 2], [0.01, 0.99])
            self.points = [p[(p[:, 2] > low + _LEVEL_M) & (p[:, 2] < high - _LEVEL_M)] for p in self.points]

    def partners(self, other: Surfaces, T: NDArray[np.float64]) -> list[tuple[int, int]]:
        """(probe of ``other``, thumbnail here) that look most alike under (4, 4) ``T``: 1 m counts as 60 degrees."""
        if not other.probes or not len(self.poses):
            return []
        poses = np.array([T @ r.T_map_camera for r in other.probes])
        apart = np.linalg.norm(poses[:, None, :3, 3] - self.poses[None, :, :3, 3], axis=2)
        cost = apart + 2.0 * (1.0 - poses[:, :3, 2] @ self.poses[:, :3, 2].T)
        count = min(_PARTNERS, len(self.poses))
        chosen = np.argpartition(cost, count - 1, axis=1)[:, :count]
        return [(i, int(j)) for i in range(len(poses)) for j in chosen[i] if cost[i, j] < 4.0]

    def pixels(
        self, points: NDArray[np.float64], looks: NDArray[np.intp]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
        """Which of (N, 3) map points fall into the thumbnail named for each, (M,), and their column, row and depth."""
        local = np.einsum("nji,nj->ni", self.poses[looks, :3, :3], points - self.poses[looks, :3, 3])
        z = local[:, 2]
        safe = np.maximum(z, 1e-3)
        u = np.rint(self.K[looks, 0, 0] * local[:, 0] / safe + self.K[looks, 0, 2])
        v = np.rint(self.K[looks, 1, 1] * local[:, 1] / safe + self.K[looks, 1, 2])
        shown = np.flatnonzero((z > 0.2) & (z < _RANGE_M) & (u >= 0) & (u < WIDTH) & (v >= 0) & (v < HEIGHT))
        return shown, u[shown].astype(np.intp), v[shown].astype(np.intp), z[shown]

    def times_in_view(self, samples: NDArray[np.float64]) -> NDArray[np.intp]:
        """How many thumbnails had at least a third of each object's samples (N, K, 3) in view and not hidden, (N,)."""
        count, width, _ = samples.shape
        if not self.probes or count == 0:
            return np.zeros(count, dtype=np.intp)
        points = samples.reshape(-1, 3)
        seen = np.zeros(count, dtype=np.intp)
        for record in self.probes[:: max(1, len(self.probes) // _ASKED)]:
            z, measured = _measured(record.T_map_camera, record.K, record.depth_mm, points)
            shown = (measured > 0.2) & (z < _OBJECT_RANGE_M) & (measured >= z - _TOLERANCE_M - _TOLERANCE_SHARE * z)
            seen += shown.reshape(count, width).mean(axis=1) >= 1.0 / 3.0
        return seen


def _measured(
    T: NDArray[np.float64], K: NDArray[np.float64], depth_mm: NDArray[np.uint16], points: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(N,) depth of (N, 3) points in a thumbnail and what it measured there, metres; 0 outside and where nothing."""
    local = (points - T[:3, 3]) @ T[:3, :3]
    z = local[:, 2]
    safe = np.maximum(z, 1e-3)
    u = np.rint(K[0, 0] * local[:, 0] / safe + K[0, 2])
    v = np.rint(K[1, 1] * local[:, 1] / safe + K[1, 2])
    inside = (z > 0.2) & (u >= 0) & (u < WIDTH) & (v >= 0) & (v < HEIGHT)
    measured = np.zeros(len(points))
    measured[inside] = depth_mm[v[inside].astype(int), u[inside].astype(int)] / 1000.0
    return z, measured


def _points(record: LookRecord) -> NDArray[np.float64]:
    """(N, 3) map points of a regular grid of a thumbnail's pixels."""
    u, v = np.meshgrid(np.linspace(2, WIDTH - 3, _COLUMNS).astype(int), np.linspace(2, HEIGHT - 3, _ROWS).astype(int))
    u, v = u.ravel(), v.ravel()
    z = record.depth_mm[v, u] / 1000.0
    kept = (z > 0.2) & (z < _RANGE_M)
    u, v, z = u[kept], v[kept], z[kept]
    rays = np.stack([(u - record.K[0, 2]) / record.K[0, 0], (v - record.K[1, 2]) / record.K[1, 1], np.ones(len(u))], 1)
    return np.asarray((rays * z[:, None]) @ record.T_map_camera[:3, :3].T + record.T_map_camera[:3, 3])


def agreement(stored: Surfaces, local: Surfaces, T_map_local: NDArray[np.float64]) -> tuple[float, int]:
    """Share of the surfaces seen in both maps that agree, and how many points were seen in both.

    A point agrees where a thumbnail of the other map measured it, and contradicts where that thumbnail saw through it.
    What is hidden from the other map counts neither way. Asked in both directions.
    """
    agree = through = 0
    for one, other, T in ((local, stored, T_map_local), (stored, local, inverse(T_map_local))):
        a, t = _held_against(one, other, T)
        agree, through = agree + a, through + t
    judged = agree + through
    return (agree / judged if judged else float("nan")), judged


def _held_against(one: Surfaces, other: Surfaces, T_other_one: NDArray[np.float64]) -> tuple[int, int]:
    """How many points of ``one`` lie on what ``other`` measured, and how many it saw through."""
    pairs = other.partners(one, T_other_one)
    counts = np.array([len(one.points[i]) for i, _ in pairs], dtype=np.intp)
    if counts.sum() == 0:
        return 0, 0
    points = np.concatenate([one.points[i] for i, _ in pairs]) @ T_other_one[:3, :3].T + T_other_one[:3, 3]
    look = np.repeat(np.array([j for _, j in pairs]), counts)
    shown, u, v, z = other.pixels(points, look)
    measured = other.depth[look[shown], v, u] / 1000.0
    tolerance = _TOLERANCE_M + _TOLERANCE_SHARE * z
    valid = measured > 0.2
    agree = valid & (np.abs(measured - z) <= tolerance)
    through = valid & (measured > z + tolerance)
    return int(agree.sum()), int(through.sum())
