"""Is a pose right? What it explains of both maps, weighed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.se3 import inverse, transform_points
from memory_agent_ros.geometry.voxels import evenly
from memory_agent_ros.memory.sessions.surfaces import Surfaces, agreement
from memory_agent_ros.records.map_object import MapObject

#: Looks at an object's place after which it should be in the other map.
_LOOKS = 4
#: Without looks: an object this near to one of the other map should be in it, metres.
_NEAR_M = 0.8
_SAMPLES = 12
#: Evidence above this makes a pose no surer; evidence is counted in this unit.
_MOST, _UNIT = 150.0, 10.0
#: Fewer surface points than this seen in both maps prove nothing.
_FEW = 60


@dataclass(frozen=True)
class Weights:
    """Log-odds of a pose being right.

    Attributes:
        objects: of 1, evidence, share explained of the local objects, and of the stored ones, without surfaces.
        surfaces: of the same and the share of agreeing surfaces.
    """

    objects: tuple[float, float, float, float]
    surfaces: tuple[float, float, float, float, float]


WEIGHTS = Weights((-21.5, 2.1, 8.4, 8.4), (-17.6, 1.25, 3.3, 4.05, 11.6))


@dataclass(frozen=True)
class PlaceCheck:
    """What a pose explains.

    Attributes:
        evidence: log-likelihood ratio of the pairs.
        local, stored: share of the objects of either map that the other should have and has, NaN without such.
        surfaces: share of the surfaces seen in both that agree, NaN if too few.
    """

    evidence: float
    local: float
    stored: float
    surfaces: float

    def features(self) -> NDArray[np.float64]:
        """(5,) what the weights multiply; without surfaces the last is NaN."""
        shares = [0.5 if math.isnan(v) else v for v in (self.local, self.stored)]
        return np.array([1.0, min(self.evidence, _MOST) / _UNIT, *shares, self.surfaces])

    def log_odds(self, weights: Weights) -> float:
        """Of the pose being right."""
        x = self.features()
        if math.isnan(self.surfaces):
            return float(x[:4] @ weights.objects)
        return float(x @ weights.surfaces)

    @property
    def support(self) -> float:
        """Evidence, worth as much as the surfaces agree."""
        return self.evidence * (1.0 if math.isnan(self.surfaces) else self.surfaces)


@dataclass(frozen=True, eq=False)
class Side:
    """One of the two maps.

    Attributes:
        objects: in the order of the rows of hypotheses.
        samples: (N, K, 3) some surface points of each.
        surfaces: depth thumbnails, or None.
    """

    objects: Sequence[MapObject]
    samples: NDArray[np.float64]
    surfaces: Surfaces | None

    @staticmethod
    def of(objects: Sequence[MapObject], surfaces: Surfaces | None) -> Side:
        """A map's objects and looks."""
        picked = [_samples(o) for o in objects]
        return Side(objects, np.array(picked).reshape(-1, _SAMPLES, 3), surfaces)


def _samples(thing: MapObject) -> NDArray[np.float64]:
    points = np.asarray(evenly(thing.points_map, _SAMPLES), dtype=np.float64)
    if len(points) == 0:
        points = thing.box.center[None]
    return points[np.arange(_SAMPLES) % len(points)]


def check(
    T_stored_local: NDArray[np.float64],
    evidence: float,
    matched_stored: NDArray[np.intp],
    matched_local: NDArray[np.intp],
    stored: Side,
    local: Side,
) -> PlaceCheck:
    """What a pose (4, 4) with its matched rows explains of both maps."""
    surfaces, judged = float("nan"), 0
    if stored.surfaces is not None and local.surfaces is not None:
        surfaces, judged = agreement(stored.surfaces, local.surfaces, T_stored_local)
    return PlaceCheck(
        evidence,
        _explained(local, stored, T_stored_local, matched_local),
        _explained(stored, local, inverse(T_stored_local), matched_stored),
        surfaces if judged >= _FEW else float("nan"),
    )


def _explained(one: Side, other: Side, T_other_one: NDArray[np.float64], matched: NDArray[np.intp]) -> float:
    """Share of the objects of ``one`` that ``other`` should have and has."""
    samples = np.asarray(transform_points(T_other_one, one.samples))
    if other.surfaces is not None:
        expected = other.surfaces.times_in_view(samples) >= _LOOKS
    elif len(other.objects):
        places = np.array([o.box.center[:2] for o in other.objects])
        apart = np.linalg.norm(samples.mean(axis=1)[:, None, :2] - places[None], axis=2)
        expected = apart.min(axis=1) <= _NEAR_M
    else:
        return float("nan")
    has = np.zeros(len(one.objects), dtype=bool)
    has[matched] = True
    expected |= has
    return float(has.sum() / expected.sum()) if expected.any() else float("nan")
