"""The sources of a map: who they are, and how far each is believed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from memory_agent_ros.records.observation_source import ObservationSource
from memory_agent_ros.records.provenance import SourceStatus

#: Columns of the ``sources`` table, in the order of :meth:`SourceRecord.row`.
COLUMNS = "id, sensor, detector, embedder, confirmed, contradicted, frames, held, quarantined, last_ns"
INSERT_SOURCE = (
    f"INSERT INTO sources ({COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO UPDATE SET "
    "confirmed=excluded.confirmed, contradicted=excluded.contradicted, frames=excluded.frames, held=excluded.held, "
    "quarantined=excluded.quarantined, last_ns=excluded.last_ns"
)
#: The source of rows that were written before sources were told.
UNTOLD = 0
#: Images of a source after which its row is written although nothing else of it has changed.
_WRITE_EVERY = 100


@dataclass
class SourceRecord:
    """A source; see :class:`~memory_agent_ros.records.provenance.SourceStatus`."""

    id: int
    source: ObservationSource
    confirmed: float = 0.0
    contradicted: float = 0.0
    frames: int = 0
    held: int = 0
    quarantined: bool = False
    last_ns: int = 0

    def row(self) -> tuple[Any, ...]:
        """Values of :data:`COLUMNS`."""
        s = self.source
        return (
            self.id, s.sensor, s.detector, s.embedder, self.confirmed, self.contradicted, self.frames, self.held,
            int(self.quarantined), self.last_ns,
        )  # fmt: skip

    @staticmethod
    def of(row: tuple[Any, ...]) -> SourceRecord:
        """Inverse of :meth:`row`."""
        source_id, sensor, detector, embedder, confirmed, contradicted, frames, held, quarantined, last = row
        source = ObservationSource(sensor, detector, embedder)
        return SourceRecord(source_id, source, confirmed, contradicted, frames, held, bool(quarantined), last)


@dataclass
class SourceBook:
    """All sources of a map by id; ids count from 1."""

    records: dict[int, SourceRecord] = field(default_factory=dict)
    changed: set[int] = field(default_factory=set)
    _ids: dict[ObservationSource, int] = field(default_factory=dict)

    @staticmethod
    def load(rows: Iterable[tuple[Any, ...]]) -> SourceBook:
        """The book of the rows of a store."""
        book = SourceBook()
        for row in rows:
            record = SourceRecord.of(row)
            book.records[record.id] = record
            book._ids[record.source] = record.id
        return book

    def __iter__(self) -> Iterator[SourceRecord]:
        return iter(self.records.values())

    def __len__(self) -> int:
        return len(self.records)

    def known(self, source: ObservationSource) -> SourceRecord:
        """The record of a source, a new one if it was never heard of."""
        found = self._ids.get(source)
        if found is None:
            found = self._ids[source] = max(self.records, default=0) + 1
            self.records[found] = SourceRecord(found, source)
            self.changed.add(found)
        return self.records[found]

    def heard(self, source: ObservationSource, stamp_ns: int) -> SourceRecord:
        """The record of a source that has sent an image."""
        record = self.known(source)
        record.frames += 1
        record.last_ns = max(record.last_ns, stamp_ns)
        if record.frames % _WRITE_EVERY == 1:
            self.changed.add(record.id)
        return record

    def rows(self, *, everything: bool = False) -> list[tuple[Any, ...]]:
        """Rows to write: of what has changed, or of all."""
        return [r.row() for r in self if everything or r.id in self.changed]

    def merge(self, others: Iterable[SourceRecord]) -> Mapping[int, int]:
        """Take in the sources of another map; returns their ids there and here. Evidence about the same one adds up."""
        renamed = {UNTOLD: UNTOLD}
        for other in others:
            own = self.known(other.source)
            own.confirmed += other.confirmed
            own.contradicted += other.contradicted
            own.frames += other.frames
            own.held += other.held
            own.quarantined = own.quarantined or other.quarantined
            own.last_ns = max(own.last_ns, other.last_ns)
            self.changed.add(own.id)
            renamed[other.id] = own.id
        return renamed

    def status(self, record: SourceRecord) -> SourceStatus:
        """What leaves the memory."""
        return SourceStatus(
            record.id, record.source, 1.0, record.confirmed, record.contradicted, record.frames, record.held,
            record.quarantined, record.last_ns,
        )  # fmt: skip
