"""Provenance of an object, read from the map's store."""

from __future__ import annotations

from memory_agent_ros.memory.association.labels import normal_label
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.corrections.rows import corrections_of
from memory_agent_ros.memory.map_state import MapState
from memory_agent_ros.memory.storage.store import Store
from memory_agent_ros.memory.track import Track
from memory_agent_ros.memory.trust.jury import claim_weight
from memory_agent_ros.memory.trust.sources import UNTOLD, SourceRecord
from memory_agent_ros.records.observation_source import ObservationSource
from memory_agent_ros.records.provenance import Provenance, SourceClaim, SourceShare

#: A claim of less weight contests nothing.
_SLIGHT = 0.2
_SHARES = """
SELECT source_id, COUNT(*), COUNT(keyframe_id), MIN(stamp_ns), MAX(stamp_ns) FROM observations
WHERE object_id = ? GROUP BY source_id ORDER BY 2 DESC, 1
"""


def provenance_of(store: Store, state: MapState, object_id: int, config: MemoryConfig) -> Provenance:
    """Where an object comes from; the id of one that was merged away gives the survivor.

    Raises:
        BadInputError: ``unknown_object``.
    """
    track = state.resolve(object_id)
    claims = _claims(state, track, config)
    shares = []
    for source_id, count, pictured, first, last in store.rows(_SHARES, (track.id,)):
        record = state.sources.records.get(source_id) or SourceRecord(UNTOLD, ObservationSource())
        trust = state.sources.status(record).trust
        shares.append(SourceShare(source_id, record.source, trust, count, pictured, first, last))
    rows = store.rows("SELECT id, keyframe_id FROM observations WHERE object_id = ? ORDER BY stamp_ns, id", (track.id,))
    ids = state.absorbed_ids(track.id)
    return Provenance(
        object_id=track.id,
        merged_ids=tuple(sorted(ids - {track.id})),
        label=track.label,
        label_by_hand=track.votes.pinned is not None,
        sources=tuple(shares),
        claims=claims,
        contested=_contested(claims),
        observation_ids=tuple(r[0] for r in rows),
        keyframe_ids=tuple(sorted({r[1] for r in rows if r[1] is not None})),
        corrections=tuple(c.to_dict() for c in corrections_of(store, ids)),
    )


def _claims(state: MapState, track: Track, config: MemoryConfig) -> tuple[SourceClaim, ...]:
    """What each source says of an object, by source."""
    found = []
    for source_id, claim in sorted(track.claims.items()):
        record = state.sources.records[source_id]
        weight = 0.0 if record.quarantined else claim_weight(record, claim, state.last_stamp_ns, config.trust)
        if claim.present and not claim.seen:
            continue  # it has not made up its mind yet
        label = claim.label if claim.present else ""
        found.append(
            SourceClaim(source_id, record.source, claim.present, label, claim.stamp_ns, claim.times, round(weight, 4))
        )
    return tuple(found)


def _contested(claims: tuple[SourceClaim, ...]) -> bool:
    """Whether two claims with weight say different things."""
    return len({(c.present, normal_label(c.label)) for c in claims if c.weight > _SLIGHT}) > 1
