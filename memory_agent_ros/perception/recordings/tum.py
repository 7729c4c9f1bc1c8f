"""TUM RGB-D folders: ``rgb.txt``, ``depth.txt``, ``groundtruth.txt``; 16-bit depth at 5000 a metre.

An optional ``camera-intrinsics.txt`` (3x3, or fx fy cx cy) wins over the published values for freiburg1, 2 and 3, which
are told apart by the folder's name. Lens distortion of the originals is not undone.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.se3 import Matrix, from_position_quaternion, interpolate
from memory_agent_ros.perception.recordings.folder import (
    FolderRecording,
    build_frame,
    read_color,
    read_depth,
    read_intrinsics,
)
from memory_agent_ros.perception.recordings.recording import RecordingOptions
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.frame import Frame

_PUBLISHED = {
    "freiburg1": (517.3, 516.5, 318.6, 255.3),
    "freiburg2": (520.9, 521.0, 325.1, 249.7),
    "freiburg3": (535.4, 539.2, 320.1, 247.6),
    "": (525.0, 525.0, 319.5, 239.5),
}


def is_tum(path: Path) -> bool:
    """Whether the folder has the three lists of a TUM recording."""
    return all((path / name).is_file() for name in ("rgb.txt", "depth.txt", "groundtruth.txt"))


def open_tum(path: Path, options: RecordingOptions) -> FolderRecording:
    """Reader of one TUM RGB-D folder: depth nearest in time within ``sync_slop_s``, pose interpolated at the colour.

    Raises:
        BadInputError: ``list_file`` for a list that cannot be read, ``recording_empty``, ``intrinsics``.
    """
    color, depth = _read_list(path / "rgb.txt"), _read_list(path / "depth.txt")
    poses = _read_poses(path / "groundtruth.txt")
    depth_stamps = np.array([s for s, _ in depth])
    K = _intrinsics(path)

    def load(index: int) -> Frame:
        stamp_ns, name = color[index]
        T = _pose_at(poses, stamp_ns, options.pose_gap_s)
        nearest = int(np.argmin(np.abs(depth_stamps - stamp_ns)))
        if abs(int(depth_stamps[nearest]) - stamp_ns) > options.sync_slop_s * 1e9:
            raise BadInputError("depth_missing", f"no depth image within {options.sync_slop_s} s of {name}")
        return build_frame(stamp_ns, read_color(path / name), read_depth(path / depth[nearest][1], 1 / 5000), K, T)

    return FolderRecording(path, len(color), load, options, path.name)


def _intrinsics(path: Path) -> NDArray[np.float64]:
    for name in ("camera-intrinsics.txt", "intrinsics.txt"):
        if (path / name).exists():
            return read_intrinsics(path / name)
    fx, fy, cx, cy = next(v for key, v in _PUBLISHED.items() if key in path.name)
    return np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])


def _stamp_ns(text: str) -> int:
    """Decimal seconds as text -> nanoseconds, exact where a float would round."""
    whole, _, fraction = text.partition(".")
    return int(whole) * 1_000_000_000 + int((fraction + "000000000")[:9])


def _rows(path: Path, columns: int) -> list[list[str]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError("list_file", f"{path} cannot be read: {error}") from error
    rows = [line.split() for line in lines if line.strip() and not line.startswith("#")]
    if not rows:
        raise BadInputError("recording_empty", f"{path} lists nothing")
    if any(len(row) < columns for row in rows):
        raise BadInputError("list_file", f"{path} should have {columns} columns a line")
    return rows


def _read_list(path: Path) -> list[tuple[int, str]]:
    try:
        return sorted((_stamp_ns(row[0]), row[1]) for row in _rows(path, 2))
    except ValueError as error:
        raise BadInputError("list_file", f"{path} should start each line with seconds: {error}") from error


def _read_poses(path: Path) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Stamps (N,) and rows (N, 7) x y z qx qy qz qw in order of time."""
    try:
        rows = sorted((_stamp_ns(row[0]), [float(x) for x in row[1:8]]) for row in _rows(path, 8))
    except ValueError as error:
        raise BadInputError("list_file", f"{path} should hold 'seconds x y z qx qy qz qw' a line: {error}") from error
    return np.array([s for s, _ in rows], dtype=np.int64), np.array([p for _, p in rows])


def _pose_at(poses: tuple[NDArray[np.int64], NDArray[np.float64]], stamp_ns: int, gap_s: float) -> Matrix:
    stamps, rows = poses
    after = int(np.searchsorted(stamps, stamp_ns))
    exact = after < len(stamps) and stamps[after] == stamp_ns
    pair = (after, after) if exact else (after - 1, after)
    if pair[0] < 0 or pair[1] >= len(stamps) or stamps[pair[1]] - stamps[pair[0]] > gap_s * 1e9:
        raise BadInputError("pose_missing", f"no poses within {gap_s} s around {stamp_ns / 1e9:.3f} s")
    if not np.isfinite(rows[list(pair)]).all() or not np.abs(rows[list(pair), 3:]).max(axis=1).all():
        raise BadInputError("pose_not_finite", f"the pose at {stamp_ns / 1e9:.3f} s holds NaN or a zero quaternion")
    first, last = (from_position_quaternion(rows[i, :3], rows[i, 3:]) for i in pair)
    if pair[0] == pair[1]:
        return first
    return interpolate(first, last, (stamp_ns - int(stamps[pair[0]])) / int(stamps[pair[1]] - stamps[pair[0]]))
