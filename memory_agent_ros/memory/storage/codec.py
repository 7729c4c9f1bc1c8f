"""Tracks as database rows and back."""

from __future__ import annotations

import json
import math
import operator
import zlib
from typing import Any

import numpy as np

from memory_agent_ros.memory.anchors.former_places import pack_former, unpack_former
from memory_agent_ros.memory.association.appearance import AppearanceBank
from memory_agent_ros.memory.association.labels import LabelVotes
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.corrections.by_hand import ByHand
from memory_agent_ros.memory.indexes.object_index import IndexEntry, entry_of, flags_of, voted_labels
from memory_agent_ros.memory.presence.detection_model import DetectionRate
from memory_agent_ros.memory.storage.damage import told_as_damage
from memory_agent_ros.memory.storage.words import Words
from memory_agent_ros.memory.track import Track, Views
from memory_agent_ros.memory.trust.claims import pack_claims, unpack_claims
from memory_agent_ros.memory.voxel_cloud import VoxelCloud
from memory_agent_ros.records.errors import StoreError

#: Plain numbers of a track that go into ``objects.body`` as they are.
_PLAIN = (
    "log_odds", "score_mass", "placement", "negatives", "last_negative_ns", "shifted", "conflicts", "first_range_m",
    "announced_ns", "logged_ns",
)  # fmt: skip


#: Columns of ``objects`` that a track is made of, in the order :func:`track_of` takes them.
TRACK_COLUMNS = (
    "id", "label", "confirmed", "gone", "presence", "x", "y", "z", "observations", "first_seen_ns", "last_seen_ns",
    "last_looked_ns", "body", "bank",
)  # fmt: skip

#: Columns of ``objects o JOIN boxes b`` that an index entry is made of.
ENTRY_COLUMNS = (
    "o.id, o.label, o.labels, o.flags, o.cx, o.cy, o.cz, o.first_seen_ns, o.last_seen_ns, o.presence, o.observations, "
    "b.x0, b.x1, b.y0, b.y1, b.z0, b.z1"
)

#: How much larger a stored box is on each side, metres.
BOX_MARGIN_M = 0.05


def object_row(track: Track, config: MemoryConfig, version: int) -> tuple[Any, ...]:
    """Values of the ``objects`` table; ``version`` counts the transactions of the file."""
    low, high = track.bounds(config)
    x, y, z = ((low + high) / 2).tolist()
    body = {name: getattr(track, name) for name in _PLAIN}
    body |= {
        "votes": track.votes.votes,
        "doubtful": track.votes.doubtful,
        "pinned": track.votes.pinned,
        "rate": track.rate.values(),
        "views": [track.views.best, track.views.directions],
        "centroid": track.centroid.tolist(),
        "information": track.information.ravel().tolist(),
        "min_pixels": track.min_pixels if math.isfinite(track.min_pixels) else None,
        "announced": None if track.announced is None else track.announced.tolist(),
        "bank_weights": track.bank.weights.tolist(),
        "settled": track.settled,
        "by_hand": track.by_hand.values(),
    }
    if track.claims:
        body["claims"] = pack_claims(track.claims)
    return (
        track.id, track.label, int(track.confirmed), int(track.gone), track.presence, x, y, z, track.observations,
        track.first_seen_ns, track.last_seen_ns, track.last_looked_ns, json.dumps(body), track.bank.vectors.tobytes(),
        *index_columns(track), version,
    )  # fmt: skip


def index_columns(track: Track) -> tuple[Any, ...]:
    """Values of ``cx, cy, cz, labels, flags`` of the ``objects`` table."""
    return (*track.centroid.tolist(), json.dumps(voted_labels(track)), flags_of(track))


def box_row(track: Track) -> tuple[float, ...]:
    """Values of the ``boxes`` table: a box around all points, wide enough that it need not be written at each step."""
    entry = entry_of(track)
    spans = ((low - BOX_MARGIN_M, high + BOX_MARGIN_M) for low, high in zip(entry.low, entry.high, strict=True))
    return (track.id, *(v for span in spans for v in span))


@told_as_damage("objects")
def entry_of_row(row: tuple[Any, ...], words: Words) -> IndexEntry:
    """The index entry of a row of :data:`ENTRY_COLUMNS` as it is stored."""
    (object_id, label, labels, flags, cx, cy, cz, first, last, presence, observations, x0, x1, y0, y1, z0, z1) = row
    return IndexEntry(
        object_id, words.label(label), tuple(map(words.label, json.loads(labels))),
        (x0, y0, z0), (x1, y1, z1), (cx, cy, cz), flags, first, last,
        presence, observations,
    )  # fmt: skip


