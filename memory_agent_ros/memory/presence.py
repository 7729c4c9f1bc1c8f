"""Negative evidence: what an image says about objects that were not detected in it."""

from __future__ import annotations

import enum
import math

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.track import Track
from memory_agent_ros.memory.visibility import ObjectVisibility


class Look(enum.Enum):
    """What one image says about one undetected object."""

    NOTHING = "nothing"  # out of view, out of range, occluded, no depth, or too small to say
    EMPTY = "empty"  # its place is seen through
    MISSED = "missed"  # it should have been detected; what stands at its place is not clear


def judge(
    visible: ObjectVisibility, min_pixels: NDArray[np.float64], pixel_scale: float, config: MemoryConfig
) -> list[Look]:
    """Verdict on each of M undetected objects.

    Half of an object's samples must be in the image. It is EMPTY if most of those on which depth has a clear say (a
    fifth at least, and 4) are seen through (Khronos, RSS 2024, accepts absence likewise by agreement of rays). It is
    MISSED if the whole object is in the image, mostly unoccluded, and appears large enough to be detected.
    ``min_pixels`` (M,) is the smallest size at which each was ever detected, pixels at 640x480, of which
    ``pixel_scale`` go to a pixel of the depth image.
    """
    share_in = visible.in_image / np.maximum(visible.total, 1)
    with np.errstate(invalid="ignore"):
        near = (visible.range_m <= config.presence_range_m) & (share_in >= 0.5)
    few = np.maximum(4, 0.2 * visible.total)
    pixels = visible.pixels() * pixel_scale
    clear = (visible.judged >= few) & (visible.through_share >= config.through_share)
    empty = near & clear & (pixels >= 0.3 * config.presence_pixels)
    large = pixels >= np.maximum(config.presence_pixels, 0.5 * np.where(np.isfinite(min_pixels), min_pixels, 0.0))
    open_view = (visible.known - visible.occluded >= few) & (visible.occluded <= 0.5 * visible.total)
    missed = near & open_view & large & (share_in >= 0.99)
    looks = []
    for is_empty, is_missed in zip(empty.tolist(), missed.tolist(), strict=True):
        looks.append(Look.EMPTY if is_empty else Look.MISSED if is_missed else Look.NOTHING)
    return looks


def weaken(
    track: Track, look: Look, through_share: float, firm_share: float, stamp_ns: int, config: MemoryConfig
) -> bool:
    """Apply one look to an undetected object; True if the object must now be declared gone.

    A miss costs what this object's own detection rate makes it worth, within ``miss_loss``, and more the larger the
    share of its surface that is seen through. It costs little if its shape is well known and provably still stands
    there, unless something of another kind was detected in its place. Time alone costs nothing.
    """
    if look is Look.NOTHING:
        return False
    track.last_looked_ns = stamp_ns
    if stamp_ns - track.last_negative_ns < config.negative_interval_s * 1e9:
        return False
    track.last_negative_ns = stamp_ns
    track.rate.pending += 1.0
    track.negatives += 1
    if look is Look.EMPTY:
        track.log_odds -= config.through_loss
    else:
        miss = min(-0.35 * math.log(max(1.0 - track.rate.probability, 1e-3)), config.miss_loss)
        trust = 0.0 if track.usurped else min(max((track.observations - 3) / 5.0, 0.0), 1.0)
        doubt = 1.0 - 0.9 * firm_share * trust
        track.log_odds -= doubt * (miss + through_share * (config.through_loss - miss))
    return track.log_odds < config.presence_gone and track.negatives >= config.gone_frames
