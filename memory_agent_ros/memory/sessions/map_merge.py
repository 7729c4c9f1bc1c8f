"""Two maps become one: objects are matched one to one, what one map saw empty corrects the other, history is kept.

Ids of this map continue. Every object of the other map gets a fresh id here (its own plus a constant); that of a
matched one becomes another name of the object it is. Stamps may interleave, as those of two robots do.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from memory_agent_ros.geometry.se3 import transform_points
from memory_agent_ros.memory.association.duplicates import find_duplicates
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.map_state import Changes, MapState
from memory_agent_ros.memory.presence import lifecycle
from memory_agent_ros.memory.presence.changes import find_links, label_log_ratio, size_log_ratio
from memory_agent_ros.memory.presence.looks import LookLog, LookRecord
from memory_agent_ros.memory.storage.import_rows import Move, incoming_rows
from memory_agent_ros.memory.storage.store import Store
from memory_agent_ros.memory.track import Track
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.event import EventKind
from memory_agent_ros.records.rigid import rigid_fault

_TABLES = ("objects", "frames", "keyframes", "observations", "events", "corrections")
#: Evidence of lying at the same place, and the least a pair needs, log-odds.
_SAME_PLACE, _ENOUGH = 4.0, 2.0
#: Standard deviation of the distance of two centres of one object, metres, and the share of a difference in size.
_CENTER_M, _PARTIAL = 0.08, 0.35
#: Thumbnails that must show a place empty, and their share of those that show it, before its object is missing.
_EMPTY_LOOKS, _EMPTY_SHARE = 2, 0.6
#: Fewest pixels of a thumbnail across an object.
_PIXELS = 1.5


@dataclass(frozen=True, eq=False)
class Incoming:
    """The other map as it comes in.

    Attributes:
        tracks: its objects, tentative ones too, by their new ids, moved into this map's frame.
        looks: its thumbnails, moved.
        store: where its rows are.
        last_stamp_ns: of its last image.
        offsets: by table, new id minus old id; ``used`` the largest old id.
        sources: id of a source there -> its id here.
    """

    tracks: dict[int, Track]
    looks: list[LookRecord]
    store: Store
    last_stamp_ns: int
    offsets: dict[str, int]
    used: dict[str, int]
    sources: Mapping[int, int]


def check_transform(T: NDArray[np.float64]) -> NDArray[np.float64]:
    """A (4, 4) transform between two maps, checked.

    Raises:
        BadInputError: ``transform_not_rigid``, ``transform_not_upright``.
    """
    T = np.asarray(T, dtype=np.float64)
    fault = rigid_fault(T, 1e-6)  # it moves a whole map, far from the origin too
    if fault is not None:
        raise BadInputError("transform_not_rigid", f"T_map_other {fault}")
    if T[2, 2] < np.cos(0.02):
        raise BadInputError("transform_not_upright", "maps are z-up: T_map_other may turn about z only")
    return T


def incoming(state: MapState, other: MapState, store: Store, T: NDArray[np.float64]) -> Incoming:
    """Copy the other map's objects and looks, renamed and moved by (4, 4) ``T``."""
    offsets = {table: state.sequences[table] for table in _TABLES}
    sources = state.sources.merge(other.sources)
    tracks = {}
    for track in other.tracks.values():
        moved = _moved(track, T, offsets)
        moved.claims = {sources[s]: claim for s, claim in moved.claims.items()}
        tracks[moved.id] = moved
    looks = [
        dataclasses.replace(r, frame_row=r.frame_row + offsets["frames"], T_map_camera=T @ r.T_map_camera)
        for r in other.looks.records
    ]
    used = {table: other.sequences[table] for table in _TABLES}
    return Incoming(tracks, looks, store, other.last_stamp_ns, offsets, used, sources)


def _moved(track: Track, T: NDArray[np.float64], offsets: dict[str, int]) -> Track:
    """A copy of a track in the other frame, under its new id."""
    out = copy.deepcopy(track)
    out.id = track.id + offsets["objects"]
    out.by_hand.apart = {i + offsets["objects"] for i in track.by_hand.apart}
    R = T[:3, :3]
    for cloud in (out.cloud, *out.former):
        cloud.anchors[cloud.anchors > 0] += offsets["frames"]
        cloud.repose(np.asarray(transform_points(T, cloud.points), dtype=np.float32))
    out.centroid = R @ track.centroid + T[:3, 3]
    out.information = R @ track.information @ R.T
    out.views.directions = [[round(float(x), 4) for x in R @ np.array(d)] for d in track.views.directions]
    if track.announced is not None:
        out.announced = R @ track.announced + T[:3, 3]
    return out


