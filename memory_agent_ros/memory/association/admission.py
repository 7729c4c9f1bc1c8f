"""What the memory refuses at its border, with a counted reason."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from memory_agent_ros.memory.association.plausible import frame_fault, observation_fault
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.map_state import MapState
from memory_agent_ros.memory.trust.gate import frame_refusal, observation_refusal
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.observation import Observation


def admit_frame(frame: Frame, state: MapState, config: MemoryConfig) -> None:
    """Let a frame pass or count and raise why not.

    Raises:
        BadInputError: ``pose_not_finite``, ``pose_uncertain``, ``frame_id_mismatch``, ``stamp_runs_back``, and those of
            :func:`~memory_agent_ros.memory.trust.gate.frame_refusal`.
    """
    refusal = _frame_refusal(frame, state, config)
    if refusal is not None:
        state.stats[f"refused.{refusal.reason}"] += 1
        raise refusal


def _frame_refusal(frame: Frame, state: MapState, config: MemoryConfig) -> BadInputError | None:
    if not np.isfinite(frame.T_map_camera).all():
        return BadInputError("pose_not_finite", "the camera pose holds NaN or infinity; check the localisation source")
    fault = frame_fault(frame)
    if fault is not None:
        return BadInputError(fault, "no camera gives such an image; check the stamps and the localisation source")
    if not frame.frame_id:
        return BadInputError("frame_id_mismatch", "the image names no world frame; set frame_id, usually 'map'")
    if state.frame_id and frame.frame_id != state.frame_id:
        return BadInputError(
            "frame_id_mismatch",
            f"this map is in frame '{state.frame_id}', the image in '{frame.frame_id}'; look the pose up in "
            f"'{state.frame_id}' or open another map",
        )
    if frame.stamp_ns <= state.last_stamp_ns:
        return BadInputError(
            "stamp_runs_back",
            f"stamp {frame.stamp_ns} is not after {state.last_stamp_ns}, the last one in this map; after a restart of "
            "the clock or a bag loop, open another map",
        )
    if frame.pose_covariance is not None:
        variance = np.diagonal(frame.pose_covariance)[:3]
        if not np.isfinite(variance).all() or float(variance.max()) > config.max_position_std_m**2:
            return BadInputError(
                "pose_uncertain",
                f"the position's standard deviation is above {config.max_position_std_m} m; wait until the robot is "
                "localised or raise max_position_std_m",
            )
    return frame_refusal(frame, config.gate)


def admit_observations(
    frame: Frame, observations: Sequence[Observation], state: MapState, config: MemoryConfig
) -> list[Observation]:
    """Usable observations; the others are counted as ``observation.<reason>``."""
    usable = []
    for obs in observations:
        reason = _observation_refusal(frame, obs) or observation_refusal(obs, config.gate)
        if reason is None:
            usable.append(obs)
        else:
            state.stats[f"observation.{reason}"] += 1
    return usable


def _observation_refusal(frame: Frame, obs: Observation) -> str | None:
    if obs.stamp_ns != frame.stamp_ns:
        return "other_stamp"
    if not obs.label.strip():
        return "no_label"
    if len(obs.points_map) == 0:
        return "no_points"
    return observation_fault(obs)
