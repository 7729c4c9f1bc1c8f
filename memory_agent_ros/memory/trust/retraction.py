"""Taking back what one source alone made the memory believe."""

from __future__ import annotations

from collections.abc import Iterable

from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.map_state import Changes, MapState
from memory_agent_ros.memory.presence.lifecycle import emit
from memory_agent_ros.memory.track import Track
from memory_agent_ros.memory.trust.jury import Jury, rests_on, without_source
from memory_agent_ros.memory.trust.sources import SourceRecord
from memory_agent_ros.records.event import EventKind


def retract_invented(state: MapState, changes: Changes, jury: Jury, stamp_ns: int, config: MemoryConfig) -> None:
    """Objects that one source alone ever saw and several others deny leave the map."""
    invented = [t for t in jury.invented() if t.id in state.tracks]
    _retract(state, changes, invented, "denied by others", stamp_ns, config)


def retract_suspect(
    state: MapState, changes: Changes, suspect: SourceRecord, stamp_ns: int, config: MemoryConfig
) -> None:
    """A source is distrusted from now on: what rests on it alone goes, and it no longer says what things are called."""
    alone = state.tracks.take(rests_on(state.tracks.scan(), suspect.id))
    _retract(state, changes, alone, "source distrusted", stamp_ns, config)
    shared = [t.id for t in state.tracks.scan() if suspect.id in t.claims and t.claims[suspect.id].votes]
    for track in state.tracks.take(shared):
        votes = without_source(track.claims, suspect.id)
        if votes:
            track.votes.votes, track.votes.doubtful = votes, {}
            track.votes.elect()
            track.heard += 1
            changes.touched.add(track.id)


def _retract(
    state: MapState, changes: Changes, tracks: Iterable[Track], reason: str, stamp_ns: int, config: MemoryConfig
) -> None:
    for track in tracks:
        source_id = next(s for s, c in track.claims.items() if c.seen)
        if track.confirmed:
            track.gone = True
            emit(
                state, changes, track, EventKind.GONE, stamp_ns, config, confidence=1.0, detail=f"taken back: {reason}"
            )
        del state.tracks[track.id]
        state.book.forget(track.id)
        state.together.drop(track.id)
        changes.touched.discard(track.id)
        changes.removed.append(track.id)
        state.sources.records[source_id].held += 1
        state.stats["trust.retracted"] += 1
