"""Stored rows that move with the map: frames, pictures, logged observations, events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from memory_agent_ros.memory.anchors.corrections import Corrections
from memory_agent_ros.memory.map_state import Rewrite
from memory_agent_ros.memory.storage.sealing import open_rows, seal_rows
from memory_agent_ros.memory.storage.store import Cursor, Store

#: Rows that move less than this stay as they are, metres.
_STILL_M = 1e-9
#: Makes the id of an object a fourth coordinate that no distance bridges.
_APART = 1e6


@dataclass(eq=False)
class Sightings:
    """All logged observations, by id; positions are moved in place.

    Attributes:
        ids, object_ids, placements: (N,) int64.
        frames: (N,) index into the corrections.
        quality: (N,); pictured: (N,) whether a picture shows it.
        before: (N, 3) box centres as they were; centers: (N, 3) as they are now; sizes: (N, 3); yaws: (N,).
    """

    ids: NDArray[np.int64]
    object_ids: NDArray[np.int64]
    placements: NDArray[np.int64]
    frames: NDArray[np.intp]
    quality: NDArray[np.float64]
    pictured: NDArray[np.bool_]
    before: NDArray[np.float64]
    centers: NDArray[np.float64]
    sizes: NDArray[np.float64]
    yaws: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.ids)


def read_frames(store: Store) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """(N,) rows ascending, (N,) stamps, (N, 4, 4) poses of all frames."""
    found = store.rows("SELECT id, stamp_ns, pose FROM frames ORDER BY id")
    rows = np.array([r[0] for r in found], dtype=np.int64)
    stamps = np.array([r[1] for r in found], dtype=np.int64)
    return rows, stamps, np.frombuffer(b"".join(r[2] for r in found)).reshape(-1, 4, 4)


def read_sightings(store: Store, corrections: Corrections) -> Sightings:
    """The log of observations, each already moved with its frame."""
    found = np.array(
        store.rows(
            "SELECT id, object_id, placement, frame_row, quality, keyframe_id IS NOT NULL, x, y, z, sx, sy, sz, yaw "
            "FROM observations ORDER BY id"
        ),
        dtype=np.float64,
    ).reshape(-1, 13)
    frames = corrections.index_of(found[:, 3].astype(np.int64))
    return Sightings(
        found[:, 0].astype(np.int64), found[:, 1].astype(np.int64), found[:, 2].astype(np.int64), frames, found[:, 4],
        found[:, 5] > 0, found[:, 6:9], corrections.apply(frames, found[:, 6:9]), found[:, 9:12],
        found[:, 12] + corrections.yaw(frames),
    )  # fmt: skip


def rewritten_poses(store: Store, corrections: Corrections) -> Rewrite:
    """New poses of frames and pictures."""
    T_new = corrections.T_new
    moved = np.flatnonzero(np.abs(T_new - corrections.T_old).max(axis=(1, 2)) > _STILL_M)
    rewrite = Rewrite(frames=[(T_new[i].tobytes(), int(corrections.rows[i])) for i in moved.tolist()])
    pictures = store.rows("SELECT id, stamp_ns, pose FROM keyframes")
    if pictures:
        index = corrections.index_at(np.array([p[1] for p in pictures], dtype=np.int64))
        poses = corrections.C[index] @ np.stack([np.frombuffer(p[2]).reshape(4, 4) for p in pictures])
        rewrite.keyframes = [(T.tobytes(), p[0]) for T, p in zip(poses, pictures, strict=True)]
    return rewrite


def rewritten_observations(sightings: Sightings, original_ids: NDArray[np.int64]) -> list[tuple[object, ...]]:
    """Rows of the observations that moved or went over to another object."""
    changed = np.abs(sightings.centers - sightings.before).max(axis=1, initial=0.0) > _STILL_M
    rows = np.flatnonzero(changed | (sightings.object_ids != original_ids))
    columns = [
        sightings.centers[rows, 0], sightings.centers[rows, 1], sightings.centers[rows, 2],
        (sightings.yaws[rows] + np.pi) % (2 * np.pi) - np.pi, sightings.object_ids[rows], sightings.placements[rows],
        sightings.ids[rows],
    ]  # fmt: skip
    return list(zip(*(c.tolist() for c in columns), strict=True))


def rewritten_events(
    store: Store, corrections: Corrections, sightings: Sightings, owners: NDArray[np.int64], moved_m: float, note: str
) -> list[tuple[object, ...]]:
    """Positions of events, each moved with the logged observation of its object nearest to it, earlier than it.

    A move that turns out to be shorter than ``moved_m`` gets the ``note`` in its detail: the map had drifted.
    ``owners`` (N,) are the object ids of the sightings before any went over to another object.
    """
    columns = ("id", "kind", "object_id", "stamp_ns", "x", "y", "z", "px", "py", "pz", "detail")
    found = open_rows(store, "events", columns, store.rows(f"SELECT {', '.join(columns)} FROM events"))
    if not found:
        return []
    objects = np.array([r[2] for r in found], dtype=np.int64)
    aliases = dict(store.rows("SELECT old_id, new_id FROM aliases"))
    holders = np.array([_resolve(aliases, int(o)) for o in objects], dtype=np.int64)
    stamps = np.array([r[3] for r in found], dtype=np.int64)
    places = np.array([[np.nan if v is None else v for v in r[4:10]] for r in found]).reshape(-1, 2, 3)
    after = np.stack([_moved(corrections, sightings, owners, holders, stamps, places[:, k]) for k in range(2)], axis=1)
    rows = []
    for row, old, new in zip(found, places, after, strict=True):
        if not np.isfinite(old[0]).all() or np.nanmax(np.abs(new - old)) <= _STILL_M:
            continue
        detail = row[10]
        if row[1] == "moved" and np.linalg.norm(old[0] - old[1]) >= moved_m > np.linalg.norm(new[0] - new[1]):
            detail = f"{detail}; {note}"
        now, was = ([None if np.isnan(v) else float(v) for v in p] for p in new)
        rows.append((*now, *was, detail, row[0], row[2]))
    return rows


def _resolve(aliases: dict[int, int], object_id: int) -> int:
    while object_id in aliases:
        object_id = aliases[object_id]
    return object_id


def _moved(
    corrections: Corrections,
    sightings: Sightings,
    owners: NDArray[np.int64],
    holders: NDArray[np.int64],
    stamps: NDArray[np.int64],
    places: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(M, 3) places of objects at stamps under the correction of the sighting nearest to each."""
    out = places.copy()
    rows = np.flatnonzero(np.isfinite(places).all(axis=1))
    if len(rows) == 0:
        return out
    index = corrections.index_at(stamps[rows])
    if len(sightings):
        tree = cKDTree(np.concatenate([sightings.before, owners[:, None] * _APART], axis=1))
        near = min(8, len(sightings))
        distance, found = tree.query(np.concatenate([places[rows], holders[rows, None] * _APART], axis=1), k=near)
        distance, found = distance.reshape(len(rows), near), found.reshape(len(rows), near)
        seen_ns = corrections.stamps_ns[sightings.frames[found]]
        usable = (distance < 2.0) & (seen_ns <= stamps[rows, None])
        first = usable.argmax(axis=1)
        chosen = sightings.frames[found[np.arange(len(rows)), first]]
        index = np.where(usable.any(axis=1), chosen, index)
    out[rows] = corrections.apply(index, places[rows])
    return out


def write_rewrite(store: Store, cursor: Cursor, rewrite: Rewrite, map_revision: int) -> None:
    """Put the rows in place; every picture's pose is now of this revision of the map."""
    cursor.executemany("UPDATE frames SET pose=? WHERE id=?", rewrite.frames)
    cursor.executemany("UPDATE keyframes SET pose=? WHERE id=?", rewrite.keyframes)
    cursor.execute("UPDATE keyframes SET map_revision=?", (map_revision,))
    cursor.executemany(
        "UPDATE observations SET x=?, y=?, z=?, yaw=?, object_id=?, placement=? WHERE id=?", rewrite.observations
    )
    columns = ("x", "y", "z", "px", "py", "pz", "detail", "id", "object_id")
    events = seal_rows(store, "events", columns, rewrite.events)
    cursor.executemany(
        "UPDATE events SET x=?, y=?, z=?, px=?, py=?, pz=?, detail=? WHERE id=?", [row[:-1] for row in events]
    )
