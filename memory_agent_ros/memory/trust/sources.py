"""The sources of a map: who they are, and how far each is believed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.trust.claims import Claims
from memory_agent_ros.records.observation_source import ObservationSource
from memory_agent_ros.records.provenance import SourceStatus

#: Columns of the ``sources`` table, in the order of :meth:`SourceRecord.row`.
COLUMNS = "id, sensor, detector, embedder, confirmed, contradicted, frames, held, quarantined, last_ns"
INSERT_SOURCE = (
    f"INSERT INTO sources ({COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO UPDATE SET "
    "confirmed=excluded.confirmed, contradicted=excluded.contradicted, frames=excluded.frames, held=excluded.held, "
    "quarantined=excluded.quarantined, last_ns=excluded.last_ns"
)
#: Confirmed and contradicted reports that a source is credited with before any were checked.
PRIOR = (3.0, 1.0)
#: Checked reports that are remembered; more let the older ones fade.
_MEMORY = 60.0
#: A share of the disputes below this costs nothing.
_DISPUTED = 0.4
#: Denied objects that are remembered, and how near another one must be to be taken for the same, metres.
_MOST_DENIED, _SAME_PLACE_M = 200, 0.3
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

    @property
    def trust(self) -> float:
        """Mean of its Beta distribution."""
        good, all_told = PRIOR[0] + self.confirmed, sum(PRIOR) + self.reports
        return good / all_told

    @property
    def reports(self) -> float:
        """How many of its reports were checked, older ones fading."""
        return self.confirmed + self.contradicted

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
    """All sources of a map by id; ids count from 1.

    Attributes:
        records: by id.
        changed: ids of those to be written.
        disputes: how often two sources were alone in saying the opposite of each other, since the map was opened.
        denied: objects that left the map because sources denied them: label, (3,) place, claims; since it was opened.
    """

    records: dict[int, SourceRecord] = field(default_factory=dict)
    changed: set[int] = field(default_factory=set)
    disputes: dict[tuple[int, int], float] = field(default_factory=dict)
    denied: list[tuple[str, NDArray[np.float64], Claims]] = field(default_factory=list)
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

    @property
    def plural(self) -> bool:
        """Whether there are sources to weigh against each other."""
        return len(self.records) > 1

    @property
    def first_id(self) -> int:
        """The source that was heard first."""
        return min(self.records)

    def judge(self, record: SourceRecord, borne_out: bool | None, pro: float, contra: float) -> None:
        """A report was checked: others bore it out, outvoted it, or neither (None)."""
        if borne_out is None:
            return
        if borne_out:
            self.report(record.id, confirmed=min(pro, 1.0))
        else:
            self.report(record.id, contradicted=min(contra, 1.0))

    def report(self, source_id: int, confirmed: float = 0.0, contradicted: float = 0.0) -> None:
        """Add checked reports of a source."""
        record = self.records[source_id]
        record.confirmed += confirmed
        record.contradicted += contradicted
        fade = min(1.0, _MEMORY / max(record.reports, 1e-9))
        record.confirmed, record.contradicted = record.confirmed * fade, record.contradicted * fade
        self.changed.add(source_id)

    def dispute(self, one_id: int, other_id: int) -> None:
        """Two sources say the opposite, and nobody else says anything.

        Who is wrong is not known from that; but who lies disputes with everybody, who does not, with the liar alone. So
        each loses trust by its share of the disputes that they have with third parties.
        """
        elsewhere = self._disputes_but(one_id, other_id), self._disputes_but(other_id, one_id)
        for source_id, own in zip((one_id, other_id), elsewhere, strict=True):
            share = own / (sum(elsewhere) + 1.0)
            if share > _DISPUTED:
                self.report(source_id, contradicted=share)
        for pair in ((one_id, other_id), (other_id, one_id)):
            self.disputes[pair] = min(self.disputes.get(pair, 0.0) + 1.0, _MEMORY)

    def _disputes_but(self, source_id: int, but_id: int) -> float:
        return sum(n for (a, b), n in self.disputes.items() if a == source_id and b != but_id)

    def remember_denied(self, label: str, center: NDArray[np.float64], claims: Claims) -> None:
        """Keep what sources denied of an object that leaves the map, (3,) ``center``; the newest are kept."""
        denials = {s: c for s, c in claims.items() if not c.present and not c.seen}
        if denials:
            self.denied = [*self.denied, (label, center.copy(), denials)][-_MOST_DENIED:]

    def denials(self, label: str, center: NDArray[np.float64]) -> Claims:
        """What sources denied of such an object at (3,) ``center``."""
        found: Claims = {}
        for name, place, claims in self.denied:
            if name == label and float(np.linalg.norm(place - center)) < _SAME_PLACE_M:
                found |= {s: replace(c, votes={}) for s, c in claims.items()}
        return found

    def suspects(self, below: float, above: float, judged_from: float) -> list[SourceRecord]:
        """Sources that begin to be distrusted now; those that have earned trust again are released."""
        found = []
        for record in self:
            if not record.quarantined and record.reports >= judged_from and record.trust < below:
                record.quarantined = True
                found.append(record)
                self.changed.add(record.id)
            elif record.quarantined and record.trust > above:
                record.quarantined = False
                self.changed.add(record.id)
        return found

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
            record.id, record.source, record.trust, record.confirmed, record.contradicted, record.frames, record.held,
            record.quarantined, record.last_ns,
        )  # fmt: skip
