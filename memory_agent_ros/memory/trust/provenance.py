"""Provenance of an object, read from the map's store."""

from __future__ import annotations

from memory_agent_ros.memory.map_state import MapState
from memory_agent_ros.memory.storage.store import Store
from memory_agent_ros.memory.trust.sources import UNTOLD, SourceRecord
from memory_agent_ros.records.observation_source import ObservationSource
from memory_agent_ros.records.provenance import Provenance, SourceShare

_SHARES = """
SELECT source_id, COUNT(*), COUNT(keyframe_id), MIN(stamp_ns), MAX(stamp_ns) FROM observations
WHERE object_id = ? GROUP BY source_id ORDER BY 2 DESC, 1
"""


def provenance_of(store: Store, state: MapState, object_id: int) -> Provenance:
    """Where an object comes from; the id of one that was merged away gives the survivor.

    Raises:
        BadInputError: ``unknown_object``.
    """
    track = state.resolve(object_id)
    shares = []
    for source_id, count, pictured, first, last in store.rows(_SHARES, (track.id,)):
        record = state.sources.records.get(source_id) or SourceRecord(UNTOLD, ObservationSource())
        trust = state.sources.status(record).trust
        shares.append(SourceShare(source_id, record.source, trust, count, pictured, first, last))
    rows = store.rows("SELECT id, keyframe_id FROM observations WHERE object_id = ? ORDER BY stamp_ns, id", (track.id,))
    return Provenance(
        object_id=track.id,
        merged_ids=tuple(sorted(state.absorbed_ids(track.id) - {track.id})),
        label=track.label,
        label_by_hand=track.votes.pinned is not None,
        sources=tuple(shares),
        claims=(),
        contested=False,
        observation_ids=tuple(r[0] for r in rows),
        keyframe_ids=tuple(sorted({r[1] for r in rows if r[1] is not None})),
    )