def combine(state: MapState, coming: Incoming, T: NDArray[np.float64], name: str, config: MemoryConfig) -> Changes:
    """Take the other map into the working state; returns what must be written, in one transaction.

    Args:
        state: of this map.
        coming: the other map's objects, moved.
        T: (4, 4) by which they were moved.
        name: of the other map, for people.
        config: parameters.
    """
    own_looks = list(state.looks.records)
    stamp_ns = max(state.last_stamp_ns, coming.last_stamp_ns)
    changes = Changes(stamp_ns=stamp_ns)
    for table in _TABLES:
        state.sequences[table] += coming.used[table]
    state.last_stamp_ns = stamp_ns
    state.looks.records = sorted([*own_looks, *coming.looks], key=lambda r: r.stamp_ns)
    placements = {i: t.placement for i, t in coming.tracks.items()}
    pairs = match(state, coming, config)
    for own_id, new_id in pairs:
        state.tracks[new_id] = coming.tracks[new_id]
        _unite(state, changes, own_id, new_id, f"{name}: object {new_id - coming.offsets['objects']}", config)
    matched_own, matched_new = {a for a, _ in pairs}, {b for _, b in pairs}
    unmatched = [i for i in coming.tracks if i not in matched_new]
    lost = _seen_empty(state, set(state.tracks) - matched_own, coming.looks, config)
    for new_id in unmatched:
        state.tracks[new_id] = coming.tracks[new_id]
        changes.touched.add(new_id)
    lost += _seen_empty(state, set(unmatched), own_looks, config)
    unmatched = _without_duplicates(state, changes, unmatched, config)
    lost = [t for t in lost if t.id in state.tracks]
    _settle(state, changes, unmatched, lost, stamp_ns, name, coming, config)
    owners = _owners(state, placements)
    move = Move(T, coming.offsets, owners, state.frame_id, state.map_revision, coming.sources)
    changes.imported = incoming_rows(coming.store, move)
    return changes


def match(state: MapState, coming: Incoming, config: MemoryConfig) -> list[tuple[int, int]]:
    """(id here, new id) of the objects that stand at the same place in both maps, one to one, best in total."""
    mine = [t for t in state.tracks.values() if t.confirmed]
    theirs = [t for t in coming.tracks.values() if not t.by_hand.deleted]
    if not mine or not theirs:
        return []
    score = np.full((len(mine), len(theirs)), -np.inf)
    a, b = _boxes(mine, config), _boxes(theirs, config)
    apart = np.linalg.norm(a[:, None, :3] - b[None, :, :3], axis=2)
    unlike = np.abs(a[:, None, 3:] - b[None, :, 3:]).max(axis=2)
    sigma = _CENTER_M + _PARTIAL * unlike
    place = _SAME_PLACE - 0.5 * (apart / sigma) ** 2
    for i, j in np.argwhere(place > _ENOUGH - 6.0).tolist():
        score[i, j] = place[i, j] + _likeness(mine[i], theirs[j], state)
    rows, columns = linear_sum_assignment(-np.maximum(score, _ENOUGH - 1.0))
    return [
        (mine[i].id, theirs[j].id)
        for i, j in zip(rows.tolist(), columns.tolist(), strict=True)
        if score[i, j] >= _ENOUGH
    ]


def _boxes(tracks: list[Track], config: MemoryConfig) -> NDArray[np.float64]:
    """(N, 6) centre, longer and shorter horizontal edge and height."""
    rows = []
    for track in tracks:
        box = track.box(config)
        long, short = sorted(box.size[:2].tolist(), reverse=True)
        rows.append([*box.center.tolist(), long, short, float(box.size[2])])
    return np.array(rows, dtype=np.float64).reshape(-1, 6)


def _likeness(a: Track, b: Track, state: MapState) -> float:
    """Log-likelihood ratio of label, size and look; another label passes if both lie on each other."""
    label = label_log_ratio(a, b)
    if label == -np.inf:
        reach = max(a.cloud.voxel_m, b.cloud.voxel_m) + 0.03
        on_a, on_b = (x.cloud.distances(y.cloud.samples(48)) < reach for x, y in ((a, b), (b, a)))
        if min(float(on_a.mean()), float(on_b.mean())) < 0.5:
            return -np.inf
        label = -1.0
    look = state.appearance.log_ratio(a.bank.bank_similarity(b.bank), 3.0)
    return label + size_log_ratio(a.cloud.box(1)[1], b.cloud.box(1)[1]) + look


def _unite(state: MapState, changes: Changes, own_id: int, new_id: int, origin: str, config: MemoryConfig) -> None:
    """Two records of one object become one; whichever map saw it last says whether and where it still stands."""
    own, new = state.tracks[own_id], state.tracks[new_id]
    later = new if new.last_looked_ns > own.last_looked_ns else own
    presence = later.gone, later.log_odds, later.negatives, later.last_negative_ns
    previous = own.box(config).center.copy()
    target = new.box(config).center
    far = float(np.linalg.norm(previous - target)) >= config.moved_m
    if far and new.last_seen_ns <= own.last_seen_ns:  # its place is out of date: only its history comes in
        new.cloud, new.information = own.cloud.copy(), np.zeros((3, 3))
    shown = new.confirmed
    lifecycle.replace_track(state, changes, own, new, config, moved=far and new.last_seen_ns > own.last_seen_ns)
    own.gone, own.log_odds, own.negatives, own.last_negative_ns = presence
    if not shown:
        return
    lifecycle.emit(
        state, changes, own, EventKind.MERGED, changes.stamp_ns, config,
        previous=previous, other_id=new_id, confidence=own.presence, detail=f"the same in {origin}",
    )  # fmt: skip


