"""Re-identification: is a new object one that went missing from another place?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from memory_agent_ros.memory.association.appearance import AppearanceModel
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.presence.detection_model import features, shipped, sigmoid
from memory_agent_ros.memory.presence.looks import WIDTH, LookLog
from memory_agent_ros.memory.track import Track

#: A detector that approaches an object finds it within this time, nanoseconds.
_SETTLED_NS = 5_000_000_000
#: Share of its box that a thing fills in an image.
_FILL = 0.6


@dataclass(frozen=True)
class Link:
    """A missing object and the new one that it is.

    Attributes:
        missing_id, new_id: the two tracks; the missing one's identity survives.
        confidence: probability that they are the same.
    """

    missing_id: int
    new_id: int
    confidence: float


def is_missing(track: Track) -> bool:
    """Gone, or its place was last seen empty and it is fading."""
    return track.confirmed and (track.gone or (track.log_odds < 0.0 and track.negatives >= 2))


def is_newcomer(track: Track) -> bool:
    """Found at one place, and not yet known as another object that moved."""
    return track.confirmed and not track.gone and track.placement == 0 and track.log_odds > 0.0


def apart(a: Track, b: Track) -> bool:
    """Whether a person said that two records are not of one object, or that there is no such thing as one of them."""
    return a.id in b.by_hand.apart or b.id in a.by_hand.apart or a.by_hand.deleted != b.by_hand.deleted


def size_log_ratio(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Log-likelihood ratio of the same size, from two (3,) box sizes: +1 if equal, down to -3."""
    first, second = np.sort(a) + 0.03, np.sort(b) + 0.03
    misfit = float(np.sum((np.log(first / second) / 0.45) ** 2))
    return max(1.0 - 0.5 * misfit, -3.0)


def label_log_ratio(a: Track, b: Track) -> float:
    """Log-likelihood ratio of the same category from two label distributions, within +-2 (or -inf)."""
    agreement = a.votes.match(b.votes)
    return -math.inf if agreement < 0.05 else min(math.log((agreement + 0.02) / 0.12), 2.0)


def arrival_log_ratio(new: Track, looks: LookLog, left: Sequence[Track], config: MemoryConfig) -> float:
    """Log-likelihood ratio of having arrived after others were mapped; -inf if it may always have been there.

    Its place was seen empty, or one of the objects that ``left`` stood there, or looks well before it was first
    detected would have shown it: each counts by how likely the detector was to report a thing of its size.
    """
    points = new.cloud.samples(32)
    if looks.seen_empty(points, new.first_seen_ns) or _stood_there(points, new, left, config):
        return 1.5
    range_m, focal_px, share = looks.open_views(points, new.first_seen_ns - _SETTLED_NS)
    if len(range_m) == 0:
        return -math.inf
    size = np.sort(new.cloud.box(1)[1])
    pixels = _FILL * size[1] * size[2] * (focal_px * 640.0 / WIDTH / np.maximum(range_m, 0.3)) ** 2
    p = sigmoid(shipped().logits(features(pixels, share, np.ones_like(share), range_m)))
    unseen = -config.miss_weight * float(np.log1p(-p).sum())
    return min(unseen - 0.5, 1.0) if unseen >= 1.0 else -math.inf


def _stood_there(points: NDArray[np.float32], new: Track, left: Sequence[Track], config: MemoryConfig) -> bool:
    """Whether most of (N, 3) points of a newcomer lie in the old box of something that left before it came."""
    for track in left:
        if track.last_seen_ns >= new.first_seen_ns:
            continue
        low, high = track.bounds(config)
        if ((points >= low - 0.02) & (points <= high + 0.02)).all(axis=1).mean() >= 0.5:
            return True
    return False


def pair_log_odds(missing: Track, new: Track, arrival: float, appearance: AppearanceModel) -> float:
    """Log-odds that ``new`` is ``missing`` at another place; -inf if both were seen at the same time.

    ``arrival`` is that of :func:`arrival_log_ratio`. Only a newcomer whose place was seen without it before came from
    somewhere; one at a place that nobody had looked at may always have been there, however alike it is.
    """
    if new.first_seen_ns <= missing.last_seen_ns:
        return -math.inf
    if apart(missing, new):
        return -math.inf
    score = label_log_ratio(missing, new) + arrival
    if score == -math.inf:
        return score
    score += size_log_ratio(missing.cloud.box(1)[1], new.cloud.box(1)[1])
    likeness = appearance.log_ratio(missing.bank.bank_similarity(new.bank), 3.0)
    score += max(likeness, -1.5)  # another light, another side: looks deceive more than they confirm
    return score if is_missing(missing) else score - 2.0


def find_links(
    tracks: Sequence[Track], looks: LookLog, appearance: AppearanceModel, config: MemoryConfig
) -> list[Link]:
    """Best one-to-one links between missing and new objects; ambiguous ones are left for later evidence.

    Objects of the same kind whose place nobody has checked since compete too: a newcomer that fits one of them
    better is not given to the missing one.
    """
    newcomers = [t for t in tracks if is_newcomer(t)]
    missing = [t for t in tracks if is_missing(t)]
    if not newcomers or not missing:
        return []
    labels = {t.label for t in missing}
    newcomers = [t for t in newcomers if any(t.votes.shares().get(label, 0.0) >= 0.05 for label in labels)]
    if not newcomers:
        return []
    ids = {t.id for t in missing}
    oldest_new = max(t.first_seen_ns for t in newcomers)
    rivals = [
        t for t in tracks if t.confirmed and t.id not in ids and t.label in labels and t.last_seen_ns < oldest_new
    ]
    rows = missing + rivals
    arrivals = [arrival_log_ratio(n, looks, missing, config) for n in newcomers]
    score = np.array(
        [[pair_log_odds(m, n, a, appearance) for n, a in zip(newcomers, arrivals, strict=True)] for m in rows]
    )
    chosen = linear_sum_assignment(-np.maximum(score, -20.0))
    links = []
    for i, j in zip(*(k.tolist() for k in chosen), strict=True):
        others = np.concatenate([np.delete(score[:, j], i), np.delete(score[i], j), [-np.inf]])
        if (
            i < len(missing)
            and score[i, j] >= config.link_threshold
            and score[i, j] - others.max() >= config.link_margin
        ):
            links.append(Link(rows[i].id, newcomers[j].id, 1.0 / (1.0 + math.exp(-float(score[i, j])))))
    return links
