"""The association rules of two peers, rebuilt from the published ideas: baselines of the ``association`` benchmark.

Neither has negative evidence or a pose model; both see the same observations as the memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.association.appearance import unit
from memory_agent_ros.memory.voxel_cloud import VoxelCloud
from memory_agent_ros.records.observation import Observation

_VOXEL_M, _MAX_VOXELS, _SAMPLES = 0.025, 1500, 64


@dataclass(frozen=True)
class LabelDistanceConfig:
    """Tunables of :class:`LabelDistance`; the defaults are the best of 24 trials on ``val``.

    Attributes:
        base_m: threshold of a class without extent, metres.
        per_size: added to it for each metre of the class's usual size.
        min_detections: objects with fewer are not reported.
    """

    base_m: float = 0.22
    per_size: float = 0.49
    min_detections: int = 3


@dataclass
class _Spot:
    label: str
    center: NDArray[np.float64]
    count: int = 0


class LabelDistance:
    """rai_semap's rule: an object of the same label whose centroid is within the threshold of its class is the same.

    Args:
        config: tunables.
        class_sizes: label -> usual largest extent, metres; others count as the mean of these.
    """

    def __init__(self, config: LabelDistanceConfig, class_sizes: Mapping[str, float]) -> None:
        self._config = config
        self._sizes = class_sizes
        self._usual = float(np.mean(list(class_sizes.values()))) if class_sizes else 0.3
        self._spots: dict[int, _Spot] = {}

    def step(self, observations: Sequence[Observation]) -> list[int]:
        """Identities of one image's observations, one after the other."""
        return [self._assign(o) for o in observations]

    def final(self, identity: int) -> int:
        """The identity as it stands at the end, 0 if it is not reported."""
        return identity if self._spots[identity].count >= self._config.min_detections else 0

    def _assign(self, obs: Observation) -> int:
        center = obs.box.center
        best, least = 0, self._config.base_m + self._config.per_size * self._sizes.get(obs.label, self._usual)
        for identity, spot in self._spots.items():
            if spot.label == obs.label:
                distance = float(np.linalg.norm(spot.center - center))
                if distance <= least:
                    best, least = identity, distance
        if best == 0:
            best = len(self._spots) + 1
            self._spots[best] = _Spot(obs.label, center.copy())
        spot = self._spots[best]
        spot.count += 1
        spot.center += (center - spot.center) / spot.count
        return best


@dataclass(frozen=True)
class GreedySumConfig:
    """Tunables of :class:`GreedySum`; the defaults are the best of 24 trials on ``val``.

    Attributes:
        radius_m: points closer than this overlap, metres.
        threshold: smallest sum of overlap and appearance that is the same object, 0 to 2.
        merge_overlap, merge_appearance: two objects above both become one.
        merge_every: images between merges.
        min_detections: objects with fewer are not reported.
    """

    radius_m: float = 0.223
    threshold: float = 1.16
    merge_overlap: float = 0.52
    merge_appearance: float = 0.95
    merge_every: int = 20
    min_detections: int = 3


@dataclass
class _Thing:
    cloud: VoxelCloud
    feature: NDArray[np.float32] | None
    count: int = 0
    labels: dict[str, int] = field(default_factory=dict)
    low: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))
    high: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))

    def refresh(self) -> None:
        """Renew the bounds."""
        self.low, self.high = (p(self.cloud.points, axis=0).astype(np.float64) for p in (np.min, np.max))


class GreedySum:
    """ConceptGraphs' rule: each detection goes to the object with the largest sum of overlap and appearance.

    Overlap is the share of the detection's points near the object's; appearance the cosine of the mean features, scaled
    to [0, 1]. Objects that overlap and look alike are merged every few images.
    """

    def __init__(self, config: GreedySumConfig) -> None:
        self._config = config
        self._things: dict[int, _Thing] = {}
        self._merged: dict[int, int] = {}
        self._images = 0
        self._last = 0

    def step(self, observations: Sequence[Observation]) -> list[int]:
        """Identities of one image's observations; later merges may change them, see :meth:`final`."""
        chosen = [self._best(o) for o in observations]  # all against the map before this image
        given = [self._add(o, identity) for o, identity in zip(observations, chosen, strict=True)]
        self._images += 1
        if self._images % self._config.merge_every == 0:
            self._merge()
        return given

    def final(self, identity: int) -> int:
        """The identity as it stands at the end, 0 if it is not reported."""
        identity = self._resolve(identity)
        return identity if self._things[identity].count >= self._config.min_detections else 0

    def _resolve(self, identity: int) -> int:
        while identity in self._merged:
            identity = self._merged[identity]
        return identity

    def _near(self, low: NDArray[np.float64], high: NDArray[np.float64]) -> list[int]:
        ids = list(self._things)
        if not ids:
            return []
        lows, highs = np.array([self._things[i].low for i in ids]), np.array([self._things[i].high for i in ids])
        reach = self._config.radius_m
        touching = np.all((lows <= high + reach) & (highs >= low - reach), axis=1)
        return [ids[k] for k in np.flatnonzero(touching).tolist()]

    def _best(self, obs: Observation) -> int:
        points = obs.points_map[:: max(1, len(obs.points_map) // _SAMPLES)]
        best, most = 0, self._config.threshold
        for identity in self._near(points.min(axis=0), points.max(axis=0)):
            thing = self._things[identity]
            overlap = float((thing.cloud.distances(points) < self._config.radius_m).mean())
            total = overlap + _likeness(thing.feature, obs.embedding)
            if overlap > 0 and total >= most:
                best, most = identity, total
        return best

    def _add(self, obs: Observation, identity: int) -> int:
        if identity == 0:
            self._last += 1
            identity = self._last
            self._things[identity] = _Thing(VoxelCloud(_VOXEL_M), None)
        thing = self._things[identity]
        thing.cloud.integrate(obs.points_map, 100.0, _MAX_VOXELS)
        thing.feature = _mean(thing.feature, thing.count, obs.embedding, 1)
        thing.count += 1
        thing.refresh()
        return identity

    def _merge(self) -> None:
        for identity in sorted(self._things, key=lambda i: self._things[i].count):
            if identity not in self._things:
                continue
            thing = self._things[identity]
            points = thing.cloud.samples(_SAMPLES)
            for other_id in self._near(thing.low, thing.high):
                other = self._things[other_id]
                if other is thing or _likeness(thing.feature, other.feature) < self._config.merge_appearance:
                    continue
                if float((other.cloud.distances(points) < self._config.radius_m).mean()) < self._config.merge_overlap:
                    continue
                other.cloud.merge(thing.cloud, 100.0, _MAX_VOXELS)
                other.feature = _mean(other.feature, other.count, thing.feature, thing.count)
                other.count += thing.count
                other.refresh()
                del self._things[identity]
                self._merged[identity] = other_id
                break


def _likeness(a: NDArray[np.float32] | None, b: NDArray[np.float32] | None) -> float:
    """Cosine scaled to [0, 1]; a half where one has no feature."""
    return 0.5 if a is None or b is None else (1.0 + float(a @ b)) / 2.0


def _mean(
    a: NDArray[np.float32] | None, count_a: int, b: NDArray[np.float32] | None, count_b: int
) -> NDArray[np.float32] | None:
    if a is None or b is None:
        return a if b is None else b
    return unit((a * count_a + b * count_b) / (count_a + count_b))
