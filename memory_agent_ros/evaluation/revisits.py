"""Do identities survive on real images, where no instance is labelled? Places stand in for instances.

With good poses and nothing moved, detections of one label at one place show one thing. Their clusters are compared with
the identities that the memory gave: an instance seen again after a while should have the identity it had.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage


@dataclass(frozen=True)
class Revisits:
    """Counts of one recording.

    Attributes:
        places: clusters with an identity; identities: of which most detections lie in one of them.
        revisited: clusters that were out of sight for a while and seen again; kept: those that had one main identity
            before and after.
    """

    places: int
    identities: int
    revisited: int
    kept: int


def places_of(labels: Sequence[str], centers: NDArray[np.float64], within_m: float) -> NDArray[np.intp]:
    """(N,) which place each detection shows, from 1: same label, linked by gaps of at most ``within_m``."""
    out = np.zeros(len(labels), dtype=np.intp)
    found = 0
    for label in sorted(set(labels)):
        rows = np.array([i for i, other in enumerate(labels) if other == label])
        own = fcluster(linkage(centers[rows], "single"), within_m, "distance") if len(rows) > 1 else np.array([1])
        out[rows] = own + found
        found += int(own.max())
    return out


def score_revisits(
    places: NDArray[np.intp], given: NDArray[np.int64], frames: NDArray[np.int64], away_frames: int, least: int = 3
) -> Revisits:
    """Compare identities with places.

    Args:
        places: (N,) place of each detection, from 1.
        given: (N,) identity at the end, 0 for none.
        frames: (N,) number of its image.
        away_frames: images without a detection that make what follows another visit.
        least: detections that a visit, and a place, needs to count.
    """
    named = given > 0
    owned = {int(i): int(np.bincount(places[given == i]).argmax()) for i in np.unique(given[named])}
    counted = {int(p) for p in np.unique(places[named]) if (places[named] == p).sum() >= least}
    revisited = kept = 0
    for place in counted:
        here = named & (places == place)
        visits = np.split(given[here], np.flatnonzero(np.diff(frames[here]) > away_frames) + 1)
        visits = [v for v in visits if len(v) >= least]
        if len(visits) >= 2:
            revisited += 1
            kept += len({int(np.bincount(v).argmax()) for v in visits}) == 1
    identities = sum(place in counted for place in owned.values())
    return Revisits(len(counted), identities, revisited, kept)
