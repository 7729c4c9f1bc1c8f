"""Which sightings are of which object, put right by hand: two records made one, one made two, and both undone."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2

from memory_agent_ros.memory.association.appearance import AppearanceBank
from memory_agent_ros.memory.association.labels import LabelVotes
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.corrections.by_hand import ByHand
from memory_agent_ros.memory.corrections.rows import Before
from memory_agent_ros.memory.corrections.snapshot import packed, unpacked
from memory_agent_ros.memory.map_state import Changes, Incoming, MapState
from memory_agent_ros.memory.presence import lifecycle
from memory_agent_ros.memory.storage.store import Store
from memory_agent_ros.memory.track import Track
from memory_agent_ros.memory.voxel_cloud import VoxelCloud
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.event import EventKind
from memory_agent_ros.records.region import Region

#: Information of a centroid that is only the mean of a cloud, per square metre.
_ROUGH = 1e2
_OWNER = (
    "UPDATE observations SET object_id=?, placement=? "
    "WHERE id IN (SELECT CAST(value AS INTEGER) FROM json_each(?)) AND object_id=?"
)


@dataclass(frozen=True, eq=False)
class Desk:
    """What a correction works on."""

    state: MapState
    store: Store
    config: MemoryConfig
    changes: Changes


@dataclass(frozen=True, eq=False)
class _Seen:
    """A logged observation, with its (3,) centre."""

    id: int
    stamp_ns: int
    label: str
    score: float
    place: NDArray[np.float64]


def merge(desk: Desk, keep: Track, other: Track, detail: str) -> Before:
    """``other`` becomes part of ``keep``, whatever kept them apart."""
    before = {name: packed(t, desk.store, desk.config) for name, t in (("keep", keep), ("other", other))}
    for track, gone in ((keep, other), (other, keep)):
        track.by_hand.apart.discard(gone.id)
    keep.by_hand.joined = True
    other.confirmed = True
    lifecycle.merge_tracks(desk.state, desk.changes, keep.id, other.id, desk.state.last_stamp_ns, desk.config, detail)
    return before


def unmerge(desk: Desk, keep: Track, before: Before) -> tuple[Track, Track]:
    """Take apart what :func:`merge` made one; what was seen since goes to the one of both that it is nearer to."""
    own, other = unpacked(before["keep"]), unpacked(before["other"])
    since = _since(desk.store, keep, before)
    if keep.id == own.id and keep.observations == own.observations + other.observations:
        keep = own
        desk.state.tracks[keep.id] = own
    else:
        _subtract(keep, own, other)
    theirs = list(before["other"]["rows"])
    for seen in since:
        if np.linalg.norm(seen.place - other.centroid) < np.linalg.norm(seen.place - own.centroid):
            theirs.append(seen.id)
            other.last_seen_ns = max(other.last_seen_ns, seen.stamp_ns)
            _give(keep, other, seen.label, seen.score)
    other.last_looked_ns = keep.last_looked_ns
    desk.state.aliases.pop(other.id, None)
    desk.state.tracks[other.id] = other
    _write_owner(desk, keep, other, theirs)
    desk.changes.imported.insert(
        0, Incoming("aliases", "DELETE FROM aliases WHERE old_id=?", ("old_id",), [(other.id,)])
    )
    return keep, other


def split(desk: Desk, track: Track, at: NDArray[np.float64] | Region, label: str, detail: str) -> tuple[Track, Before]:
    """Part of an object becomes an object of its own, and the two are never taken for one again.

    Args:
        desk: what to work on.
        track: the object.
        at: the region that holds the part, or (3,) a point of it: the part is then one of two clusters of voxels.
        label: what the part is called; "" leaves it to its detections, or calls it as the whole was called.
        detail: for the event.

    Raises:
        BadInputError: ``split_empty`` if one of both would be left without points.
    """
    away = _part(track.cloud.points, at)
    if not away.any() or away.all():
        raise BadInputError("split_empty", f"all or nothing of object {track.id} is there; name the part that leaves")
    before: Before = {"keep": packed(track, desk.store, desk.config), "copies": []}
    other = _detached(desk, track, away)
    rows = _rows(desk.store, track)
    theirs = [seen for seen in rows if _belongs(seen.place, at, other, track)]
    for seen in theirs:
        _give(track, other, seen.label, seen.score)
    if not theirs:
        _give(None, other, track.label, 1.0)
    if label:
        other.votes.pin(label)
    track.by_hand.apart.add(other.id)
    other.by_hand = ByHand(apart={track.id})
    desk.state.tracks[other.id] = other
    _write_owner(desk, track, other, [seen.id for seen in theirs])
    before["copies"] = _share_pictures(desk, track, other, {seen.id for seen in theirs})
    lifecycle.emit(
        desk.state, desk.changes, other, EventKind.ADDED, desk.state.last_stamp_ns, desk.config,
        other_id=track.id, confidence=other.presence, detail=f"part of object {track.id}; {detail}",
    )  # fmt: skip
    return other, before


def unsplit(desk: Desk, keep: Track, other: Track, before: Before, detail: str) -> None:
    """Put together what :func:`split` took apart."""
    whole = unpacked(before["keep"])
    unchanged = keep.observations + other.observations == whole.observations
    for track, gone in ((keep, other), (other, keep)):
        track.by_hand.apart.discard(gone.id)
    lifecycle.merge_tracks(desk.state, desk.changes, keep.id, other.id, desk.state.last_stamp_ns, desk.config, detail)
    if unchanged and keep.id == whole.id:
        keep.cloud, keep.votes, keep.bank = whole.cloud, whole.votes, whole.bank
        keep.centroid, keep.information, keep.score_mass = whole.centroid, whole.information, whole.score_mass
    going = [(i,) for i in before["copies"]]
    desk.changes.imported.append(Incoming("observations", "DELETE FROM observations WHERE id=?", ("id",), going))


def _part(points: NDArray[np.float32], at: NDArray[np.float64] | Region) -> NDArray[np.bool_]:
    """(N,) which of (N, 3) points leave."""
    if isinstance(at, Region):
        return np.asarray(((points >= at.minimum) & (points <= at.maximum)).all(axis=1))
    away = np.linalg.norm(points - at, axis=1)
    seeds = points[[int(away.argmin()), int(away.argmax())]].astype(np.float64)
    _, cluster = kmeans2(points.astype(np.float64), seeds, minit="matrix", missing="warn")
    return np.asarray(cluster == 0)


def _detached(desk: Desk, track: Track, away: NDArray[np.bool_]) -> Track:
    """A new object of the voxels that leave; the old one keeps the others."""
    other = Track(desk.state.next_id("objects"), track.cloud.take(away), track.first_seen_ns, bank=AppearanceBank())
    for name in ("first_range_m", "min_pixels", "log_odds", "gone", "last_seen_ns", "last_looked_ns", "logged_ns"):
        setattr(other, name, getattr(track, name))
    other.rate = copy.deepcopy(track.rate)
    other.confirmed = True
    for part in (track, other):
        part.centroid = part.cloud.points.mean(axis=0).astype(np.float64)
        part.information = np.eye(3) * _ROUGH
    return other


def _belongs(place: NDArray[np.float64], at: NDArray[np.float64] | Region, other: Track, keep: Track) -> bool:
    """Whether a detection with its centre at (3,) ``place`` is of the part that leaves."""
    if isinstance(at, Region):
        return bool((place >= at.minimum).all() and (place <= at.maximum).all())
    return bool(np.linalg.norm(place - other.centroid) < np.linalg.norm(place - keep.centroid))


def _rows(store: Store, track: Track) -> list[_Seen]:
    found = store.rows(
        "SELECT id, stamp_ns, label, score, x, y, z FROM observations WHERE object_id=? ORDER BY id", (track.id,)
    )
    return [_Seen(r[0], r[1], store.words.label(r[2]), r[3], np.array(r[4:])) for r in found]


def _since(store: Store, keep: Track, before: Before) -> list[_Seen]:
    known = {*before["keep"]["rows"], *before["other"]["rows"]}
    return [seen for seen in _rows(store, keep) if seen.id not in known]


def _subtract(keep: Track, own: Track, other: Track) -> None:
    """What ``other`` had brought leaves ``keep``, which was ``own`` before and has been seen since."""
    points = keep.cloud.points
    kept = _distances(own.cloud, points) <= _distances(other.cloud, points)
    if kept.any():
        keep.cloud.take(~kept)
    else:
        keep.cloud = own.cloud
    keep.votes = _without(keep.votes, other.votes.votes)
    keep.bank = own.bank
    keep.observations = max(keep.observations - other.observations, 1)
    keep.score_mass = max(keep.score_mass - other.score_mass, 0.0)
    keep.first_seen_ns, keep.by_hand = own.first_seen_ns, own.by_hand
    keep.centroid = keep.cloud.points.mean(axis=0).astype(np.float64)
    keep.information = np.eye(3) * _ROUGH


def _distances(cloud: VoxelCloud, points: NDArray[np.float32]) -> NDArray[np.float64]:
    return cloud.distances(points) if len(cloud) else np.full(len(points), np.inf)


def _give(giver: Track | None, taker: Track, label: str, score: float) -> None:
    """One detection's vote and score go from one object to another."""
    taker.votes.add({label: score}, 1.0)
    taker.score_mass += score
    taker.observations += 1
    if giver is not None:
        giver.votes = _without(giver.votes, {label: score})
        giver.score_mass = max(giver.score_mass - score, 0.0)
        giver.observations = max(giver.observations - 1, 1)


