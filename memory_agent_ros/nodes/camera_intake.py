"""From what a camera publishes to rectified, upright, aligned RGB-D, or a refusal with its reason.

* camera_info is checked against every image: frame and size.
* Lens distortion is undone (colour bilinear, depth nearest), unless the images are rectified already.
* A camera mounted sideways (Stretch) is turned upright: image, intrinsics and optical frame together.
* Depth must be aligned to colour: same frame, and same size unless the depth camera's own camera_info is given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo

from memory_agent_ros.geometry.se3 import Matrix
from memory_agent_ros.nodes.conversions import camera_from_info
from memory_agent_ros.perception.rectification import Rectifier, make_rectifier
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.errors import BadInputError

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, eq=False)
class RgbdImage:
    """One rectified, upright RGB-D image.

    Attributes:
        rgb, depth_m, camera, depth_camera, instances: as in :class:`~memory_agent_ros.records.frame.Frame`.
        frame_id: optical frame the images were taken in (before turning).
        T_frame_camera: (4, 4) pose of the upright optical frame in ``frame_id``.
    """

    rgb: NDArray[np.uint8]
    depth_m: NDArray[np.float32]
    camera: Camera
    depth_camera: Camera | None
    instances: NDArray[np.int32] | None
    frame_id: str
    T_frame_camera: Matrix


class CameraIntake:
    """Remembers the newest camera_info and what follows from it.

    Args:
        rotation_deg: how far the image is turned clockwise to be upright: 0, 90, 180 or 270.
        rectified: the images are rectified already, so camera_info's P describes them and its distortion is done.
    """

    def __init__(self, rotation_deg: int = 0, rectified: bool = False) -> None:
        if rotation_deg % 90:
            raise BadInputError("camera_rotation", f"camera_rotation_deg must be 0, 90, 180 or 270, got {rotation_deg}")
        self._turns = rotation_deg // 90 % 4
        self._rectified = rectified
        self._color_key: bytes = b""
        self._depth_key: bytes = b""
        self._color: tuple[str, Rectifier] | None = None
        self._depth: tuple[str, Rectifier] | None = None

    @property
    def ready(self) -> bool:
        """Whether a valid colour camera_info came."""
        return self._color is not None

    @property
    def camera(self) -> Camera | None:
        """Intrinsics of the upright colour image, None before camera_info came."""
        return None if self._color is None else turn_camera(self._color[1].camera, self._turns)

    def set_color_info(self, info: CameraInfo) -> None:
        """Take a colour camera_info; ``camera_invalid`` or ``distortion_model`` is raised and the last one kept."""
        key = _key(info)
        if key != self._color_key:
            self._color = (info.header.frame_id, self._rectifier(info))
            self._color_key = key

    def set_depth_info(self, info: CameraInfo) -> None:
        """Take the depth camera's own camera_info; refuses as :meth:`set_color_info`."""
        key = _key(info)
        if key != self._depth_key:
            self._depth = (info.header.frame_id, self._rectifier(info))
            self._depth_key = key

    def take(
        self,
        rgb: NDArray[np.uint8],
        color_frame_id: str,
        depth_m: NDArray[np.float32],
        depth_frame_id: str,
        instances: NDArray[np.int32] | None = None,
    ) -> RgbdImage:
        """Check, rectify and turn one pair.

        Raises:
            BadInputError: ``camera_info_missing``, ``camera_info_frame``, ``camera_info_size``, ``depth_not_aligned``,
                ``depth_size`` or ``instances_size``.
        """
        if self._color is None:
            raise BadInputError("camera_info_missing", "no camera_info came yet; publish it beside the image")
        frame_id, rectifier = self._color
        _check_info(frame_id, rectifier.camera, color_frame_id, rgb.shape[:2], "colour")
        depth_rectifier = self._aligned(rgb, color_frame_id, depth_m, depth_frame_id, rectifier)
        if instances is not None and instances.shape != rgb.shape[:2]:
            raise BadInputError("instances_size", f"instances are {instances.shape}, colour is {rgb.shape[:2]}")
        k = self._turns
        return RgbdImage(
            rgb=turn_image(rectifier.color(rgb), k),
            depth_m=turn_image(depth_rectifier.depth(depth_m), k),
            camera=turn_camera(rectifier.camera, k),
            depth_camera=None if depth_rectifier is rectifier else turn_camera(depth_rectifier.camera, k),
            instances=None if instances is None else turn_image(instances, k),
            frame_id=color_frame_id,
            T_frame_camera=turned_frame(k),
        )

    def _aligned(
        self,
        rgb: NDArray[np.uint8],
        color_frame_id: str,
        depth_m: NDArray[np.float32],
        depth_frame_id: str,
        rectifier: Rectifier,
    ) -> Rectifier:
        """The rectifier of the depth image if it is aligned to colour."""
        if depth_frame_id != color_frame_id:
            raise BadInputError(
                "depth_not_aligned",
                f"depth is in frame {depth_frame_id!r}, colour in {color_frame_id!r}; "
                "turn on the camera driver's depth alignment and subscribe to the aligned depth",
            )
        if self._depth is None:
            if depth_m.shape != rgb.shape[:2]:
                raise BadInputError(
                    "depth_size",
                    f"depth is {_size(depth_m.shape)}, colour is {_size(rgb.shape)}: not aligned; publish aligned "
                    "depth of the same size, or set use_depth_camera_info if it is aligned but scaled",
                )
            return rectifier
        _check_info(self._depth[0], self._depth[1].camera, depth_frame_id, depth_m.shape[:2], "depth")
        return self._depth[1]

    def _rectifier(self, info: CameraInfo) -> Rectifier:
        camera = camera_from_info(info, rectified=self._rectified)
        return make_rectifier(camera, [] if self._rectified else list(info.d), info.distortion_model)


