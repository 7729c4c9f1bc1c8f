"""Which objects had to be found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from memory_agent_ros.evaluation.visible import VisibleCounter
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.frame import Frame


@dataclass
class Seen:
    pixels: int
    unoccluded: float


def frame(width: int, height: int) -> Frame:
    K = np.array([[width, 0, width / 2], [0, width, height / 2], [0, 0, 1.0]])
    return Frame(
        0,
        np.zeros((height, width, 3), np.uint8),
        np.ones((height, width), np.float32),
        Camera(width, height, K),
        np.eye(4),
    )


def test_pixels_scale_with_the_image_and_five_frames_are_needed() -> None:
    counter = VisibleCounter()
    for i in range(5):
        counter.add(
            {1: Seen(100, 0.3), 2: Seen(99, 1.0), 3: Seen(500, 0.29), 4: Seen(500, 1.0) if i else Seen(0, 0.0)},
            frame(640, 480),
        )
    assert counter.required == {1}
    small = VisibleCounter()
    for _ in range(5):
        small.add({1: Seen(25, 0.9), 2: Seen(24, 0.9)}, frame(320, 240))
    assert small.required == {1}
