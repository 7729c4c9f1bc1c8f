"""What an object seems to be in two places after a correction: sightings that belong to another thing are taken out.

While the map drifts, a thing may be taken for its neighbour: it stands where the neighbour stood. Once the map is
corrected, the sightings of such an object lie in two places. Those away from its home leave for an object of their own.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from memory_agent_ros.memory.anchors.anchor_rows import Sightings
from memory_agent_ros.memory.anchors.corrections import Corrections
from memory_agent_ros.memory.association.appearance import AppearanceBank
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.map_state import MapState
from memory_agent_ros.memory.storage.store import Store
from memory_agent_ros.memory.track import Track
from memory_agent_ros.memory.voxel_cloud import MeasuredAt, VoxelCloud

#: Frames whose corrections differ by less than this at a place agree about it, metres.
AGREE_M = 0.05
#: Two views of one kind that share so much of the smaller one's box show one thing.
SAME_SPACE = 0.5
#: A cloud of fewer voxels is replaced by its logged box.
_FEW_VOXELS = 6
#: Weight of a surface that is only known from a logged box.
_BOX_HITS = 1.0


def reach_m(diagonal_m: ArrayLike) -> NDArray[np.float64]:
    """How far apart the centres of two views of one thing of this size may lie, metres."""
    return np.maximum(0.15, 0.35 * np.asarray(diagonal_m, dtype=np.float64))


def shared_of_smaller(
    low_a: NDArray[np.float64], high_a: NDArray[np.float64], low_b: NDArray[np.float64], high_b: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Share of the smaller of two boxes that lies in the other, (..., 3) corners: large things are seen in parts."""
    overlap = np.clip(np.minimum(high_a, high_b) - np.maximum(low_a, low_b), 0.0, None).prod(axis=-1)
    volumes = (np.clip(high - low, 0.02, None).prod(axis=-1) for high, low in ((high_a, low_a), (high_b, low_b)))
    return np.asarray(overlap / np.minimum(*volumes))


def half_extents(sizes: NDArray[np.float64], yaws: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 3) half extents along the axes of (N, 3) sizes of boxes turned by (N,) yaws."""
    c, s = np.abs(np.cos(yaws)), np.abs(np.sin(yaws))
    x, y = c * sizes[:, 0] + s * sizes[:, 1], s * sizes[:, 0] + c * sizes[:, 1]
    return np.stack([x, y, sizes[:, 2]], axis=1) / 2


@dataclass(eq=False)
class Visit:
    """Sightings of one object in a row whose corrections agree.

    Attributes:
        rows: indices into the sightings, oldest first.
        center: (3,) median of the corrected box centres; diagonal_m: of the larger boxes.
        low, high: (3,) corners of what most of the boxes fill.
        place: (3,) the median as it was; frame: index of a frame in the middle.
    """

    rows: NDArray[np.intp]
    center: NDArray[np.float64]
    diagonal_m: float
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    place: NDArray[np.float64]
    frame: int


def relative_m(
    corrections: Corrections, a: NDArray[np.intp], b: NDArray[np.intp], places: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(N,) how differently frames ``a`` and ``b`` move (N, 3) places, metres."""
    return np.asarray(np.linalg.norm(corrections.apply(a, places) - corrections.apply(b, places), axis=1))


def mixed_objects(sightings: Sightings, corrections: Corrections) -> dict[int, NDArray[np.intp]]:
    """Objects whose sightings move differently -> their sightings, oldest first."""
    order = np.lexsort((sightings.ids, sightings.object_ids))
    owners = sightings.object_ids[order]
    starts = np.flatnonzero(np.diff(owners, prepend=owners[:1] - 1)) if len(owners) else np.zeros(0, np.intp)
    first = np.repeat(sightings.frames[order[starts]], np.diff(np.append(starts, len(owners))))
    apart = relative_m(corrections, sightings.frames[order], first, sightings.before[order])
    ends = np.append(starts, len(owners))[1:]
    return {
        int(owners[s]): order[s:e]
        for s, e in zip(starts.tolist(), ends.tolist(), strict=True)
        if apart[s:e].max() >= AGREE_M
    }


