"""Where the robot has looked: depth thumbnails of past frames, to ask whether a place was seen empty."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.pinhole import valid_depth
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.voxel_cloud import MeasuredAt
from memory_agent_ros.records.frame import Frame

WIDTH, HEIGHT = 80, 60

#: Over so many thumbnails (10 m, or one turn and a half) odometry drifts by less than a voxel.
_AVERAGED_LOOKS = 40
#: Width of the rim of a detection's box within which what is seen may be the object, pixels of a thumbnail.
_RIM_PX = 0.75


@dataclass(frozen=True, eq=False)
class LookRecord:
    """One thumbnail.

    Attributes:
        frame_row: id of the frame in the store.
        stamp_ns: its stamp.
        T_map_camera: (4, 4).
        K: (3, 3) intrinsics of the thumbnail.
        depth_mm: (60, 80) uint16, 0 = no reading.
    """

    frame_row: int
    stamp_ns: int
    T_map_camera: NDArray[np.float64]
    K: NDArray[np.float64]
    depth_mm: NDArray[np.uint16]

    def packed(self) -> bytes:
        """Compressed thumbnail."""
        return zlib.compress(self.depth_mm.tobytes(), 1)

    @staticmethod
    def unpack(data: bytes) -> NDArray[np.uint16]:
        """Inverse of :meth:`packed`."""
        return np.frombuffer(zlib.decompress(data), dtype=np.uint16).reshape(HEIGHT, WIDTH).copy()


def look_of(frame: Frame, frame_row: int) -> LookRecord:
    """Thumbnail of a frame's depth, nearest pixel."""
    camera = frame.depth_camera or frame.camera
    rows = ((np.arange(HEIGHT) + 0.5) * camera.height / HEIGHT).astype(np.intp)
    columns = ((np.arange(WIDTH) + 0.5) * camera.width / WIDTH).astype(np.intp)
    depth = frame.depth_m[np.ix_(rows, columns)]
    millimetres = np.where(valid_depth(depth, 0.05, 60.0), depth, 0.0) * 1000.0
    return LookRecord(
        frame_row, frame.stamp_ns, frame.T_map_camera, camera.scaled(WIDTH, HEIGHT).K, millimetres.astype(np.uint16)
    )


