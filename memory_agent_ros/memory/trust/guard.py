"""What looks injected: poses and things that jump, floods, words that no detector knows. Decided image by image.

Motion and floods are watched for each camera of a source that names its sensor. A camera that jumps may have been
re-localised: then it stays where it jumped to, and after a few images what was held back of it is taken in after all. A
correction of the map frame begins a new watch, since it moves everything at once.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.association.association import Matches
from memory_agent_ros.memory.association.labels import normal_label
from memory_agent_ros.memory.presence.visibility import ObjectVisibility
from memory_agent_ros.memory.track import SAME_LABEL, Track
from memory_agent_ros.memory.trust.config import QuarantineConfig
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.observation import Observation
from memory_agent_ros.records.quarantine import QuarantineReason

#: Images of a source before it is told what is usual for it, and weight of a new one in that.
_KNOWN_FROM, _NEW_SHARE = 20, 0.05
#: A look-alike is at least so alike, as cosine of appearances.
_ALIKE = 0.7
#: Observations of a thing from which on its place is known well enough to say that it left it.
_SURE = 5
#: Cameras and sensors that are watched; beyond, those heard longest ago are watched anew.
_MOST_WATCHED = 64

Key = TypeVar("Key")
Watched = TypeVar("Watched")


class Arrival(enum.Enum):
    """What to do with an image: take it in, hold it back, or take it in with those held back before it."""

    PLAIN = enum.auto()
    HELD = enum.auto()
    SETTLED = enum.auto()


@dataclass(frozen=True, eq=False)
class Waiting:
    """An image held back until it is clear whether its camera stays where it jumped to, with the ids of its rows."""

    frame: Frame
    observations: Sequence[Observation]
    held_ids: tuple[int, ...]

    def without(self, held_id: int) -> Waiting:
        """The same without one of its observations; of those beyond the ids nothing is kept as a row."""
        if held_id not in self.held_ids:
            return self
        at = self.held_ids.index(held_id)
        return Waiting(
            self.frame,
            [*self.observations[:at], *self.observations[at + 1 :]],
            (*self.held_ids[:at], *self.held_ids[at + 1 :]),
        )


@dataclass
class _Bucket:
    """So much may come on average, and so much at once."""

    level: float
    stamp_ns: int

    def fill(self, stamp_ns: int, per_s: float, most: float) -> None:
        self.level = min(most, self.level + per_s * max(stamp_ns - self.stamp_ns, 0) * 1e-9)
        self.stamp_ns = max(stamp_ns, self.stamp_ns)


@dataclass
class _Camera:
    """One camera of a sensor: where it was last, and the images from where it may have jumped to."""

    stamp_ns: int
    place: NDArray[np.float64]
    revision: int
    waiting: list[Waiting] = field(default_factory=list)

    def moved_to(self, frame: Frame, revision: int) -> None:
        self.stamp_ns, self.place, self.revision = frame.stamp_ns, frame.T_map_camera[:3, 3].copy(), revision


@dataclass
class _Sensor:
    """How much a sensor reports; ``usual`` detections in an image."""

    things: _Bucket
    detections: _Bucket
    images: int = 0
    usual: float = 0.0


class Guard:
    """Watches the sources of one open map.

    Args:
        config: parameters.
    """

    def __init__(self, config: QuarantineConfig) -> None:
        self._config = config
        self._cameras: dict[tuple[str, str], _Camera] = {}
        self._sensors: dict[str, _Sensor] = {}
        self._words = frozenset(normal_label(word) for word in config.vocabulary) - {""}

    def unknown(self, obs: Observation) -> bool:
        """Whether no detector here knows the label of an observation."""
        return self._config.hold and bool(self._words) and normal_label(obs.label) not in self._words

    def arrival(self, frame: Frame, revision: int) -> Arrival:
        """Whether the camera can have come to where an image was taken; ``revision``: of the map frame."""
        config, place = self._config, frame.T_map_camera[:3, 3]
        if not self._watched(frame) or not config.max_source_speed:
            return Arrival.PLAIN
        fresh = _Camera(frame.stamp_ns, place.copy(), revision)
        camera = _renewed(self._cameras, _name(frame), fresh)
        last = camera.waiting[-1].frame if camera.waiting else None
        later = last is not None and frame.stamp_ns > last.stamp_ns  # an image told again bears nothing out
        stays = later and last is not None and self._reaches(last.T_map_camera[:3, 3], last.stamp_ns, frame)
        if camera.revision != revision or self._reaches(camera.place, camera.stamp_ns, frame):
            there = stays and last is not None and _way(last.T_map_camera[:3, 3], frame) < _way(camera.place, frame)
            if not there or camera.revision != revision:
                camera.waiting.clear()
            camera.moved_to(frame, revision)
            return Arrival.SETTLED if camera.waiting else Arrival.PLAIN
        if not stays:
            camera.waiting.clear()
        if len(camera.waiting) + 1 < config.settle_images:
            return Arrival.HELD
        camera.moved_to(frame, revision)
        return Arrival.SETTLED

    def wait(self, waiting: Waiting) -> None:
        """Keep an image that is held back until the next ones tell whether its camera was re-localised."""
        self._cameras[_name(waiting.frame)].waiting.append(waiting)

    def decided(self, held_id: int) -> None:
        """Somebody let in an observation of an image that still waits, or threw it away: it is not taken in again."""
        for camera in self._cameras.values():
            camera.waiting = [waiting.without(held_id) for waiting in camera.waiting]

    def settled(self, frame: Frame) -> list[Waiting]:
        """The images held back that are to be taken in before the one that settled it, oldest first; once."""
        camera = self._cameras[_name(frame)]
        waiting, camera.waiting = camera.waiting, []
        return waiting

    def newcomers(self, frame: Frame, detections: int) -> Newcomers | None:
        """Who decides on the unknown things of an image with so many detections; None if everything is taken in."""
        if not self._watched(frame):
            return None
        config, stamp_ns = self._config, frame.stamp_ns
        fresh = _Sensor(_Bucket(config.new_things_at_once, stamp_ns), _Bucket(config.detections_per_s, stamp_ns))
        sensor = _renewed(self._sensors, frame.source.sensor, fresh)
        flood = False
        if config.detections_per_s:
            sensor.detections.fill(stamp_ns, config.detections_per_s, config.detections_per_s)
            sensor.detections.level = max(sensor.detections.level - detections, -config.detections_per_s)
            flood = sensor.detections.level < 0.0
        most = config.usual_factor * max(sensor.usual, 1.0)
        known = bool(config.usual_factor) and sensor.images >= _KNOWN_FROM
        flood = flood or (known and detections >= max(most, config.usual_least))
        counted = min(detections, most) if known else detections  # a flood makes itself usual only slowly
        sensor.images += 1
        sensor.usual += max(_NEW_SHARE, 1.0 / sensor.images) * (counted - sensor.usual)
        sensor.things.fill(stamp_ns, config.new_things_per_s, config.new_things_at_once)
        return Newcomers(frame, sensor.things if config.new_things_per_s else None, flood, config)

    def _watched(self, frame: Frame) -> bool:
        return self._config.hold and bool(frame.source.sensor)

    def _reaches(self, place: NDArray[np.float64], stamp_ns: int, frame: Frame) -> bool:
        elapsed_s = abs(frame.stamp_ns - stamp_ns) * 1e-9
        return _way(place, frame) <= self._config.source_slack_m + self._config.max_source_speed * elapsed_s


@dataclass(frozen=True, eq=False)
class Newcomers:
    """Decides on the things in one image that no object explains.

    Attributes:
        frame: the image.
        bucket: how many unknown things its source may still report; None for any number.
        flood: whether there are too many detections in it, or too many came lately.
        config: parameters.
    """

    frame: Frame
    bucket: _Bucket | None
    flood: bool
    config: QuarantineConfig

    def refused(
        self,
        obs: Observation,
        tracks: Sequence[Track],
        visible: ObjectVisibility,
        matches: Matches,
        seen_through: float,
    ) -> QuarantineReason | None:
        """Why an observation of no known object is held back; None if it may found one.

        Args:
            obs: it.
            tracks: the objects in play.
            visible: what the image shows of them.
            matches: which of them it shows.
            seen_through: share of an object's visible points that must be seen through for its place to be empty.
        """
        if self.flood or (self.bucket is not None and self.bucket.level < 1.0):
            return QuarantineReason.FLOOD
        if self._jumped(obs, tracks, visible, matches, seen_through):
            return QuarantineReason.OBJECT_JUMP
        if self.bucket is not None:
            self.bucket.level -= 1.0
        return None

    def _jumped(
        self,
        obs: Observation,
        tracks: Sequence[Track],
        visible: ObjectVisibility,
        matches: Matches,
        seen_through: float,
    ) -> bool:
        """Whether it is the look-alike of a thing that stood too far away just before, and stands there no more."""
        config, found = self.config, set(matches.pairs.values())
        if not config.max_object_speed:
            return False
        for j, track in enumerate(tracks):
            if j in found or not track.confirmed or track.observations < _SURE:
                continue
            elapsed_s = max(self.frame.stamp_ns - track.last_seen_ns, 0) * 1e-9
            way = float(np.linalg.norm(obs.centroid_map - track.centroid))
            if way <= config.object_slack_m + config.max_object_speed * elapsed_s:
                continue
            judged, total = int(visible.judged[j]), int(visible.total[j])
            empty = judged >= max(4, total // 4) and float(visible.through_share[j]) >= seen_through
            if empty and _alike(obs, track):
                return True
        return False


def _alike(obs: Observation, track: Track) -> bool:
    """Whether an observation is called as an object is, and looks like it as far as that is known."""
    if track.votes.agreement(obs.label_scores or {obs.label: obs.score}) < SAME_LABEL:
        return False
    cosine = track.bank.similarity(obs.embedding)
    return cosine is None or cosine >= _ALIKE


def _name(frame: Frame) -> tuple[str, str]:
    return frame.source.sensor, frame.camera_frame_id


def _way(place: NDArray[np.float64], frame: Frame) -> float:
    return float(np.linalg.norm(frame.T_map_camera[:3, 3] - place))


def _renewed(book: dict[Key, Watched], name: Key, fresh: Watched) -> Watched:
    """What is known of a name, else ``fresh``; the names heard longest ago are let go."""
    found = book.pop(name, fresh)
    book[name] = found
    if len(book) > _MOST_WATCHED:
        del book[next(iter(book))]
    return found
