"""An object as the memory knows it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.evidence import Evidence


class ObjectState(enum.StrEnum):
    """What the memory believes of an object it has seen."""

    PRESENT = "present"
    GONE = "gone"


@dataclass(frozen=True, eq=False)
class MapObject:
    """Snapshot of one remembered object.

    Attributes:
        id: stable identity, positive, never reused within a map.
        label: label with the most votes; ``label_probs`` its distribution.
        state: present or gone; ``presence`` is the probability that it still stands where it was last seen.
        confirmed: False while the object is tentative (too few observations to be shown or asked about).
        centroid_map: (3,) running mean of observed surface points, metres; ``covariance`` (3, 3) of that estimate.
        box: upright box in the map frame; ``box.center`` is *the* position of the object.
        points_map: (N, 3) float32 voxel-thinned surface points.
        embedding: (D,) float32 unit mean appearance, or None.
        observations: how many observations it rests on.
        first_seen_ns, last_seen_ns: stamps of first and last observation.
        last_looked_ns: last time its place was in view and unoccluded, whether or not it was detected.
        frame_id, map_revision: frame of all geometry and the revision of that frame.
        evidence: the observations a query returned with it, best first (empty outside queries).
        relevance: score of the query that returned it, in [0, 1] (1 outside queries).
    """

    id: int
    label: str
    label_probs: Mapping[str, float]
    state: ObjectState
    presence: float
    confirmed: bool
    centroid_map: NDArray[np.float64]
    covariance: NDArray[np.float64]
    box: OrientedBox
    points_map: NDArray[np.float32]
    embedding: NDArray[np.float32] | None
    observations: int
    first_seen_ns: int
    last_seen_ns: int
    last_looked_ns: int
    frame_id: str = "map"
    map_revision: int = 0
    evidence: tuple[Evidence, ...] = ()
    relevance: float = 1.0
