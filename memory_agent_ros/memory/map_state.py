"""Everything the memory holds in working memory, and what one step changed of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.association.appearance import AppearanceModel
from memory_agent_ros.memory.association.co_detections import Aliases, CoDetections
from memory_agent_ros.memory.association.frame_alignment import Alignment
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.presence.detection_model import DetectionRate
from memory_agent_ros.memory.presence.looks import LookLog, LookRecord
from memory_agent_ros.memory.storage.track_pool import TrackPool
from memory_agent_ros.memory.track import Track
from memory_agent_ros.memory.trust.config import QuarantineConfig
from memory_agent_ros.memory.trust.guard import Guard
from memory_agent_ros.memory.trust.sources import SourceBook
from memory_agent_ros.memory.views.keyframe_book import KeyframeBook
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.event import MemoryEvent
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.keyframe import Keyframe
from memory_agent_ros.records.observation import Observation
from memory_agent_ros.records.quarantine import QuarantineReason
from memory_agent_ros.records.residual import ViewResidual

#: Stamp of a map that has seen nothing.
NEVER_NS = -(1 << 62)


@dataclass
class MapState:
    """Working state of one map.

    Attributes:
        tracks: objects by id, tentative, present and gone.
        aliases: id of an object merged away -> id that survived it.
        together: how often two close objects were detected in one image.
        book: the pictures kept.
        detector: how the detector differs from the shipped model, on all objects together.
        sequences: last id given out, by table; ids are never given out twice.
        frame_id: world frame, fixed by the first image ("" before).
        stats: counters since the map was opened: ``frames_accepted``, ``refused.<reason>``, ``tentative_dropped``, ...
        sources: who has told what is in the map, and how far each is believed.
        last_residual: the last image against what was expected in it; None until an image was taken in.
        guard: tells what looks injected, by what came since the map was opened.
    """

    looks: LookLog
    tracks: TrackPool = field(default_factory=TrackPool)
    aliases: Aliases = field(default_factory=Aliases)
    together: CoDetections = field(default_factory=CoDetections)
    appearance: AppearanceModel = field(default_factory=AppearanceModel)
    book: KeyframeBook = field(default_factory=KeyframeBook)
    detector: DetectionRate = field(default_factory=DetectionRate)
    sequences: Counter[str] = field(default_factory=Counter)
    frame_id: str = ""
    last_stamp_ns: int = NEVER_NS
    map_revision: int = 0
    stats: Counter[str] = field(default_factory=Counter)
    last_residual: ViewResidual | None = None
    sources: SourceBook = field(default_factory=SourceBook)
    guard: Guard = field(default_factory=lambda: Guard(QuarantineConfig()))

    @staticmethod
    def empty(config: MemoryConfig) -> MapState:
        """State of a new map."""
        return MapState(LookLog(config), guard=Guard(config.quarantine))

    def next_id(self, table: str) -> int:
        """A fresh id, positive."""
        self.sequences[table] += 1
        return self.sequences[table]

    def resolve(self, object_id: int) -> Track:
        """The track of an id, following merges.

        Raises:
            BadInputError: ``unknown_object``.
        """
        while object_id in self.aliases:
            object_id = self.aliases[object_id]
        if object_id not in self.tracks:
            raise BadInputError("unknown_object", f"no object {object_id} in the map; list them with objects()")
        return self.tracks[object_id]

    def resolve_all(self, object_ids: Iterable[int]) -> list[Track]:
        """The tracks of ids, following merges, read in one go; each once, by id.

        Raises:
            BadInputError: ``unknown_object``.
        """
        found = set()
        for object_id in object_ids:
            while object_id in self.aliases:
                object_id = self.aliases[object_id]
            if object_id not in self.tracks:
                raise BadInputError("unknown_object", f"no object {object_id} in the map; list them with objects()")
            found.add(object_id)
        return self.tracks.take(sorted(found))

    def absorbed_ids(self, object_id: int) -> set[int]:
        """The id with all ids that were merged into it."""
        return self.aliases.absorbed(object_id)


@dataclass(frozen=True, eq=False)
class ObservationRow:
    """One logged observation: no cloud, but all that evidence needs.

    Attributes:
        placement: which place of the object it belongs to; observations of the present place are better evidence.
        quality: how good the view is, in [0, 1].
        surface: what it measured, packed; None if it was not taken in.
    """

    id: int
    object_id: int
    placement: int
    frame_row: int
    quality: float
    observation: Observation
    surface: bytes | None = None


@dataclass(frozen=True, eq=False)
class Held:
    """An observation for the quarantine, in the frame in which it was seen."""

    id: int
    reason: QuarantineReason
    observation: Observation
    frame: Frame


@dataclass
class Rewrite:
    """Stored rows after a correction of the map, each with what identifies it last.

    Attributes:
        frames: (pose, id); keyframes: (pose, id).
        observations: (x, y, z, yaw, object id, placement, id).
        events: (x, y, z, px, py, pz, detail, id, object id).
    """

    frames: list[tuple[Any, ...]] = field(default_factory=list)
    keyframes: list[tuple[Any, ...]] = field(default_factory=list)
    observations: list[tuple[Any, ...]] = field(default_factory=list)
    events: list[tuple[Any, ...]] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Incoming:
    """Rows of a table that come in, labels and payloads in clear; they are sealed when they are written.

    Attributes:
        statement: SQL that takes one row of ``columns``.
    """

    table: str
    statement: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]

    @property
    def content(self) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Columns and rows."""
        return self.columns, self.rows


@dataclass
class Changes:
    """What one step changed; written to the store in one transaction.

    Attributes:
        touched: ids of tracks to write; removed: ids to delete.
        reassigned: (old id, new id, placement) of merges; observations go over to the survivor.
        together: keys of changed co-detection counts.
        frame_row: id of the frame in the store, 0 if nothing refers to it.
        keyframe: picture kept of this frame; dropped_keyframes: ids of pictures that make room for it.
        look: depth thumbnail kept of this frame; dropped_looks: frames whose thumbnail goes.
        alignment: how its pose was corrected, None if it was taken as told.
        imported: rows that come in from another map.
        rewrite: rows that a correction of the map changes, or None.
        assigned: per observation the id of the track it went to, 0 for clutter.
        source_id: where the frame comes from, 0 if nobody said.
        held: what goes into quarantine; released, discarded: ids of what leaves it.
    """

    events: list[MemoryEvent] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)
    removed: list[int] = field(default_factory=list)
    reassigned: list[tuple[int, int, int]] = field(default_factory=list)
    together: set[tuple[int, int]] = field(default_factory=set)
    rows: list[ObservationRow] = field(default_factory=list)
    frame_row: int = 0
    stamp_ns: int = 0
    T_map_camera: NDArray[np.float64] = field(default_factory=lambda: np.eye(4))
    keyframe: Keyframe | None = None
    dropped_keyframes: list[int] = field(default_factory=list)
    look: LookRecord | None = None
    dropped_looks: list[int] = field(default_factory=list)
    alignment: Alignment | None = None
    imported: list[Incoming] = field(default_factory=list)
    rewrite: Rewrite | None = None
    assigned: list[int] = field(default_factory=list)
    source_id: int = 0
    held: list[Held] = field(default_factory=list)
    released: list[int] = field(default_factory=list)
    discarded: list[int] = field(default_factory=list)