def _without(votes: LabelVotes, taken: dict[str, float]) -> LabelVotes:
    """Votes less others; the last label stays, with a rest of its votes."""
    left = {k: v - taken.get(k, 0.0) for k, v in votes.votes.items()}
    left = {k: v for k, v in left.items() if v > 1e-6} or {votes.leader: 1e-3}
    out = LabelVotes(left, dict(votes.doubtful), votes.pinned, votes.leader if votes.leader in left else "")
    out.add({}, 1.0, release=False)
    return out


def _write_owner(desk: Desk, keep: Track, other: Track, rows: Sequence[int]) -> None:
    """Observations go over to the other object."""
    desk.changes.touched |= {keep.id, other.id}
    values = (other.id, other.placement, json.dumps(list(rows)), keep.id)
    desk.changes.imported.append(Incoming("observations", _OWNER, ("object_id", "placement", "ids", "owner"), [values]))


def _share_pictures(desk: Desk, keep: Track, other: Track, theirs: set[int]) -> list[int]:
    """A part without a picture of its own gets a copy of the best observation of the whole: that picture shows both."""
    pictured = desk.store.rows(
        "SELECT id FROM observations WHERE object_id=? AND keyframe_id IS NOT NULL "
        "ORDER BY placement DESC, quality DESC, id",
        (keep.id,),
    )
    ids = [r[0] for r in pictured]
    copies: list[int] = []
    names = desk.store.columns("observations")
    for part, own in ((keep, [i for i in ids if i not in theirs]), (other, [i for i in ids if i in theirs])):
        if own or not ids:
            continue
        copies.append(desk.state.next_id("observations"))
        changed: dict[str, Any] = {"id": copies[-1], "object_id": part.id, "placement": part.placement}
        chosen = ", ".join("?" if n in changed else n for n in names)
        values = (*(changed[n] for n in names if n in changed), ids[0])
        sql = f"INSERT INTO observations ({', '.join(names)}) SELECT {chosen} FROM observations WHERE id=?"
        desk.changes.imported.append(
            Incoming("observations", sql, (*(n for n in names if n in changed), "of"), [values])
        )
    return copies
