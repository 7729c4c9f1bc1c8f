"""Running state of one object while the memory is open."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.association.appearance import AppearanceBank
from memory_agent_ros.memory.association.labels import LabelVotes
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.corrections.by_hand import ByHand
from memory_agent_ros.memory.presence.detection_model import DetectionRate
from memory_agent_ros.memory.trust.claims import Claims, merge_claims
from memory_agent_ros.memory.voxel_cloud import UNANCHORED, MeasuredAt, VoxelCloud
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.map_object import MapObject, ObjectState
from memory_agent_ros.records.observation import Observation

#: Labels that agree with at least this probability may be the same.
SAME_LABEL = 0.2

#: Clouds kept of former places of an object.
_FORMER = 8

#: Samples of an object that are projected to judge its visibility.
SAMPLES = 48


def sharpness(range_m: float, sharp_range_m: float) -> float:
    """Weight of a surface seen at a range: 1 up to ``sharp_range_m``, then falling as the noise of depth grows."""
    return min(1.0, max((sharp_range_m / max(range_m, 1e-3)) ** 2, 0.05))


@dataclass
class Views:
    """Which views of an object are kept as pictures, at its present place.

    Attributes:
        best: quality of the best one.
        directions: (3,) unit vectors from the object to the camera of each.
    """

    best: float = 0.0
    directions: list[list[float]] = field(default_factory=list)


@dataclass
class Track:
    """One object. Mutable; :meth:`snapshot` gives the record that leaves the memory.

    Attributes:
        log_odds: of standing where it was last seen.
        centroid, information: information-filter estimate of the surface centroid, (3,) and (3, 3).
        placement: grows each time the object is found at a new place.
        negatives: looks at an empty place since it was last detected; ``last_negative_ns`` the stamp of the last.
        shifted: looks in a row at which it was detected while its old points were seen through.
        conflicts: detections that contradict its sure label, less those that agree with it.
        min_pixels: smallest detection so far (640x480), below which a miss says nothing.
        first_range_m: from how far it was first detected.
        announced: (3,) position last told in an event; ``announced_ns`` when.
        logged_ns: stamp of its last logged observation.
        settled: placements before this one say nothing of where it stands: a person has moved it.
        former: clouds of the places where it stood before, until the next correction of the map shows whether it really
            left them.
        by_hand: what a person said of it.
        claims: what each source says of it, by source; empty while the map has one.
        heard: how often that was changed.
    """

    id: int
    cloud: VoxelCloud
    first_seen_ns: int
    votes: LabelVotes = field(default_factory=LabelVotes)
    bank: AppearanceBank = field(default_factory=AppearanceBank)
    rate: DetectionRate = field(default_factory=DetectionRate)
    views: Views = field(default_factory=Views)
    centroid: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))
    information: NDArray[np.float64] = field(default_factory=lambda: np.zeros((3, 3)))
    confirmed: bool = False
    gone: bool = False
    log_odds: float = 0.0
    observations: int = 0
    score_mass: float = 0.0
    last_seen_ns: int = 0
    last_looked_ns: int = 0
    placement: int = 0
    negatives: int = 0
    last_negative_ns: int = 0
    shifted: int = 0
    conflicts: int = 0
    min_pixels: float = math.inf
    first_range_m: float = 0.0
    announced: NDArray[np.float64] | None = None
    announced_ns: int = 0
    logged_ns: int = -(1 << 62)
    settled: int = 0
    former: list[VoxelCloud] = field(default_factory=list)
    by_hand: ByHand = field(default_factory=ByHand)
    claims: Claims = field(default_factory=dict)
    heard: int = 0

    @property
    def label(self) -> str:
        """Label with the most votes."""
        return self.votes.leader

    @property
    def presence(self) -> float:
        """Probability that it stands where it was last seen."""
        return 1.0 / (1.0 + math.exp(-self.log_odds))

    def observe(self, obs: Observation, pixels: float, config: MemoryConfig, at: MeasuredAt = UNANCHORED) -> int:
        """Take in one matched observation; ``pixels`` are scaled to 640x480. Returns how many voxels are new.

        One that contradicts a sure label, or the place a person gave, is only noted: it may show something else.
        """
        if self.observations == 0:
            self.first_range_m = obs.range_m
        self.observations += 1
        self.first_seen_ns = min(self.first_seen_ns, obs.stamp_ns)  # what a camera waited with may be older
        self.last_looked_ns = max(self.last_looked_ns, obs.stamp_ns)
        scores, weight = obs.label_scores or {obs.label: obs.score}, min(1.0, math.sqrt(pixels / 400.0))
        if self.by_hand.place and not self._agrees(obs, config):
            return 0
        self.by_hand.place = max(self.by_hand.place - 1, 0)
        if self._contradicted(scores):
            self.conflicts += 1
            self.votes.doubt(scores, weight)
            return 0
        self.conflicts = max(self.conflicts - 1, 0)  # one confused label does not outweigh several that contradict
        self.votes.add(scores, weight, release=self.conflicts == 0)
        if obs.embedding is not None:
            self.bank.add(obs.embedding)
        self._fuse_centroid(obs)
        self.score_mass += obs.score
        self.log_odds = min(self.log_odds + config.hit_gain, config.presence_max)
        self.negatives = 0
        self.min_pixels = min(self.min_pixels, pixels)
        self.last_seen_ns = max(self.last_seen_ns, obs.stamp_ns)
        return self.absorb_points(obs, config, at)

    def _contradicted(self, scores: Mapping[str, float]) -> bool:
        """Whether a detection denies a label that is sure: confused, or another thing in its place."""
        if self.observations <= 6 or self.votes.agreement(scores) >= SAME_LABEL:
            return False
        return max(self.votes.votes.values()) >= 0.8 * sum(self.votes.votes.values())

    def _agrees(self, obs: Observation, config: MemoryConfig) -> bool:
        """Whether a detection shows the object where a person put it."""
        return float(np.linalg.norm(obs.box.center - self.box(config).center)) < config.moved_m / 4

    def absorb_points(self, obs: Observation, config: MemoryConfig, at: MeasuredAt = UNANCHORED) -> int:
        """Add only the surface of an observation (a fragment); returns how many voxels are new."""
        weight = sharpness(obs.range_m, config.sharp_range_m)
        return self.cloud.integrate(obs.points_map, config.hit_cap, config.max_voxels, weight, at)

    def relocate(self, obs: Observation, config: MemoryConfig, at: MeasuredAt = UNANCHORED) -> None:
        """Leave the old place: geometry starts again from one observation."""
        self._leave()
        self.cloud = VoxelCloud(config.voxel_m)
        self.absorb_points(obs, config, at)
        self.information = np.zeros((3, 3))  # the observation that follows fills it
        self.shifted = 0

    @property
    def usurped(self) -> bool:
        """Something of another kind has been detected at its place too often for a confused label."""
        return self.conflicts >= 3

    def new_place(self) -> None:
        """The object stands somewhere else now: views of the old place no longer serve."""
        self.placement += 1
        self.views = Views()
        self.shifted = 0

    def absorb(self, other: Track, config: MemoryConfig, *, moved: bool) -> None:
        """Take over another track of the same object; ``moved``: its place replaces mine."""
        self.votes.merge(other.votes)
        self.bank.merge(other.bank)
        self.observations += other.observations
        self.score_mass += other.score_mass
        self.first_seen_ns = min(self.first_seen_ns, other.first_seen_ns)
        self.min_pixels = min(self.min_pixels, other.min_pixels)
        if moved:
            self._leave()
        self.former = [*self.former, *other.former][-_FORMER:]
        self.by_hand.absorb(other.by_hand)
        if moved:
            self.cloud, self.centroid, self.information = other.cloud, other.centroid, other.information
            self.log_odds, self.negatives, self.last_negative_ns = (
                other.log_odds,
                other.negatives,
                other.last_negative_ns,
            )
            self.new_place()
            self.rate.forget_pending()
            self.conflicts = other.conflicts
            self.views = other.views
        else:
            self.cloud.merge(other.cloud, config.hit_cap, config.max_voxels)
            self.log_odds = max(self.log_odds, other.log_odds)
            self._add_information(other.centroid, other.information)
            self.views = max(self.views, other.views, key=lambda v: v.best)
        self.gone = other.gone if moved else self.gone and other.gone
        self.confirmed = self.confirmed or other.confirmed
        self.last_seen_ns = max(self.last_seen_ns, other.last_seen_ns)
        self.last_looked_ns = max(self.last_looked_ns, other.last_looked_ns)
        self.logged_ns = max(self.logged_ns, other.logged_ns)
        self.claims = merge_claims(self.claims, other.claims)
        self.heard += 1

    def _leave(self) -> None:
        """Keep the geometry of a place where it seems to be no longer."""
        self.former = [*self.former, self.cloud][-_FORMER:]

    def move(self, offset_m: NDArray[np.float64]) -> None:
        """Translate the whole object by (3,) metres (a correction by hand)."""
        self.cloud.shift(offset_m)
        self.centroid = self.centroid + offset_m
        self.new_place()
        self.settled = self.placement

    def repose(self, points: NDArray[np.float32], corrections: NDArray[np.float64], turn: NDArray[np.float64]) -> None:
        """Put the (N, 3) voxels where their (N, 4, 4) corrections lead; ``turn`` (3, 3) is the newest's.

        The centroid, an average over all views, gets the average of the corrections, weighted by hits.
        """
        mean = np.average(corrections, axis=0, weights=self.cloud.hits)
        self.centroid = mean[:3, :3] @ self.centroid + mean[:3, 3]
        self.cloud.repose(points)
        self.information = turn @ self.information @ turn.T
        self.views.directions = [[round(float(x), 4) for x in turn @ np.array(d)] for d in self.views.directions]

    def box(self, config: MemoryConfig) -> OrientedBox:
        """Upright box of the points seen often enough."""
        center, size, yaw = self.cloud.box(config.min_hits if self.observations >= 4 else 1)
        return OrientedBox(center.copy(), size.copy(), yaw)

    def bounds(self, config: MemoryConfig) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Low and high corners, (3,) each, of the points seen often enough."""
        return self.cloud.bounds(config.min_hits if self.observations >= 4 else 1)

    def snapshot(self, config: MemoryConfig, frame_id: str, map_revision: int) -> MapObject:
        """The record of this moment, without evidence."""
        return MapObject(
            id=self.id,
            label=self.label,
            label_probs=self.votes.probs(),
            state=ObjectState.GONE if self.gone else ObjectState.PRESENT,
            presence=self.presence,
            confirmed=self.confirmed,
            centroid_map=self.centroid.copy(),
            covariance=self.covariance(),
            box=self.box(config),
            points_map=self.cloud.points.copy(),
            embedding=self.bank.mean(),
            observations=self.observations,
            first_seen_ns=self.first_seen_ns,
            last_seen_ns=self.last_seen_ns,
            last_looked_ns=self.last_looked_ns,
            frame_id=frame_id,
            map_revision=map_revision,
        )

    def covariance(self) -> NDArray[np.float64]:
        """(3, 3) covariance of the centroid, metres squared, never below 1 mm standard deviation."""
        return np.linalg.inv(self.information) + 1e-6 * np.eye(3)

    def _fuse_centroid(self, obs: Observation) -> None:
        """Each view sees another side, so its centroid also carries a bias of a sixth of the object's size."""
        bias = float((obs.box.size.max() / 6.0) ** 2) + 1e-5
        information = np.linalg.inv(obs.covariance + bias * np.eye(3))
        self._add_information(obs.centroid_map, np.asarray(information, dtype=np.float64))

    def _add_information(self, mean: NDArray[np.float64], information: NDArray[np.float64]) -> None:
        total = self.information + information
        weighted = self.information @ self.centroid + information @ mean
        self.centroid = np.asarray(np.linalg.solve(total, weighted), dtype=np.float64)
        self.information = total
