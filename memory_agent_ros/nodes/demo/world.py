"""The truth as the simulation tells it on ``sim/truth``, for judging only; the robot never reads it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.boxes import corners
from memory_agent_ros.records.event import EventKind, MemoryEvent

MATCH_M = 0.5


@dataclass(frozen=True, eq=False)
class Thing:
    """One object that is really there (or not any more). Metres, radians, frame ``map``."""

    id: int
    label: str
    center: NDArray[np.float64]
    size: NDArray[np.float64]
    yaw: float
    movable: bool
    room: str
    present: bool

    def distance(self, other: Thing) -> float:
        """Gap between the axis-aligned hulls of two boxes, metres; 0 if they touch."""
        (low, high), (other_low, other_high) = self._hull(), other._hull()
        return float(np.linalg.norm(np.maximum(0.0, np.maximum(low - other_high, other_low - high))))

    def _hull(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        points = corners(self.center, self.size, self.yaw)
        return points.min(axis=0), points.max(axis=0)


@dataclass(frozen=True, eq=False)
class WorldEdit:
    """One change made behind the robot's back; ``after`` is None if the object was taken away."""

    kind: str
    object_id: int
    label: str
    stamp_ns: int
    before: NDArray[np.float64] | None
    after: NDArray[np.float64] | None

    def sentence(self) -> str:
        """What was done, in words."""
        if self.kind == "move" and self.before is not None and self.after is not None:
            return (
                f"{self.label} moved {np.linalg.norm(self.after - self.before):.1f} m, "
                f"from {_place(self.before)} to {_place(self.after)}"
            )
        if self.kind == "remove" and self.before is not None:
            return f"{self.label} taken away from {_place(self.before)}"
        return f"{self.label}: {self.kind}"

    def noticed_by(self, events: Sequence[MemoryEvent]) -> MemoryEvent | None:
        """The memory's event that tells of this change: right kind and label, within half a metre; None if none."""
        wanted = EventKind.MOVED if self.kind == "move" else EventKind.GONE
        place = self.after if self.kind == "move" else self.before
        for event in events:
            fits = event.kind is wanted and event.label == self.label and event.stamp_ns >= self.stamp_ns
            if fits and place is not None and np.linalg.norm(event.position_m - place) <= MATCH_M:
                return event
        return None


@dataclass(frozen=True, eq=False)
class World:
    """Everything that is there at one moment.

    Attributes:
        things: all objects, those taken away too.
        rooms: name -> (minimum (2,), maximum (2,)).
        edits: all edits so far.
        errors: what went wrong with edit requests.
    """

    things: Mapping[int, Thing]
    rooms: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]]
    edits: Sequence[WorldEdit] = ()
    errors: Sequence[str] = ()

    @property
    def present(self) -> list[Thing]:
        """What is there now."""
        return [t for t in self.things.values() if t.present]

    def counts(self) -> Counter[str]:
        """Present objects by label."""
        return Counter(t.label for t in self.present)


@dataclass
class Sightings:
    """When each object was really in view, from the instance images.

    Attributes:
        minimum_pixels: fewer do not count (25 at 320x240 are 100 at 640x480).
        last_ns, frames: by object id.
    """

    minimum_pixels: int = 25
    last_ns: dict[int, int] = field(default_factory=dict)
    frames: Counter[int] = field(default_factory=Counter)

    def add(self, instances: NDArray[np.int32], stamp_ns: int) -> None:
        """Take one instance image, (H, W) object ids."""
        counts = np.bincount(np.maximum(instances, 0).ravel())
        for number in np.nonzero(counts >= self.minimum_pixels)[0]:
            self.last_ns[int(number)] = stamp_ns
            self.frames[int(number)] += 1

    def seen(self, object_id: int, minimum_frames: int = 5) -> bool:
        """Whether it was in view often enough to be remembered."""
        return self.frames[object_id] >= minimum_frames


def parse_world(text: str) -> World:
    """The JSON document of ``sim/truth``."""
    document = json.loads(text)
    things = {
        int(o["id"]): Thing(
            int(o["id"]), str(o["label"]), np.array(o["center_m"], float), np.array(o["size_m"], float),
            float(o["yaw"]), bool(o["movable"]), str(o["room"]), bool(o["present"]),
        )
        for o in document["objects"]
    }  # fmt: skip
    rooms = {str(r["name"]): (np.array(r["minimum"], float), np.array(r["maximum"], float)) for r in document["rooms"]}
    edits = [
        WorldEdit(
            str(e["kind"]), int(e["object_id"]), str(e["label"]), int(e["stamp_ns"]), _vector(e["before_m"]),
            _vector(e["after_m"]),
        )
        for e in document.get("edits", [])
    ]  # fmt: skip
    return World(things, rooms, edits, [str(e["message"]) for e in document.get("errors", [])])


def _vector(values: Sequence[float] | None) -> NDArray[np.float64] | None:
    return None if values is None else np.array(values, dtype=np.float64)


def _place(position: NDArray[np.float64]) -> str:
    return f"({position[0]:.1f}, {position[1]:.1f})"
