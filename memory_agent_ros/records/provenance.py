"""Where an object of the memory comes from, and how far its sources are believed."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from memory_agent_ros.records.observation_source import ObservationSource


@dataclass(frozen=True)
class SourceStatus:
    """A source as the memory knows it.

    Attributes:
        id: in the map's store; 0 stands for rows that were written before sources were told.
        source: what it calls itself.
        trust: probability that what it says and others can check is right (mean of its Beta distribution).
        confirmed, contradicted: reports that others confirmed and contradicted, weighted, older ones fading.
        frames: images taken in.
        held: objects that were taken back because they rested on it alone.
        quarantined: whether what it says is held back now.
        last_ns: stamp of its last image.
    """

    id: int
    source: ObservationSource
    trust: float
    confirmed: float
    contradicted: float
    frames: int
    held: int
    quarantined: bool
    last_ns: int

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {**dataclasses.asdict(self), "trust": round(self.trust, 4)}


@dataclass(frozen=True)
class SourceClaim:
    """What one source says of one object, kept beside what the others say.

    Attributes:
        source_id, source: who says it.
        present: True: it stands there; False: its place was seen without it.
        label: what the source calls it, "" if it says that it is not there.
        stamp_ns: when it said so last.
        times: how often in a row.
        weight: how much that counts now, in [0, 1]: its trust, less as it grows old.
    """

    source_id: int
    source: ObservationSource
    present: bool
    label: str
    stamp_ns: int
    times: int
    weight: float


@dataclass(frozen=True)
class SourceShare:
    """What one source contributed to one object.

    Attributes:
        source_id, source: who.
        trust: how far it is believed.
        observations: its logged observations of the object; ``with_picture`` of them.
        first_ns, last_ns: stamps of the first and the last.
    """

    source_id: int
    source: ObservationSource
    trust: float
    observations: int
    with_picture: int
    first_ns: int
    last_ns: int


@dataclass(frozen=True)
class Provenance:
    """Where one object comes from.

    Attributes:
        object_id: the object; ``merged_ids`` other ids that it went by.
        label, label_by_hand: what it is called, and whether a person said so.
        sources: who saw it, most observations first.
        claims: what each source says of it now, side by side; empty while only one source is known.
        contested: whether sources with weight say different things of it.
        observation_ids: its logged observations, oldest first.
        keyframe_ids: the pictures among them.
        corrections: what people changed of it, or let into it from quarantine, oldest first, JSON-ready.
    """

    object_id: int
    merged_ids: tuple[int, ...]
    label: str
    label_by_hand: bool
    sources: tuple[SourceShare, ...]
    claims: tuple[SourceClaim, ...]
    contested: bool
    observation_ids: tuple[int, ...]
    keyframe_ids: tuple[int, ...]
    corrections: tuple[dict[str, Any], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form; each source also in words."""
        document = dataclasses.asdict(self)
        for part in (*document["sources"], *document["claims"]):
            part["told_by"] = str(ObservationSource(**part["source"]))
        return document
