"""Tunables of admission and of trust in sources, with unit and range."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class GateConfig:
    """What is refused at the border, beside what is refused always. 0 switches a limit off.

    Frames:
        max_rotation_std_deg: frames whose rotation is less certain than this are refused, 0 to 90.
        max_stamp_age_s: frames that arrive later than this after their stamp are refused, 0 to 3600.
        max_stamp_ahead_s: frames whose stamp is farther in the future than this are refused, 0 to 3600.
        require_extrinsics: refuse frames of a camera whose place on the robot is a guess.
        min_depth_share: frames of which a smaller share of the pixels has depth are refused, 0 to 1.

    Observations:
        min_score: detections with a lower score are left out, 0 to 1.
        min_pixels: detections with fewer pixels of depth are left out, 0 to 10000.
    """

    max_rotation_std_deg: float = 0.0
    max_stamp_age_s: float = 0.0
    max_stamp_ahead_s: float = 0.0
    require_extrinsics: bool = False
    min_depth_share: float = 0.0

    min_score: float = 0.0
    min_pixels: int = 0
