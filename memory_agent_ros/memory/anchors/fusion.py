"""Clouds made anew after a correction, of what each detection measured, put where it now belongs.

While a map drifts, the surfaces that several views measured of an object do not coincide: fused as they come they blur
each other, and one view carves away what another saw rightly. So each logged observation keeps its surface in the
camera's frame. A correction puts all of them in place, and the cloud is fused again as if the map had never drifted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from memory_agent_ros.geometry.se3 import transform_points
from memory_agent_ros.geometry.voxels import voxel_keys
from memory_agent_ros.memory.anchors.anchor_rows import Sightings
from memory_agent_ros.memory.anchors.corrections import Corrections
from memory_agent_ros.memory.anchors.measured_surface import MeasuredSurface
from memory_agent_ros.memory.anchors.mixups import SAME_SPACE, half_extents, reach_m, shared_of_smaller
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.map_state import MapState
from memory_agent_ros.memory.presence.looks import LookLog
from memory_agent_ros.memory.storage.object_keys import OBJECT
from memory_agent_ros.memory.storage.sealing import open_rows
from memory_agent_ros.memory.storage.store import Store
from memory_agent_ros.memory.track import Track, sharpness
from memory_agent_ros.memory.voxel_cloud import VoxelCloud
from memory_agent_ros.records.errors import StoreError

#: Objects whose sightings are moved alike to within this keep their cloud: it is moved as a whole, metres.
_ALIKE_M = 0.01
#: Surfaces of one object that are fused, evenly picked in time, and the fewest.
_MOST, _FEWEST = 80, 3
#: Hits above this are forgotten; a voxel with this many is a surface, or a third of what the best-seen tenth has.
_CAP, _SOLID = 12.0, 3.0
#: Points of a surface whose nearest neighbours tell how densely it is sampled.
_ASKED = 64


def renew_clouds(
    state: MapState,
    store: Store,
    sightings: Sightings,
    corrections: Corrections,
    config: MemoryConfig,
    only: set[int] | None = None,
) -> set[int]:
    """Fuse the clouds anew of objects whose sightings a correction has moved apart; returns their ids.

    Tracks must have been moved already, so that their boxes tell roughly where they are. ``only`` these objects.
    """
    renewed = set()
    for track, rows in _moved_apart(state, sightings, corrections, only):
        home = rows[_at_home(track, sightings, rows, config)]
        if len(home) > _MOST:
            home = home[np.linspace(0, len(home) - 1, _MOST).astype(np.intp)]
        found = _read(store, sightings.ids[home])
        with_surface = np.isin(sightings.ids[home], list(found))
        if with_surface.sum() < max(_FEWEST, len(home) / 2):  # logged before surfaces were, or moved by hand
            continue
        home = home[with_surface]
        surfaces = [found[i] for i in sightings.ids[home].tolist()]
        frames = sightings.frames[home]
        cloud = fuse(surfaces, corrections.T_new[frames], corrections.rows[frames], state.looks, config)
        if cloud is not None:
            track.cloud = cloud
            renewed.add(track.id)
    return renewed


def _moved_apart(
    state: MapState, sightings: Sightings, corrections: Corrections, only: set[int] | None
) -> Iterator[tuple[Track, NDArray[np.intp]]]:
    """Objects, each with its sightings in order of time, that the correction does not move as a whole."""
    order = np.lexsort((sightings.ids, sightings.object_ids))
    owners = sightings.object_ids[order]
    for track in state.tracks.values():
        if len(track.cloud) == 0 or (only is not None and track.id not in only):
            continue
        first, end = np.searchsorted(owners, [track.id, track.id + 1])
        rows = order[first:end]
        rows = rows[sightings.placements[rows] >= track.settled]
        if len(rows) < _FEWEST:
            continue
        C, before = corrections.C[sightings.frames[rows]], sightings.before[rows[-1]]
        if np.ptp(C[:, :3, :3] @ before + C[:, :3, 3], axis=0).max() >= _ALIKE_M:
            yield track, rows


def _at_home(track: Track, sightings: Sightings, rows: NDArray[np.intp], config: MemoryConfig) -> NDArray[np.bool_]:
    """(N,) which sightings lie where the object stands."""
    low, high = track.bounds(config)
    half = half_extents(sightings.sizes[rows], sightings.yaws[rows])
    centers = sightings.centers[rows]
    smaller = np.minimum(2 * np.linalg.norm(half, axis=1), np.linalg.norm(high - low))
    near = np.linalg.norm(centers - (low + high) / 2, axis=1) <= reach_m(smaller)
    return np.asarray(near | (shared_of_smaller(low, high, centers - half, centers + half) >= SAME_SPACE))


def _read(store: Store, ids: NDArray[np.int64]) -> dict[int, MeasuredSurface]:
    rows = store.rows(
        "SELECT observation_id, owner, data FROM surfaces "
        "WHERE observation_id IN (SELECT CAST(value AS INTEGER) FROM json_each(?))",
        (json.dumps(ids.tolist()),),
    )
    store.keys.prefetch(OBJECT, {owner for _, owner, _ in rows})
    found = {row[0]: read_surface(store, row) for row in rows}
    return {row_id: surface for row_id, surface in found.items() if surface is not None}


def read_surface(store: Store, row: tuple[Any, ...]) -> MeasuredSurface | None:
    """The surface of a row (observation, owner, data) of ``surfaces``, None if it cannot be read."""
    try:
        ((_, _, data),) = open_rows(store, "surfaces", ("observation_id", "owner", "data"), [row])
    except StoreError:
        return None
    return MeasuredSurface.unpack(data)


def fuse(
    surfaces: Sequence[MeasuredSurface],
    T_map_camera: NDArray[np.float64],
    frame_rows: NDArray[np.int64],
    looks: LookLog,
    config: MemoryConfig,
) -> VoxelCloud | None:
    """One cloud of L surfaces in order of time, with (L, 4, 4) poses and (L,) frame rows.

    Voxels gain a hit from each surface, and lose one to each thumbnail of these frames that sees through them or shows
    them outside the detection's box. Only those that stay surely solid are kept; None if there are none.
    """
    moved = [transform_points(T, s.points_camera) for T, s in zip(T_map_camera, surfaces, strict=True)]
    points = np.concatenate(moved).astype(np.float32)
    owner = np.repeat(np.arange(len(surfaces)), [len(m) for m in moved])
    weight = np.array([sharpness(s.range_m, config.sharp_range_m) for s in surfaces])
    voxel, means = _voxels(points, weight[owner], config.voxel_m)
    seen = np.zeros((len(surfaces), len(means)), dtype=bool)
    seen[owner, voxel] = True
    patch = weight * np.array([_voxels_per_point(m, config.voxel_m) for m in moved])
    possible = _solid(np.minimum(patch @ seen, _CAP))
    seen, means = seen[:, possible], means[possible]
    boxes, whole = np.stack([s.box for s in surfaces]), np.array([s.whole for s in surfaces])
    hits = _count(seen, patch, looks.denied(means, frame_rows, boxes, whole), weight)
    solid = (hits > 0) & _solid(hits)
    if not solid.any():
        return None
    newest = frame_rows[len(seen) - 1 - seen[::-1].argmax(axis=0)]
    return VoxelCloud.of_surest(
        means[solid], np.minimum(hits[solid], config.hit_cap), newest[solid], config.voxel_m, config.max_voxels
    )


def _voxels(
    points: NDArray[np.float32], weights: NDArray[np.float64], voxel_m: float
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Voxel of each of (M, 3) points, (M,), and the weighted mean in each voxel, (V, 3)."""
    keys, voxel = np.unique(voxel_keys(points, voxel_m), return_inverse=True)
    sums = [np.bincount(voxel, weights * points[:, a], len(keys)) for a in range(3)]
    means = np.stack(sums, axis=1) / np.bincount(voxel, weights, len(keys))[:, None]
    return voxel, means.astype(np.float32)


def _voxels_per_point(points: NDArray[np.floating], voxel_m: float) -> float:
    """How many voxels of its surface each of (N, 3) thinned points stands for: wide surfaces are sampled sparsely."""
    if len(points) < 2:
        return 1.0
    distance, _ = cKDTree(points).query(points[:: len(points) // _ASKED + 1], k=2)
    return max(1.0, float(np.median(distance[:, 1]) / voxel_m) ** 2)


def _count(
    seen: NDArray[np.bool_], gain: NDArray[np.float64], denied: NDArray[np.bool_], loss: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(V,) hits after (L, V) views in order of time, each with its (L,) gain where seen and loss where denied."""
    hits = np.zeros(seen.shape[1])
    for n in range(len(seen)):
        hits = np.minimum(hits + gain[n] * seen[n], _CAP)
        if n:
            hits = np.maximum(hits - loss[n] * denied[n], 0.0)
    return hits


def _solid(hits: NDArray[np.float64]) -> NDArray[np.bool_]:
    rank = len(hits) - len(hits) // 10 - 1
    return np.asarray(hits >= min(_SOLID, float(np.partition(hits, rank)[rank]) / 3))