def cloud_row(track: Track, config: MemoryConfig | None = None) -> tuple[Any, ...]:
    """Values of the ``clouds`` table. The box goes with it if it is known, or if ``config`` says how to fit it."""
    keys, points = track.cloud.keys.tobytes(), track.cloud.points.tobytes()
    hits, anchors = track.cloud.hits.tobytes(), track.cloud.anchors.tobytes()
    return (
        track.id,
        track.cloud.voxel_m,
        keys,
        points,
        hits,
        cloud_crc(keys, points, hits, anchors),
        anchors,
        _packed_box(track, config),
        pack_former(track.former),
    )


def _packed_box(track: Track, config: MemoryConfig | None) -> bytes | None:
    if config is not None and len(track.cloud):
        track.box(config)
    known = track.cloud.known_box()
    if known is None:
        return None
    min_hits, (center, size, yaw) = known
    return np.array([min_hits, *center, *size, yaw]).tobytes()


@told_as_damage("the points of objects")
def cloud_crc(keys: bytes, points: bytes, hits: bytes, anchors: bytes | None) -> int:
    """Checksum of a cloud's blobs; clouds written before there were anchors have None."""
    return zlib.crc32(anchors or b"", zlib.crc32(hits, zlib.crc32(points, zlib.crc32(keys))))


def damaged_cloud(object_id: int) -> StoreError:
    """What to say of points that do not fit their checksum."""
    return StoreError(f"the points of object {object_id} are damaged; restore the map from a copy made with save()")


@told_as_damage("the points of objects")
def cloud_of(
    object_id: int,
    voxel_m: float,
    keys: bytes,
    points: bytes,
    hits: bytes,
    crc: int | None,
    anchors: bytes | None,
    box: bytes | None = None,
) -> VoxelCloud:
    """Inverse of :func:`cloud_row`; without ``crc`` nothing is checked.

    Raises:
        StoreError: the checksum does not fit.
    """
    if crc is not None and cloud_crc(keys, points, hits, anchors) != crc:
        raise damaged_cloud(object_id)
    cloud = VoxelCloud(voxel_m)
    cloud.keys = np.frombuffer(keys, dtype=np.int64).copy()
    cloud.points = np.frombuffer(points, dtype=np.float32).reshape(-1, 3).copy()
    cloud.hits = np.frombuffer(hits, dtype=np.float32).copy()
    known = np.frombuffer(anchors or b"", dtype=np.int32)
    cloud.anchors = known.copy() if len(known) == len(cloud.keys) else np.zeros(len(cloud.keys), dtype=np.int32)
    if box is not None:
        values = np.frombuffer(box)
        cloud.remember_box(int(values[0]), (values[1:4].copy(), values[4:7].copy(), float(values[7])))
    return cloud


@told_as_damage("objects")
def track_of(row: tuple[Any, ...], cloud: VoxelCloud, former: bytes | None = None) -> Track:
    """Inverse of :func:`object_row`; ``former`` as in the ``clouds`` table."""
    (object_id, label, confirmed, gone, _, _, _, _, observations, first, last, looked, text, vectors) = row
    first, last, looked, observations = map(operator.index, (first, last, looked, observations))
    body = json.loads(text)
    weights = np.array(body["bank_weights"], dtype=np.float32)
    bank = np.frombuffer(vectors, dtype=np.float32)
    track = Track(
        object_id,
        cloud,
        first,
        LabelVotes(body["votes"], body["doubtful"], body["pinned"], label),
        AppearanceBank(
            bank.reshape(len(weights), -1).copy() if len(weights) else np.zeros((0, 0), np.float32), weights
        ),
        DetectionRate.of(body["rate"]),
        Views(body["views"][0], body["views"][1]),
        np.array(body["centroid"]),
        np.array(body["information"]).reshape(3, 3),
        confirmed=bool(confirmed),
        gone=bool(gone),
        observations=observations,
        last_seen_ns=last,
        last_looked_ns=looked,
        min_pixels=math.inf if body["min_pixels"] is None else body["min_pixels"],
        announced=None if body["announced"] is None else np.array(body["announced"]),
    )
    for name in _PLAIN:
        setattr(track, name, body[name])
    track.settled = body.get("settled", 0)
    track.by_hand = ByHand.of(body.get("by_hand", {}))
    track.claims = unpack_claims(body.get("claims", {}))
    track.former = unpack_former(former)
    return track