def visits_of(rows: NDArray[np.intp], sightings: Sightings, corrections: Corrections) -> list[Visit]:
    """Sightings of one object cut where their corrections stop to agree, or it was found at another place."""
    visits, start = [], 0
    for end in range(1, len(rows) + 1):
        if end < len(rows) and sightings.placements[rows[end]] == sightings.placements[rows[start]]:
            here = sightings.before[rows[end]][None]
            frames = sightings.frames[rows[[start, end]]]
            if relative_m(corrections, frames[:1], frames[1:], here)[0] < AGREE_M:
                continue
        part = rows[start:end]
        diagonals = np.linalg.norm(sightings.sizes[part], axis=1)
        half = half_extents(sightings.sizes[part], sightings.yaws[part])
        visits.append(
            Visit(
                part, np.median(sightings.centers[part], axis=0), float(np.quantile(diagonals, 0.75)),
                np.quantile(sightings.centers[part] - half, 0.1, axis=0),
                np.quantile(sightings.centers[part] + half, 0.9, axis=0),
                np.median(sightings.before[part], axis=0), int(sightings.frames[part[len(part) // 2]]),
            )
        )  # fmt: skip
        start = end
    return visits


def away_from_home(visits: list[Visit], corrections: Corrections) -> list[list[Visit]]:
    """Visits that lie where the object cannot have been, those at one place together.

    A visit whose correction agrees with that of the visit before it shares its fate: whatever the memory then decided
    it decided in one consistent map.
    """
    home, strays = visits[0], list[list[Visit]]()
    holder: list[Visit] | None = None
    for before, visit in itertools.pairwise(visits):
        frames = np.array([[before.frame], [visit.frame]])
        agrees = relative_m(corrections, frames[0], frames[1], visit.place[None])[0] < AGREE_M
        if not agrees:
            holder = _stray_at(visit, strays) if not _near(visit, home) else None
            if holder is None and not _near(visit, home):
                strays.append([])
                holder = strays[-1]
        if holder is None:
            home = visit
        else:
            holder.append(visit)
    return strays


def _near(a: Visit, b: Visit) -> bool:
    if float(np.linalg.norm(a.center - b.center)) <= reach_m(max(a.diagonal_m, b.diagonal_m)):
        return True
    return bool(shared_of_smaller(a.low, a.high, b.low, b.high) >= SAME_SPACE)


def _stray_at(visit: Visit, strays: list[list[Visit]]) -> list[Visit] | None:
    return next((s for s in strays if _near(visit, s[-1])), None)


def detach(
    state: MapState,
    store: Store,
    track: Track,
    stray: list[Visit],
    home: Visit,
    sightings: Sightings,
    corrections: Corrections,
    config: MemoryConfig,
) -> Track:
    """Take sightings away from an object, with the voxels nearer to them, as an object of their own."""
    rows = np.concatenate([v.rows for v in stray])
    there = np.median(np.stack([v.center for v in stray]), axis=0)
    points = track.cloud.points
    away = np.linalg.norm(points - there, axis=1) < np.linalg.norm(points - home.center, axis=1)
    cloud = track.cloud.take(away)
    stamps = corrections.stamps_ns[sightings.frames[rows]]
    other = Track(state.next_id("objects"), cloud, int(stamps.min()), bank=AppearanceBank())
    _count(store, track, other, sightings.ids[rows])
    other.last_seen_ns = other.last_looked_ns = int(stamps.max())
    other.first_range_m, other.min_pixels = track.first_range_m, track.min_pixels
    other.log_odds = min(config.hit_gain * len(rows), config.presence_max)
    other.confirmed = len(rows) >= config.confirm_observations and bool(sightings.pictured[rows].any())
    sightings.object_ids[rows], sightings.placements[rows] = other.id, 0
    kept = np.flatnonzero(sightings.object_ids == track.id)
    track.observations = max(track.observations - len(rows), 1)
    if len(kept):
        track.last_seen_ns = int(corrections.stamps_ns[sightings.frames[kept]].max())
        track.confirmed = track.confirmed and bool(sightings.pictured[kept].any())
        _fill(track, kept, sightings, corrections, config)
    _fill(other, rows, sightings, corrections, config)
    state.tracks[other.id] = other
    return other


def _count(store: Store, track: Track, other: Track, ids: NDArray[np.int64]) -> None:
    """Votes and scores of the logged observations ``ids`` go from one object to the other."""
    for chunk in np.array_split(ids, len(ids) // 500 + 1):
        marks = ",".join("?" * len(chunk))
        sql = f"SELECT label, score FROM observations WHERE id IN ({marks})"
        for number, score in store.rows(sql, tuple(chunk.tolist())):
            label = store.words.label(number)
            other.votes.add({label: score}, 1.0)
            other.score_mass += score
            other.observations += 1
    track.score_mass = max(track.score_mass - other.score_mass, 0.0)


def _fill(
    track: Track, rows: NDArray[np.intp], sightings: Sightings, corrections: Corrections, config: MemoryConfig
) -> None:
    """Geometry that was overwritten comes back as its best logged box; the centroid follows."""
    if len(track.cloud) < _FEW_VOXELS:
        best = rows[np.argmax(sightings.quality[rows])]
        cloud = VoxelCloud(config.voxel_m)
        surface = _surface(sightings.centers[best], sightings.sizes[best], float(sightings.yaws[best]), config.voxel_m)
        anchor = int(corrections.rows[sightings.frames[best]])
        cloud.integrate(surface, config.hit_cap, config.max_voxels, _BOX_HITS, MeasuredAt(anchor, 0))
        track.cloud = cloud
    track.centroid = track.cloud.points.mean(axis=0).astype(np.float64)
    track.information = np.eye(3) * 1e2


def _surface(
    center: NDArray[np.float64], size: NDArray[np.float64], yaw: float, spacing_m: float
) -> NDArray[np.float32]:
    """(N, 3) points on the faces of a box."""
    count = np.clip(np.ceil(size / spacing_m).astype(int) + 1, 2, 16)
    grid = np.stack(np.meshgrid(*(np.linspace(-0.5, 0.5, n) for n in count), indexing="ij"), axis=-1).reshape(-1, 3)
    local = grid[(np.abs(grid) > 0.499).any(axis=1)] * size
    c, s = np.cos(yaw), np.sin(yaw)
    R = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    return np.asarray(local @ R.T + center, dtype=np.float32)
