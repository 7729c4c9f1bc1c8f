"""How objects come, move, merge and go: the events of the memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.map_state import Changes, MapState
from memory_agent_ros.memory.presence.changes import find_links
from memory_agent_ros.memory.track import Track
from memory_agent_ros.records.event import EventKind, MemoryEvent


def confirm_ready(track: Track, config: MemoryConfig) -> bool:
    """Whether a tentative object has been seen often and surely enough to be shown."""
    return (
        not track.confirmed
        and not track.by_hand.deleted
        and track.observations >= config.confirm_observations
        and track.score_mass >= config.confirm_score
        and track.votes.probs().get(track.label, 0.0) >= 0.5
    )


def emit(
    state: MapState,
    changes: Changes,
    track: Track,
    kind: EventKind,
    stamp_ns: int,
    config: MemoryConfig,
    *,
    previous: NDArray[np.float64] | None = None,
    other_id: int | None = None,
    confidence: float = 1.0,
    detail: str = "",
) -> MemoryEvent:
    """Append an event of a track as it stands now."""
    position = track.box(config).center.copy()
    event = MemoryEvent(
        kind, track.id, track.label, stamp_ns, position, previous, other_id, confidence, detail, state.next_id("events")
    )
    changes.events.append(event)
    track.announced, track.announced_ns = position, stamp_ns
    return event


def replace_track(
    state: MapState, changes: Changes, keep: Track, other: Track, config: MemoryConfig, *, moved: bool
) -> None:
    """``other`` becomes part of ``keep``: its id turns into an alias, its observations go over."""
    keep.absorb(other, config, moved=moved)
    del state.tracks[other.id]
    state.aliases[other.id] = keep.id
    state.book.reassign(other.id, keep.id, keep.placement)
    state.together.drop(other.id)
    changes.touched.discard(other.id)
    changes.touched.add(keep.id)
    changes.removed.append(other.id)
    changes.reassigned.append((other.id, keep.id, keep.placement))


def merge_tracks(
    state: MapState,
    changes: Changes,
    keep_id: int,
    other_id: int,
    stamp_ns: int,
    config: MemoryConfig,
    detail: str = "two records of one object",
) -> None:
    """Merge two records of one object at one place; silent if the one that goes was never shown."""
    keep, other = state.tracks[keep_id], state.tracks[other_id]
    previous, shown = other.box(config).center.copy(), other.confirmed
    replace_track(state, changes, keep, other, config, moved=False)
    if shown:
        emit(
            state, changes, keep, EventKind.MERGED, stamp_ns, config,
            previous=previous, other_id=other_id, detail=detail,
        )  # fmt: skip


def settle(
    state: MapState,
    changes: Changes,
    fresh: Sequence[Track],
    lost: Sequence[Track],
    better_known: bool,
    stamp_ns: int,
    config: MemoryConfig,
) -> None:
    """Confirm the ``fresh``, declare the ``lost`` gone, and link missing objects with new ones before saying either.

    Links are looked for when one of these gives reason, or ``better_known`` says that a newcomer has been seen better.
    """
    unannounced = {}
    for track in fresh:
        track.confirmed = True
        returned = _gone_here(state, track, config)
        if returned is None:
            unannounced[track.id] = track
            continue
        replace_track(state, changes, returned, track, config, moved=False)
        returned.log_odds, returned.negatives = track.log_odds, 0
        emit(state, changes, returned, EventKind.ADDED, stamp_ns, config, detail="back at its old place")
    departed = {t.id: t for t in lost if t.id in state.tracks}
    for track in departed.values():
        track.gone = True
    if unannounced or departed or better_known:
        for link in find_links(state.tracks.link_candidates(), state.looks, state.appearance, config):
            missing, new = state.tracks[link.missing_id], state.tracks[link.new_id]
            previous = missing.box(config).center.copy()
            replace_track(state, changes, missing, new, config, moved=True)
            emit(
                state, changes, missing, EventKind.MOVED, stamp_ns, config, previous=previous, other_id=new.id,
                confidence=link.confidence, detail="found at another place",
            )  # fmt: skip
            departed.pop(missing.id, None)
            unannounced.pop(new.id, None)
    for track in departed.values():
        emit(
            state, changes, track, EventKind.GONE, stamp_ns, config,
            confidence=1.0 - track.presence, detail=f"its place was seen without it {track.negatives} times",
        )  # fmt: skip
    for track in unannounced.values():
        emit(state, changes, track, EventKind.ADDED, stamp_ns, config, confidence=track.presence)


def announce(state: MapState, changes: Changes, detected: Sequence[Track], stamp_ns: int, config: MemoryConfig) -> None:
    """``moved`` for objects that were shifted in view; ``updated``, rarely, for those better known than announced."""
    for track in detected:
        if not track.confirmed or track.announced is None or track.id not in state.tracks:
            continue
        if stamp_ns - track.announced_ns < config.update_interval_s * 1e9:
            continue
        low, high = track.bounds(config)
        if float(np.abs((low + high) / 2 - track.announced).max()) < config.moved_m / 4:
            continue  # cheap: the exact box is not needed
        center = track.box(config).center
        if float(np.linalg.norm(center - track.announced)) >= config.moved_m / 2:
            emit(
                state, changes, track, EventKind.UPDATED, stamp_ns, config,
                previous=track.announced, detail="position refined",
            )  # fmt: skip


def _gone_here(state: MapState, track: Track, config: MemoryConfig) -> Track | None:
    """The gone object at whose old place a new one of its kind stands, if any."""
    low, high = track.bounds(config)
    center = (low + high) / 2
    samples = track.cloud.samples(48)
    best: tuple[float, Track] | None = None
    reach = 0.5 * float(np.linalg.norm(high - low)) + 0.05
    for other in state.tracks.touching(center - reach, center + reach, gone=True):
        if other.last_seen_ns >= track.first_seen_ns:
            continue
        if track.votes.match(other.votes) < 0.3:
            continue
        other_low, other_high = other.bounds(config)
        if float(np.linalg.norm((other_low + other_high) / 2 - center)) > reach:
            continue
        overlap = float((other.cloud.distances(samples) < max(config.overlap_m, other.cloud.voxel_m)).mean())
        similar = state.appearance.log_ratio(other.bank.bank_similarity(track.bank)) > -1.0
        if overlap >= 0.3 and similar and (best is None or overlap > best[0]):
            best = (overlap, other)
    return best[1] if best else None
