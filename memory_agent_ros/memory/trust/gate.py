"""What a map refuses because of how it was measured. The limits are those of the gate; 0 switches one off."""

from __future__ import annotations

import numpy as np

from memory_agent_ros.memory.trust.config import GateConfig
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.observation import Observation

#: Pixels of depth between two that are looked at to see how much of it there is.
_STRIDE = 4


def frame_refusal(frame: Frame, gate: GateConfig) -> BadInputError | None:
    """Why a frame is refused: ``rotation_uncertain``, ``extrinsics_unknown``, ``source_unknown``, ``stamp_old``,
    ``stamp_ahead``, ``depth_poor``; None if it may pass.
    """
    if gate.max_rotation_std_deg and frame.pose_covariance is not None:
        variance = np.diagonal(frame.pose_covariance)[3:]
        if not np.isfinite(variance).all() or float(variance.max()) > np.deg2rad(gate.max_rotation_std_deg) ** 2:
            return BadInputError(
                "rotation_uncertain",
                f"the rotation's standard deviation is above {gate.max_rotation_std_deg} degrees; wait until the robot "
                "is localised or raise gate.max_rotation_std_deg",
            )
    if gate.require_extrinsics and not frame.extrinsics_known:
        return BadInputError(
            "extrinsics_unknown",
            f"where {frame.camera_frame_id} sits on the robot is a guess; publish its calibrated transform",
        )
    if gate.require_source and not frame.source.sensor:
        return BadInputError(
            "source_unknown", "the image does not tell its sensor; set the parameter sensor of its perception node"
        )
    return _stamp_refusal(frame, gate) or _depth_refusal(frame, gate)


def _stamp_refusal(frame: Frame, gate: GateConfig) -> BadInputError | None:
    if frame.received_ns is None:
        return None
    age_s = (frame.received_ns - frame.stamp_ns) * 1e-9
    if gate.max_stamp_age_s and age_s > gate.max_stamp_age_s:
        return BadInputError(
            "stamp_old",
            f"the image came {age_s:.2f} s after its stamp, more than {gate.max_stamp_age_s} s; the pipeline is too "
            "slow, or the clocks of camera and robot differ",
        )
    if gate.max_stamp_ahead_s and -age_s > gate.max_stamp_ahead_s:
        return BadInputError(
            "stamp_ahead",
            f"the image is stamped {-age_s:.2f} s in the future; synchronise the clocks of camera and robot",
        )
    return None


def _depth_refusal(frame: Frame, gate: GateConfig) -> BadInputError | None:
    if not gate.min_depth_share:
        return None
    some = frame.depth_m[::_STRIDE, ::_STRIDE]
    with np.errstate(invalid="ignore"):
        share = float(((some > 0) & np.isfinite(some)).mean())
    if share >= gate.min_depth_share:
        return None
    return BadInputError(
        "depth_poor",
        f"only {share:.0%} of the image has depth, less than {gate.min_depth_share:.0%}; look at the depth camera, "
        "its range and its lens",
    )


def observation_refusal(obs: Observation, gate: GateConfig) -> str | None:
    """Why a detection is left out: ``score_low``, ``few_pixels``; None if it may pass."""
    if obs.score < gate.min_score:
        return "score_low"
    if obs.pixels < gate.min_pixels:
        return "few_pixels"
    return None