def _seen_empty(state: MapState, ids: set[int], looks: list[LookRecord], config: MemoryConfig) -> list[Track]:
    """Present objects whose place the other map's looks show empty after they were last seen."""
    lost = []
    for object_id in sorted(ids):
        track = state.tracks[object_id]
        if not track.confirmed or track.gone or track.by_hand.holds:
            continue
        log = LookLog(config)
        log.records = _resolving(looks, track, config)
        points = track.cloud.samples(32)
        empty = [s for s in log.seen_empty(points, 1 << 62) if s > track.last_seen_ns]
        if len(empty) < _EMPTY_LOOKS:
            continue
        shown = [s for s in log.seen_open(points, 1 << 62, config.presence_range_m) if s > track.last_seen_ns]
        if len(empty) >= _EMPTY_SHARE * len(shown):
            track.negatives = max(len(empty), config.gone_frames)
            track.log_odds = min(track.log_odds - config.through_loss * len(empty), config.presence_gone - 1.0)
            track.last_negative_ns = track.last_looked_ns = max(empty)
            lost.append(track)
    return lost


def _resolving(looks: list[LookRecord], track: Track, config: MemoryConfig) -> list[LookRecord]:
    """Thumbnails near enough to show an object over a few pixels: of the others a small error of the pose decides."""
    if not looks:
        return looks
    low, high = track.bounds(config)
    away = np.linalg.norm(np.array([r.T_map_camera[:3, 3] for r in looks]) - (low + high) / 2, axis=1)
    widest = np.sort(high - low)[1] * np.array([r.K[0, 0] for r in looks]) / _PIXELS
    return [r for r, near in zip(looks, (away <= widest).tolist(), strict=True) if near]


def _without_duplicates(state: MapState, changes: Changes, unmatched: list[int], config: MemoryConfig) -> list[int]:
    """Merge incoming records that lie on an object of this map which another record has matched already."""
    mine = set(state.tracks) - set(unmatched)
    confirmed = [t for t in state.tracks.values() if t.confirmed and not t.gone]
    for keep_id, other_id in find_duplicates(unmatched, confirmed, state.together, config):
        if len({keep_id, other_id} & mine) == 1:
            own, new = (keep_id, other_id) if keep_id in mine else (other_id, keep_id)
            lifecycle.merge_tracks(state, changes, own, new, changes.stamp_ns, config)
    return [i for i in unmatched if i in state.tracks]


def _settle(
    state: MapState,
    changes: Changes,
    unmatched: list[int],
    lost: list[Track],
    stamp_ns: int,
    name: str,
    coming: Incoming,
    config: MemoryConfig,
) -> None:
    """Declare lost objects gone, link them with what appeared elsewhere, announce the rest."""
    departed, arrived = {t.id: t for t in lost}, set(unmatched)
    for track in lost:
        track.gone = True
        changes.touched.add(track.id)
    for link in find_links(list(state.tracks.values()), state.looks, state.appearance, config):
        missing, new = state.tracks[link.missing_id], state.tracks[link.new_id]
        previous = missing.box(config).center.copy()
        lifecycle.replace_track(state, changes, missing, new, config, moved=True)
        lifecycle.emit(
            state, changes, missing, EventKind.MOVED, stamp_ns, config, previous=previous, other_id=new.id,
            confidence=link.confidence, detail=f"found at another place when {name} came in",
        )  # fmt: skip
        departed.pop(missing.id, None)
        arrived -= {missing.id, new.id}
    for track in departed.values():
        lifecycle.emit(
            state, changes, track, EventKind.GONE, stamp_ns, config,
            confidence=1.0 - track.presence, detail=f"its place was seen without it {track.negatives} times",
        )  # fmt: skip
    for object_id in sorted(arrived - set(departed)):
        track = state.tracks[object_id]
        if not track.confirmed:
            continue
        lifecycle.emit(
            state, changes, track, EventKind.ADDED, stamp_ns, config, confidence=track.presence,
            detail=f"came in from {name}: object {object_id - coming.offsets['objects']}",
        )  # fmt: skip


def _owners(state: MapState, placements: dict[int, int]) -> dict[int, tuple[int, int]]:
    """Who holds each incoming object's observations, and by how much their placements grow there."""
    owners = {}
    for new_id, placement in placements.items():
        holder = state.resolve(new_id)
        owners[new_id] = (holder.id, 0 if holder.id == new_id else holder.placement - placement)
    return owners
