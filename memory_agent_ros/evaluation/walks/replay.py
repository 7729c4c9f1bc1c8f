"""A walk as the memory would get it: frames with noisy poses, observations, and whose they truly are."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.walks.noise import PoseError, kept, moved_observation
from memory_agent_ros.evaluation.walks.walk import Walk
from memory_agent_ros.perception.factory import make_image_embedder
from memory_agent_ros.perception.ground_truth import DetectionNoise, GroundTruthDetector
from memory_agent_ros.perception.pipeline import PerceptionPipeline
from memory_agent_ros.records.detection import Detection
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.observation import Observation


@dataclass(frozen=True, eq=False)
class Step:
    """One image of a replay.

    Attributes:
        index: image of the walk.
        frame: the image with the pose that the memory is told.
        T_map_camera: (4, 4) the true pose.
        observations: what was detected, placed by the pose that the memory is told.
        true_ids: per observation the instance most of its mask shows, 0 for a false positive.
    """

    index: int
    frame: Frame
    T_map_camera: NDArray[np.float64]
    observations: list[Observation]
    true_ids: list[int]


class Detections:
    """Observations of a walk at its true poses, detected and lifted once; replays add errors.

    Attributes:
        walk: the walk.
        observations, true_ids: per image.
    """

    def __init__(
        self, walk: Walk, noise: DetectionNoise | None = None, seed: int = 0, embedder: str = "color_histogram"
    ) -> None:
        pipeline = PerceptionPipeline(
            GroundTruthDetector(walk.labels, noise or DetectionNoise(), seed), make_image_embedder(embedder)
        )
        self.walk = walk
        self.observations: list[list[Observation]] = []
        self.true_ids: list[list[int]] = []
        for _, frame in walk.frames():
            result = pipeline.process(frame)
            owners = {_key(d): _instance(frame, d) for d in result.detections}
            self.observations.append(result.observations)
            self.true_ids.append([owners.get(_key(o), 0) for o in result.observations])

    def replay(
        self,
        pose: PoseError | None = None,
        miss: float = 0.0,
        *,
        report_covariance: bool = True,
        which_pass: int | None = None,
    ) -> Iterator[Step]:
        """The images in order, with errors.

        Args:
            pose: error of the poses.
            miss: share of the detections that is missed on top, [0, 1].
            report_covariance: whether frames carry the covariance of the error.
            which_pass: one pass, or all.
        """
        walk = self.walk
        told = walk.T_map_camera if pose is None else pose.draw(walk.T_map_camera)
        covariance = pose.covariance if pose is not None and report_covariance else None
        for index, frame in walk.frames(which_pass):
            T = told[index] @ np.linalg.inv(walk.T_map_camera[index])
            keep = kept(len(self.observations[index]), miss, (walk.seed % 2**32, index, round(miss * 1000)))
            chosen = np.flatnonzero(keep).tolist()
            observations = [self.observations[index][i] for i in chosen]
            if pose is not None:
                observations = [moved_observation(o, T) for o in observations]
            yield Step(
                index,
                dataclasses.replace(frame, T_map_camera=told[index], pose_covariance=covariance),
                walk.T_map_camera[index],
                observations,
                [self.true_ids[index][i] for i in chosen],
            )


def _key(thing: Detection | Observation) -> tuple[str, float, tuple[float, ...]]:
    return thing.label, thing.score, tuple(float(v) for v in thing.box_xyxy)


def _instance(frame: Frame, detection: Detection) -> int:
    """The labelled instance that fills most of the mask, 0 if the background does."""
    assert frame.instances is not None and detection.mask is not None
    return int(np.bincount(frame.instances[detection.mask]).argmax())
