"""Geometry that moves with the map: objects hang on anchors, and go where their anchors go.

Anchors are laid by motion: each frame of which a depth thumbnail is kept is one. After a loop closure or a jump of the
map, :func:`reanchor` takes the new poses of some of them; the others get the correction between their neighbours in
time. Every voxel, picture, thumbnail, logged observation and event follows, and identities are put right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.anchors.anchor_rows import (
    Sightings,
    read_frames,
    read_sightings,
    rewritten_events,
    rewritten_observations,
    rewritten_poses,
)
from memory_agent_ros.memory.anchors.corrections import Corrections
from memory_agent_ros.memory.anchors.fusion import renew_clouds
from memory_agent_ros.memory.anchors.mixups import AGREE_M, SAME_SPACE, relative_m, shared_of_smaller
from memory_agent_ros.memory.anchors.reunion import Reunion
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.map_state import Changes, MapState
from memory_agent_ros.memory.storage.store import Store
from memory_agent_ros.memory.track import Track
from memory_agent_ros.records.anchor import AnchorPose
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.event import EventKind, MemoryEvent
from memory_agent_ros.records.rigid import rigid_fault

#: Objects that move less than this stay as they are, metres.
_STILL_M = 1e-6
#: Objects whose voxels are corrected in one go.
_CHUNK = 256


def anchor_poses(state: MapState) -> dict[int, AnchorPose]:
    """Anchors by frame row, oldest first."""
    return {r.frame_row: AnchorPose(r.stamp_ns, r.T_map_camera.copy()) for r in state.looks.records}


def reanchor(
    state: MapState,
    store: Store,
    keyframe_poses: Mapping[int, NDArray[np.float64]],
    map_revision: int,
    config: MemoryConfig,
) -> Changes:
    """Move the working state to a corrected map; the stored rows to change are in the result's ``rewrite``.

    Everything seen so far must be in the store.

    Raises:
        BadInputError: ``map_revision_runs_back``, ``no_anchors``, ``unknown_anchor``, ``pose_not_rigid``; nothing is
            changed then.
    """
    if map_revision <= state.map_revision:
        raise BadInputError(
            "map_revision_runs_back",
            f"map revision {map_revision} is not after {state.map_revision}; give each correction a higher number",
        )
    rows, stamps, poses = read_frames(store)
    named = _checked(keyframe_poses, rows)
    corrections = Corrections.of(rows, stamps, poses, named)
    changes = Changes(stamp_ns=state.last_stamp_ns)
    changes.rewrite = rewritten_poses(store, corrections)
    sightings = read_sightings(store, corrections)
    owners = sightings.object_ids.copy()
    note = f"drift, undone at map revision {map_revision}"
    changes.rewrite.events = rewritten_events(store, corrections, sightings, owners, config.moved_m, note)
    state.map_revision = map_revision
    newest, largest_m = _move_tracks(state, corrections, changes)
    moved = len(changes.touched)
    T_new = corrections.T_new
    at = corrections.index_of(np.array([r.frame_row for r in state.looks.records], dtype=np.int64))
    state.looks.repose({r.frame_row: T_new[i] for r, i in zip(state.looks.records, at.tolist(), strict=True)})
    changes.touched |= renew_clouds(state, store, sightings, corrections, config)
    why = f"map revision {map_revision}"
    reunion = Reunion(state, store, changes, corrections, sightings, config, newest, why)
    reunion.run()
    regrouped = _regrouped(sightings, owners) & set(state.tracks)
    changes.touched |= renew_clouds(state, store, sightings, corrections, config, regrouped)
    changes.rewrite.observations = rewritten_observations(sightings, owners)
    _return_former(state, changes, config)
    for track in (state.tracks[i] for i in changes.touched if i in state.tracks):
        if track.announced is not None:
            track.announced = track.box(config).center.copy()
    summary = (
        f"{why}: {moved} objects moved by up to {largest_m:.2f} m, {reunion.merged} merged, "
        f"{len(reunion.returned)} back"
    )
    changes.events.append(
        MemoryEvent(
            EventKind.REANCHORED, 0, "", state.last_stamp_ns, np.full(3, np.nan), detail=summary,
            id=state.next_id("events"),
        )
    )  # fmt: skip
    return changes


def _checked(poses: Mapping[int, NDArray[np.float64]], rows: NDArray[np.int64]) -> dict[int, NDArray[np.float64]]:
    if not poses:
        raise BadInputError("no_anchors", "a correction must name at least one anchor; see anchor_poses()")
    unknown = sorted(set(poses) - set(rows.tolist()))
    if unknown:
        raise BadInputError("unknown_anchor", f"no anchor {unknown[0]} in the map; list them with anchor_poses()")
    checked = {}
    for row, pose in poses.items():
        T = np.asarray(pose, dtype=np.float64)
        fault = rigid_fault(T)
        if fault is not None:
            raise BadInputError("pose_not_rigid", f"the new pose of anchor {row} {fault}")
        checked[int(row)] = T
    return checked


def _chunks(state: MapState) -> Iterator[list[Track]]:
    ids = sorted(state.tracks)
    for start in range(0, len(ids), _CHUNK):
        yield [state.tracks[i] for i in ids[start : start + _CHUNK]]


def _move_tracks(state: MapState, corrections: Corrections, changes: Changes) -> tuple[dict[int, int], float]:
    """Every voxel goes with its anchor. Returns the newest frame of each object, and the longest way."""
    newest: dict[int, int] = {}
    largest = 0.0
    for tracks in _chunks(state):
        _move_former(tracks, corrections)
        clouds = [t.cloud for t in tracks]
        lengths = [len(c) for c in clouds]
        anchors = np.concatenate([c.anchors for c in clouds])
        last = corrections.index_at(np.array([t.last_seen_ns for t in tracks], dtype=np.int64))
        index = np.where(anchors == 0, np.repeat(last, lengths), corrections.index_of(anchors))  # 0 in older schemas
        points = np.concatenate([c.points for c in clouds])
        moved = corrections.apply(index, points)
        way = np.linalg.norm(moved - points, axis=1)
        start = 0
        for track, length in zip(tracks, lengths, strict=True):
            part = slice(start, start + length)
            start += length
            if length == 0:
                continue
            frame = newest[track.id] = int(index[part].max())
            if way[part].max() < _STILL_M:
                continue
            track.repose(moved[part].astype(np.float32), corrections.C[index[part]], corrections.C[frame, :3, :3])
            largest = max(largest, float(np.median(way[part])))
            changes.touched.add(track.id)
    return newest, largest


def _regrouped(sightings: Sightings, owners: NDArray[np.int64]) -> set[int]:
    """Ids of objects that gained or lost sightings; ``owners`` (N,) had them before."""
    changed = sightings.object_ids != owners
    return set(np.concatenate([sightings.object_ids[changed], owners[changed]]).tolist())


def _move_former(tracks: Iterable[Track], corrections: Corrections) -> None:
    """Of what objects left behind only that is of use which the correction moves otherwise than the object."""
    for track in tracks:
        newest = corrections.index_of(track.cloud.anchors.max(initial=0, keepdims=True))
        kept = []
        for cloud in track.former:
            index = corrections.index_of(cloud.anchors)
            apart = relative_m(corrections, index, newest.repeat(len(index)), cloud.points.astype(np.float64))
            cloud = cloud.take(apart >= AGREE_M / 2)
            if len(cloud):
                moved = corrections.apply(corrections.index_of(cloud.anchors), cloud.points)
                cloud.repose(moved.astype(np.float32))
                kept.append(cloud)
        track.former = kept


def _return_former(state: MapState, changes: Changes, config: MemoryConfig) -> None:
    """What an object left behind that it never left: it comes back where it lies on what is known of the object now."""
    for object_id in sorted(state.tracks):
        track = state.tracks[object_id]
        left, track.former = track.former, []
        for cloud in left:
            if len(track.cloud) == 0:
                continue
            if shared_of_smaller(*track.bounds(config), *cloud.bounds(config.min_hits)) >= SAME_SPACE:
                track.cloud.merge(cloud, config.hit_cap, config.max_voxels)
                changes.touched.add(object_id)


def hang_on_one_anchor(state: MapState, store: Store) -> None:
    """Let all of each object hang on its newest anchor: what a memory without anchors per voxel or view would do."""
    for track in state.tracks.values():
        track.cloud.anchors[:] = track.cloud.anchors.max(initial=0)
    with store.transaction("surfaces_dropped") as cursor:
        cursor.execute("DELETE FROM surfaces")
