"""What readers of folders of pictures share: sampling, refusing single frames, turning the world upright."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.se3 import Matrix
from memory_agent_ros.perception.image_decoding import depth_to_metres
from memory_agent_ros.perception.packed_images import unpack_picture
from memory_agent_ros.perception.recordings.recording import RecordingOptions
from memory_agent_ros.perception.recordings.upright import estimate_upright
from memory_agent_ros.records import limits
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.frame import Frame

_SAMPLE = 24


class FolderRecording:
    """Pictures that can be loaded one by one, by index.

    Args:
        path: the folder.
        count: pictures in it.
        load: index -> Frame in the recording's own world; raises BadInputError for one that cannot be used.
        options: see :class:`RecordingOptions`.
        name: short name for people.
    """

    def __init__(
        self, path: Path, count: int, load: Callable[[int], Frame], options: RecordingOptions, name: str
    ) -> None:
        self.path = path
        self.name = name
        self.refused: Counter[str] = Counter()
        self._count = count
        self._load = load
        self._options = options
        self._T_map_world: Matrix | None = None

    def _indices(self) -> range:
        taken = range(0, self._count, self._options.stride)
        return taken[: self._options.limit] if self._options.limit else taken

    def __len__(self) -> int:
        return len(self._indices())

    def world_pose(self) -> Matrix:
        """(4, 4) turn and lift from the recording's world to the z-up map; identity if ``upright`` is False."""
        if self._T_map_world is None:
            self._T_map_world = np.eye(4) if self._options.upright is False else self._estimate()
        return self._T_map_world

    def _estimate(self) -> Matrix:
        frames = []
        indices = range(0, self._count, max(1, self._count // _SAMPLE))
        for index in indices:
            try:
                frames.append(self._load(index))
            except BadInputError:
                continue
        if not frames:
            raise BadInputError("recording_empty", f"none of {len(indices)} pictures tried in {self.path} can be used")
        return estimate_upright(frames)

    def __iter__(self) -> Iterator[Frame]:
        self.refused = Counter()
        T_map_world = self.world_pose()
        for index in self._indices():
            try:
                frame = self._load(index)
            except BadInputError as error:
                self.refused[error.reason] += 1
                continue
            yield dataclasses.replace(frame, T_map_camera=T_map_world @ frame.T_map_camera)


def read_color(path: Path) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB.

    Raises:
        BadInputError: ``color_file`` if it is missing or no picture.
    """
    image = _picture(path, cv2.IMREAD_COLOR)
    if image is None:
        raise BadInputError("color_file", f"{path} is missing, no JPEG or PNG, or larger than any camera's")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def read_depth(path: Path, unit_m: float) -> NDArray[np.float32]:
    """16-bit PNG -> (H, W) float32 metres, 0 = no reading.

    Raises:
        BadInputError: ``depth_file`` if it is missing or no 16-bit picture.
    """
    raw = _picture(path, cv2.IMREAD_UNCHANGED)
    if raw is None or raw.ndim != 2 or raw.dtype != np.uint16:
        raise BadInputError("depth_file", f"{path} is missing or no 16-bit single-channel PNG")
    return depth_to_metres(raw, unit_m)


def _picture(path: Path, flags: int) -> NDArray[Any] | None:
    """A picture as ``cv2.imread`` gives it; None if it is missing, broken or too large."""
    try:
        if not 0 < path.stat().st_size <= limits.IMAGE_BYTES:
            return None
        return unpack_picture(np.fromfile(path, dtype=np.uint8), flags)
    except (OSError, ValueError):
        return None


def read_numbers(path: Path, shape: tuple[int, ...], reason: str) -> NDArray[np.float64]:
    """Whitespace-separated numbers of a text file in the given shape.

    Raises:
        BadInputError: with ``reason`` if the file is missing or holds something else.
    """
    try:
        return np.loadtxt(path, dtype=np.float64).reshape(shape)
    except (OSError, ValueError) as error:
        raise BadInputError(reason, f"{path} should hold {shape} numbers: {error}") from error


def read_intrinsics(path: Path) -> NDArray[np.float64]:
    """(3, 3) K from a file of nine numbers, or of four: fx fy cx cy.

    Raises:
        BadInputError: ``intrinsics`` if it holds anything else.
    """
    try:
        numbers = np.loadtxt(path, dtype=np.float64).ravel()
    except (OSError, ValueError) as error:
        raise BadInputError("intrinsics", f"{path} should hold a 3x3 matrix or 'fx fy cx cy': {error}") from error
    if numbers.size == 9:
        return numbers.reshape(3, 3)
    if numbers.size == 4:
        fx, fy, cx, cy = numbers
        return np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])
    raise BadInputError("intrinsics", f"{path} should hold a 3x3 matrix or 'fx fy cx cy', found {numbers.size} numbers")


def build_frame(
    stamp_ns: int,
    color: NDArray[np.uint8],
    depth_m: NDArray[np.float32],
    K: NDArray[np.float64],
    T_world_camera: Matrix,
) -> Frame:
    """A frame of one picture; ``K`` belongs to the colour image, depth of another size gets its own scaled camera."""
    camera = Camera(color.shape[1], color.shape[0], K)
    same = depth_m.shape == color.shape[:2]
    depth_camera = None if same else camera.scaled(depth_m.shape[1], depth_m.shape[0])
    return Frame(stamp_ns, color, depth_m, camera, T_world_camera, depth_camera=depth_camera)
