"""An image beside what is remembered, before anything changes: pose, visibility, association, expectation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.association.association import Associator, Matches
from memory_agent_ros.memory.association.frame_alignment import Alignment, align_frame, corrected
from memory_agent_ros.memory.association.pair_evidence import Problem
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.map_state import MapState
from memory_agent_ros.memory.presence.reach import objects_in_play
from memory_agent_ros.memory.presence.residual import Expectation, compare, expect
from memory_agent_ros.memory.presence.visibility import DepthView, ObjectVisibility, judge_objects
from memory_agent_ros.memory.track import SAMPLES, Track
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.observation import Observation
from memory_agent_ros.records.residual import ViewResidual


@dataclass(frozen=True, eq=False)
class Sight:
    """An image beside what is remembered: what it shows of each object near, and which observation shows which.

    Frame and observations have the corrected pose.
    """

    frame: Frame
    observations: Sequence[Observation]
    alignment: Alignment | None
    view: DepthView
    to_depth: NDArray[np.float64]
    tracks: list[Track]
    samples: list[NDArray[np.float32]]
    visible: ObjectVisibility
    matches: Matches
    expectation: Expectation


def look_at(
    state: MapState, frame: Frame, observations: Sequence[Observation], config: MemoryConfig, associator: Associator
) -> Sight:
    """Correct the pose, project, expect, associate; changes nothing."""
    tracks = objects_in_play(state.tracks, frame, observations)
    alignment = align_frame(frame, observations, tracks, config) if config.align_frames else None
    if alignment is not None:
        frame, observations = corrected(frame, observations, alignment)
    view = DepthView.of_frame(frame, config)
    to_depth = np.array([view.camera.width / frame.camera.width, view.camera.height / frame.camera.height])
    samples = [t.cloud.samples(SAMPLES) for t in tracks]
    visible = judge_objects(samples, view, config)
    matches = associator(Problem(frame, observations, tracks, visible, to_depth, state.appearance, config, alignment))
    area = 640.0 * 480.0 / (view.camera.width * view.camera.height)
    expectation = expect(tracks, visible, area, state.detector)
    return Sight(frame, observations, alignment, view, to_depth, tracks, samples, visible, matches, expectation)


def residual_of_sight(sight: Sight) -> ViewResidual:
    """What was seen against what was expected."""
    return compare(
        sight.frame.stamp_ns, sight.tracks, sight.expectation, sight.matches.pairs, len(sight.observations),
        sight.frame.camera, sight.to_depth,
    )  # fmt: skip


def residual_of(
    state: MapState, frame: Frame, observations: Sequence[Observation], config: MemoryConfig, associator: Associator
) -> ViewResidual:
    """An image against what is expected in it; changes nothing."""
    return residual_of_sight(look_at(state, frame, observations, config, associator))