def turn_image(image: NDArray[Scalar], turns: int) -> NDArray[Scalar]:
    """(H, W, ...) image turned clockwise by ``turns`` quarter turns."""
    return image if turns == 0 else np.ascontiguousarray(np.rot90(image, -turns))


def turn_camera(camera: Camera, turns: int) -> Camera:
    """Intrinsics of the image that :func:`turn_image` makes (skew is not kept; rectified images have none)."""
    width, height, K = camera.width, camera.height, camera.K
    for _ in range(turns % 4):
        K = np.array([[K[1, 1], 0.0, height - 1 - K[1, 2]], [0.0, K[0, 0], K[0, 2]], [0.0, 0.0, 1.0]])
        width, height = height, width
    return camera if turns % 4 == 0 else Camera(width, height, K)


def turned_frame(turns: int) -> Matrix:
    """(4, 4) pose of the turned optical frame in the original one: x' runs along -y, y' along x for one turn."""
    quarter = np.array([[0.0, 1.0, 0.0, 0.0], [-1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    return np.linalg.matrix_power(quarter, turns % 4)


def _check_info(frame_id: str, camera: Camera, image_frame_id: str, shape: tuple[int, ...], kind: str) -> None:
    if frame_id != image_frame_id:
        raise BadInputError(
            "camera_info_frame", f"{kind} image is in frame {image_frame_id!r}, its camera_info in {frame_id!r}"
        )
    if (camera.height, camera.width) != tuple(shape[:2]):
        raise BadInputError(
            "camera_info_size",
            f"{kind} image is {_size(shape)}, its camera_info says {camera.width}x{camera.height}",
        )


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}x{shape[0]}"


def _key(info: CameraInfo) -> bytes:
    numbers = np.concatenate([np.asarray(values, dtype=np.float64) for values in (info.k, info.p, info.d)])
    return f"{info.header.frame_id}|{info.width}x{info.height}|{info.distortion_model}|".encode() + numbers.tobytes()
