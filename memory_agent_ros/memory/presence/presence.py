"""Negative evidence: what an image says about objects that were not detected in it."""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.presence.residual import Expectation
from memory_agent_ros.memory.presence.visibility import ObjectVisibility
from memory_agent_ros.memory.track import SAME_LABEL, Track


class Look(enum.Enum):
    """What one image says about one undetected object."""

    NOTHING = "nothing"  # out of view, out of range, occluded, no depth, or too small to say
    EMPTY = "empty"  # its place is seen through, or another thing stands there
    MISSED = "missed"  # it should have been detected; what stands at its place is not clear


def judge(
    visible: ObjectVisibility,
    expectation: Expectation,
    min_pixels: NDArray[np.float64],
    taken: NDArray[np.bool_],
    config: MemoryConfig,
) -> list[Look]:
    """Verdict on each of M undetected objects.

    Half of an object's samples must be in the image. It is EMPTY if most of those on which depth has a clear say (a
    fifth at least, and 4) are seen through (Khronos, RSS 2024, accepts absence likewise by agreement of rays), or if
    ``taken`` (M,): another thing stands in its place now. It is MISSED if the whole object is in the image, mostly
    unoccluded, and likely to be detected. ``min_pixels`` (M,) is the smallest size at which each was ever detected.
    """
    share_in = expectation.in_image
    with np.errstate(invalid="ignore"):
        near = (visible.range_m <= config.presence_range_m) & (share_in >= 0.5)
    few = np.maximum(4, 0.2 * visible.total)
    clear = (visible.judged >= few) & (visible.through_share >= config.through_share)
    empty = near & clear & (expectation.pixels >= 0.3 * config.presence_pixels)
    large = expectation.pixels >= 0.5 * np.where(np.isfinite(min_pixels), min_pixels, 0.0)
    likely = large & (expectation.p_detect >= config.miss_probability)
    open_view = (visible.known - visible.occluded >= few) & (visible.occluded <= 0.5 * visible.total)
    missed = near & open_view & likely & (share_in >= 0.99)
    looks = []
    for is_empty, is_missed in zip((empty | taken).tolist(), missed.tolist(), strict=True):
        looks.append(Look.EMPTY if is_empty else Look.MISSED if is_missed else Look.NOTHING)
    return looks


def weaken(
    track: Track,
    look: Look,
    p_detect: float,
    through_share: float,
    firm_share: float,
    stamp_ns: int,
    config: MemoryConfig,
) -> bool:
    """Apply one look to an undetected object; True if the object must now be declared gone.

    A miss costs what its probability makes it worth, ``miss_weight`` of -log(1 - p), within ``miss_loss``, and more the
    larger the share of its surface that is seen through. It costs little if its shape is well known and provably still
    stands there, unless something of another kind was detected in its place. Time alone costs nothing.
    """
    if look is Look.NOTHING:
        return False
    track.last_looked_ns = max(track.last_looked_ns, stamp_ns)
    if stamp_ns - track.last_negative_ns < config.negative_interval_s * 1e9:
        return False
    track.last_negative_ns = stamp_ns
    track.negatives += 1
    if look is Look.EMPTY:
        track.log_odds -= config.through_loss
    else:
        miss = min(-config.miss_weight * math.log(max(1.0 - p_detect, 1e-3)), config.miss_loss)
        trust = 0.0 if track.usurped else min(max((track.observations - 3) / 5.0, 0.0), 1.0)
        doubt = 1.0 - 0.9 * firm_share * trust
        track.log_odds -= doubt * (miss + through_share * max(config.through_loss - miss, 0.0))
    return track.log_odds < config.presence_gone and track.negatives >= config.gone_frames


def taken_places(
    tracks: Sequence[Track], samples: Sequence[NDArray[np.float32]], detected: Sequence[int], config: MemoryConfig
) -> NDArray[np.bool_]:
    """(M,) undetected objects in whose place a thing of another kind was detected that came after them.

    Args:
        tracks: M objects.
        samples: (n_j, 3) points of each.
        detected: indices of those detected in this image, each confirmed.
        config: settings.
    """
    taken = np.zeros(len(tracks), dtype=bool)
    newest = max((tracks[k].first_seen_ns for k in detected), default=0)
    known = set(detected)
    waiting = [j for j, t in enumerate(tracks) if j not in known and t.last_seen_ns < newest]
    for k in detected:
        other = tracks[k]
        low, high = other.bounds(config)
        for j in waiting:
            track = tracks[j]
            if other.first_seen_ns <= track.last_seen_ns or track.votes.match(other.votes) >= SAME_LABEL:
                continue
            inside = ((samples[j] >= low - 0.01) & (samples[j] <= high + 0.01)).all(axis=1)
            taken[j] |= bool(inside.mean() >= 0.6)
    return taken
