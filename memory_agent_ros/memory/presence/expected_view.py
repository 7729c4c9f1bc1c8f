"""What a camera would see of the remembered objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.pinhole import project_map
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.presence.detection_model import DetectionRate
from memory_agent_ros.memory.presence.residual import expect
from memory_agent_ros.memory.presence.visibility import DepthView, judge_objects
from memory_agent_ros.memory.track import Track
from memory_agent_ros.records.camera import Camera

_SAMPLES = 128


@dataclass(frozen=True, eq=False)
class ExpectedObject:
    """One object in an expected view.

    Attributes:
        object_id: its id.
        box_xyxy: (4,) pixel box of its visible part, clipped to the image.
        range_m: mean camera z of its points.
        pixels: expected unoccluded pixels.
        visible_share: share of its points in the image and not occluded, in [0, 1].
        p_detect: probability that the detector reports it, presence included.
    """

    object_id: int
    box_xyxy: NDArray[np.float32]
    range_m: float
    pixels: float
    visible_share: float
    p_detect: float


def expected_objects(
    tracks: Sequence[Track],
    camera: Camera,
    T_map_camera: NDArray[np.float64],
    depth_m: NDArray[np.float32] | None,
    depth_camera: Camera | None,
    detector: DetectionRate,
    config: MemoryConfig,
) -> list[ExpectedObject]:
    """Project the objects into a view, nearest first.

    With a depth image, what it occludes is left out; without, the objects occlude each other in a coarse z-buffer.
    """
    if not tracks:
        return []
    if depth_m is None:
        coarse = max(1, min(8, camera.width // 80))
        depth_camera = camera.scaled(max(camera.width // coarse, 1), max(camera.height // coarse, 1))
        depth_m = _splat(tracks, depth_camera, T_map_camera)
    view = DepthView.of(depth_m, depth_camera or camera, T_map_camera, config)
    visible = judge_objects([t.cloud.samples(_SAMPLES) for t in tracks], view, config)
    to_color = np.array([camera.width / view.camera.width, camera.height / view.camera.height])
    area = 640.0 * 480.0 / (view.camera.width * view.camera.height)
    expectation = expect(tracks, visible, area, detector)
    to_image = float(camera.width * camera.height) / (640.0 * 480.0)
    boxes = (expectation.box + 0.5) * np.tile(to_color, 2) - [0.5, 0.5, -0.5, -0.5]
    boxes = boxes.clip(0, [camera.width, camera.height] * 2).astype(np.float32)
    found = [
        ExpectedObject(
            tracks[j].id, boxes[j], float(expectation.range_m[j]), float(expectation.pixels[j]) * to_image,
            float(expectation.visible_share[j] * expectation.in_image[j]),
            float(expectation.p_detect[j] * expectation.presence[j]),
        )
        for j in np.flatnonzero(expectation.expected).tolist()
    ]  # fmt: skip
    return sorted(found, key=lambda e: e.range_m)


def _splat(tracks: Sequence[Track], camera: Camera, T_map_camera: NDArray[np.float64]) -> NDArray[np.float32]:
    """Z-buffer of the objects' points, infinity where there is none."""
    depth = np.full((camera.height, camera.width), np.inf, dtype=np.float32)
    uv, z = project_map(camera.K, T_map_camera, np.concatenate([t.cloud.points for t in tracks]))
    with np.errstate(invalid="ignore"):
        pixel = np.rint(uv)
        inside = (z > 0.05) & (pixel >= 0).all(axis=1) & (pixel < [camera.width, camera.height]).all(axis=1)
    pixel = pixel[inside].astype(np.intp)
    np.minimum.at(depth, (pixel[:, 1], pixel[:, 0]), z[inside].astype(np.float32))
    return depth