class LookLog:
    """Thumbnails in order of time, thinned by motion and by number; frames ``pinned`` (of keyframes) are kept."""

    def __init__(self, config: MemoryConfig) -> None:
        self._config = config
        self.records: list[LookRecord] = []
        self.pinned: set[int] = set()
        self._stacked: tuple[int, NDArray[np.float64], NDArray[np.float64], NDArray[np.uint16]] | None = None

    def wants(self, T_map_camera: NDArray[np.float64]) -> bool:
        """Whether the camera has moved or turned enough since the last thumbnail."""
        if not self.records:
            return True
        last = self.records[-1].T_map_camera
        turned = np.arccos(np.clip((np.trace(last[:3, :3].T @ T_map_camera[:3, :3]) - 1) / 2, -1.0, 1.0))
        moved = np.linalg.norm(last[:3, 3] - T_map_camera[:3, 3])
        return bool(moved >= self._config.look_m or turned >= np.deg2rad(self._config.look_deg))

    def add(self, record: LookRecord) -> list[int]:
        """Append; when full, every second free thumbnail of the older half goes. Returns the frame rows dropped."""
        self.records.append(record)
        self._stacked = None
        if len(self.records) <= self._config.max_looks:
            return []
        half = len(self.records) // 2
        dropped = {r.frame_row for r in self.records[1:half:2]} - self.pinned
        self.records = [r for r in self.records if r.frame_row not in dropped]
        return sorted(dropped)

    @property
    def measured_at(self) -> MeasuredAt:
        """The anchor in force: the newest thumbnail's frame."""
        if not self.records:
            return MeasuredAt()
        return MeasuredAt(*(self.records[-n:][0].frame_row for n in (1, _AVERAGED_LOOKS)))

    def repose(self, poses: Mapping[int, NDArray[np.float64]]) -> None:
        """Give the thumbnails of the named frame rows new (4, 4) poses."""
        self.records = [
            replace(r, T_map_camera=poses[r.frame_row]) if r.frame_row in poses else r for r in self.records
        ]
        self._stacked = None

    def changed(self) -> None:
        """Thumbnails were changed in place."""
        self._stacked = None

    def seen_empty(self, points: NDArray[np.float32], before_ns: int) -> list[int]:
        """Stamps before ``before_ns`` at which most of (N, 3) points were seen through, oldest first."""
        stamps, through, judged = self._judge(points, before_ns, self._config.presence_range_m)
        enough = judged >= max(4, 0.4 * len(points))
        return [int(s) for s in stamps[enough & (through >= self._config.through_share * judged)]]

    def seen_open(self, points: NDArray[np.float32], before_ns: int, within_m: float) -> list[int]:
        """Stamps before ``before_ns`` at which (N, 3) points were not hidden, from within ``within_m``, oldest first.

        Whatever stood there then was in plain view.
        """
        stamps, _, judged = self._judge(points, before_ns, within_m)
        return [int(s) for s in stamps[judged >= max(4, 0.4 * len(points))]]

    def since(self, points: NDArray[np.float32], after_ns: int) -> tuple[int, int]:
        """How many thumbnails after a stamp show the place of (N, 3) points unhidden, and how many of them empty."""
        _, through, judged = self._judge(points, 1 << 62, self._config.presence_range_m, after_ns)
        enough = judged >= max(4, 0.4 * len(points))
        return int(enough.sum()), int((enough & (through >= self._config.through_share * judged)).sum())

    def open_views(
        self, points: NDArray[np.float32], before_ns: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Thumbnails before a stamp in which (N, 3) points were not hidden: range (L,), focal length, share unhidden.

        Ranges are in metres, focal lengths in pixels of the thumbnail. Whatever stood there then was in plain view.
        """
        stamps, _, judged = self._judge(points, before_ns, self._config.presence_range_m)
        chosen = set(stamps[judged >= max(4, 0.4 * len(points))].tolist())
        share = dict(zip(stamps.tolist(), (judged / max(len(points), 1)).tolist(), strict=True))
        seen = [r for r in self.records if r.stamp_ns in chosen]
        center = points.mean(axis=0)
        ranges = [float(np.linalg.norm(r.T_map_camera[:3, 3] - center)) for r in seen]
        return np.array(ranges), np.array([r.K[0, 0] for r in seen]), np.array([share[r.stamp_ns] for r in seen])

    def last_empty(self, points: NDArray[np.float32], since_ns: int) -> bool | None:
        """Whether the last thumbnail at or after a stamp that shows (N, 3) points unhidden saw through most of them.

        None if there is no such thumbnail.
        """
        stamps, through, judged = self._judge(points, 1 << 62, self._config.presence_range_m, since_ns - 1)
        rows = np.flatnonzero(judged >= max(4, 0.4 * len(points)))
        if len(rows) == 0:
            return None
        last = rows[np.argmax(stamps[rows])]
        return bool(through[last] >= self._config.through_share * judged[last])

    def denied(
        self,
        points: NDArray[np.float32],
        frame_rows: NDArray[np.integer],
        boxes: NDArray[np.floating],
        whole: NDArray[np.bool_],
    ) -> NDArray[np.bool_]:
        """(L, N) which of (N, 3) points of an object the thumbnails of L frames deny.

        They see through a point, or they see what is there outside the detection of the object, which was ``whole``:
        (L,), with ``boxes`` (L, 4) in shares of the image. A frame without a thumbnail denies nothing, and only where
        all readings around agree is anything denied.
        """
        out = np.zeros((len(frame_rows), len(points)), dtype=bool)
        known = {r.frame_row: n for n, r in enumerate(self.records)}
        named = np.array([n for n, row in enumerate(frame_rows.tolist()) if row in known], dtype=np.intp)
        if len(named) == 0:
            return out
        rows = np.array([known[row] for row in frame_rows[named].tolist()])
        T, K, depth = self._stack()
        uv, z = _project(points, T[rows], K[rows])
        with np.errstate(invalid="ignore"):
            inside = (z > 0.05) & (uv > 0).all(axis=2) & (uv < [WIDTH - 1, HEIGHT - 1]).all(axis=2)
        column, line = np.moveaxis(np.where(inside[..., None], uv, 0).astype(np.intp), 2, 0)
        around = [depth[rows[:, None], line + j, column + i] for i in (0, 1) for j in (0, 1)]
        nearest = np.minimum.reduce(around) / 1000.0  # no reading: 0
        tolerance = self._config.depth_tolerance_m + self._config.depth_tolerance_ratio * z
        box = boxes[named][:, None] * np.tile([WIDTH, HEIGHT], 2)
        with np.errstate(invalid="ignore"):
            beside = ((uv < box[..., :2] - _RIM_PX) | (uv > box[..., 2:] + _RIM_PX)).any(axis=2) & whole[named, None]
            through = nearest > z + tolerance
            out[named] = inside & (through | (beside & (nearest >= z - tolerance)))
        return out

    def _judge(
        self, points: NDArray[np.float32], before_ns: int, within_m: float, after_ns: int = -(1 << 62)
    ) -> tuple[NDArray[np.int64], NDArray[np.intp], NDArray[np.intp]]:
        """Of each thumbnail between two stamps and near enough: stamp, points seen through, points not hidden."""
        nothing = np.zeros(0, dtype=np.int64)
        if not self.records or len(points) == 0:
            return nothing, nothing, nothing
        T, K, depth = self._stack()
        stamps = np.array([r.stamp_ns for r in self.records], dtype=np.int64)
        distance = np.linalg.norm(T[:, :3, 3] - points.mean(axis=0), axis=1)
        rows = np.nonzero((stamps > after_ns) & (stamps < before_ns) & (distance <= within_m))[0]
        uv, z = _project(points, T[rows], K[rows])
        with np.errstate(invalid="ignore"):
            inside = (z > 0.05) & (uv > 0).all(axis=2) & (uv < [WIDTH - 1, HEIGHT - 1]).all(axis=2)
        pixel = np.where(inside[..., None], np.rint(uv), 0).astype(np.intp)
        measured = depth[rows[:, None], pixel[..., 1], pixel[..., 0]] / 1000.0
        tolerance = 1.5 * (self._config.depth_tolerance_m + self._config.depth_tolerance_ratio * z)
        judged = inside & (measured > 0) & (measured >= z - tolerance)
        through = judged & (measured > z + tolerance)
        return stamps[rows], through.sum(axis=1), judged.sum(axis=1)

    def _stack(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.uint16]]:
        if self._stacked is None or self._stacked[0] != len(self.records):
            self._stacked = (
                len(self.records),
                np.stack([r.T_map_camera for r in self.records]),
                np.stack([r.K for r in self.records]),
                np.stack([r.depth_mm for r in self.records]),
            )
        return self._stacked[1:]


def _project(
    points: NDArray[np.float32], T: NDArray[np.float64], K: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(N, 3) points into L cameras -> (L, N, 2) pixels, (L, N) z."""
    local = (points[None].astype(np.float64) - T[:, None, :3, 3]) @ T[:, :3, :3]
    z = local[..., 2]
    safe = np.where(z > 1e-6, z, np.nan)
    u = K[:, 0, 0, None] * local[..., 0] / safe + K[:, 0, 2, None]
    v = K[:, 1, 1, None] * local[..., 1] / safe + K[:, 1, 2, None]
    return np.stack([u, v], axis=2), z
