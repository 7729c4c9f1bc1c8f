"""One robot in the twin whose frames go through the real perception, for the real memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from memory_agent_ros.perception.factory import make_image_embedder
from memory_agent_ros.perception.ground_truth import DetectionNoise, GroundTruthDetector
from memory_agent_ros.perception.pipeline import PerceptionPipeline
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.observation import Observation

if TYPE_CHECKING:
    from memory_agent_sim.twin.world import TwinWorld

#: Frames of a look all round, and how long each takes, seconds.
LOOKS, LOOK_S = 12, 0.5
_SPEED_MPS = 0.5


@dataclass(frozen=True)
class TwinRobotConfig:
    """How the robot sees.

    Attributes:
        width: image width, pixels, 160 to 640.
        height: image height, pixels, 120 to 480.
        image_embedder: name for :func:`~memory_agent_ros.perception.factory.make_image_embedder`.
        noise: errors of the simulated detector.
        seed: of these errors.
    """

    width: int = 320
    height: int = 240
    image_embedder: str = "color_histogram"
    noise: DetectionNoise = field(default_factory=DetectionNoise)
    seed: int = 0


class TwinRobot:
    """Drives from place to place of a :class:`~memory_agent_sim.twin.world.TwinWorld` and observes as a robot does.

    Attributes:
        node: its place.
        metres: driven.
        stamp_ns: of the last frame.
    """

    def __init__(self, world: TwinWorld, config: TwinRobotConfig | None = None) -> None:
        from memory_agent_sim.twin.frames import TwinCamera

        config = config or TwinRobotConfig()
        self._world = world
        self._camera = TwinCamera(world, config.width, config.height)
        detector = GroundTruthDetector(self._camera.labels, config.noise, config.seed)
        self._pipeline = PerceptionPipeline(detector, make_image_embedder(config.image_embedder))
        self.node = world.tables.start
        self.metres = 0.0
        self.stamp_ns = 0

    def look(self) -> Iterator[tuple[Frame, list[Observation]]]:
        """Turn once around: frames and what was observed in each."""
        for k in range(LOOKS):
            yield self._observed(2 * np.pi * k / LOOKS, LOOK_S)

    def drive(self, target: int) -> Iterator[tuple[Frame, list[Observation]]]:
        """Drive to a place by the shortest way: a frame at each place on it, then a look all round."""
        tables = self._world.tables
        while self.node != target:
            following = int(tables.hop[self.node, target])
            length = float(tables.path_m[self.node, following])
            way = tables.nodes_xy[following] - tables.nodes_xy[self.node]
            self.node = following
            self.metres += length
            yield self._observed(float(np.arctan2(way[1], way[0])), length / _SPEED_MPS)
        yield from self.look()

    def _observed(self, yaw: float, seconds: float) -> tuple[Frame, list[Observation]]:
        self.stamp_ns += round(seconds * 1e9)
        frame = self._camera.frame(self._world.tables.nodes_xy[self.node], yaw, self.stamp_ns)
        return frame, self._pipeline.process(frame).observations
