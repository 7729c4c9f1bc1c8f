"""Tokens of one chunk of a memory, as a hypernetwork reads them: things, relations, changes and the room itself.

A thing's token carries the shared encoder's vector (label, box, time, looks, and where it stands among the others),
its kind by name, and the appearance of its crops, put through a fixed random projection so that any embedder fits.
Names stay names here: what vector a name gets is the language model's own matter. numpy only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.adapters.memory_reading import SHOWN, TOLD, ChunkReading, gone
from memory_agent_ros.geometry.se3 import R_BODY_OPTICAL
from memory_agent_ros.memory.encoder import Encoder
from memory_agent_ros.memory.tokens import object_tokens
from memory_agent_ros.records.map_object import MapObject

#: Kinds of tokens: the room, a thing, a relation of each kind, a change of each kind.
ROOM, THING = 0, 1
LINK, CHANGE = 2, 2 + len(SHOWN)
KINDS = CHANGE + len(TOLD)
#: Numbers beside the vectors, and width of the appearance.
SCALARS, APPEARANCE = 12, 64
_NO_NAME = ""


@dataclass(frozen=True, eq=False)
class MemoryTokens:
    """Tokens of one chunk.

    Attributes:
        names: all names that occur; the first is the chunk's own, the second "" (no name).
        things: (K,) int64, which names are kinds of things that the chunk tells of, in alphabetical order.
        kind: (N,) int64; token 0 is the room.
        subject, other: (N,) int64, which name each token is about, and which it relates that to.
        encoded: (N, C) float32, the shared encoder's vectors of things, zeros for other tokens.
        appearance: (N, 64) float32, zeros where there is none.
        scalars: (N, 12) float32.
    """

    names: tuple[str, ...]
    things: NDArray[np.int64]
    kind: NDArray[np.int64]
    subject: NDArray[np.int64]
    other: NDArray[np.int64]
    encoded: NDArray[np.float32]
    appearance: NDArray[np.float32]
    scalars: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.kind)


def memory_tokens(readings: Sequence[ChunkReading], encoder: Encoder) -> list[MemoryTokens]:
    """Tokens of some chunks; the encoder reads each chunk's things as one set, from the middle of the room."""
    sets = [object_tokens(r.objects, _viewpoint(r), r.stamp_ns) for r in readings]
    some = [i for i, one in enumerate(sets) if len(one)]
    vectors = dict(zip(some, encoder.encode([sets[i] for i in some]), strict=True))
    empty = np.zeros((0, encoder.network.config.dim), np.float32)
    return [_tokens(r, vectors.get(i, empty)) for i, r in enumerate(readings)]


def _viewpoint(reading: ChunkReading) -> NDArray[np.float64]:
    T = np.eye(4)
    T[:3, :3], T[:3, 3] = R_BODY_OPTICAL, reading.viewpoint
    return T


def _tokens(reading: ChunkReading, vectors: NDArray[np.float32]) -> MemoryTokens:
    names: dict[str, int] = {reading.name: 0}
    names.setdefault(_NO_NAME, 1)
    rows = [(ROOM, reading.name, _NO_NAME, _room_scalars(reading))]
    first = min((o.first_seen_ns for o in reading.objects), default=reading.stamp_ns)
    for obj, home in zip(reading.objects, reading.homes, strict=True):
        rows.append((THING, obj.label, home, _thing_scalars(obj, reading.stamp_ns, first)))
    for link in reading.links:
        rows.append((LINK + SHOWN.index(link.kind), link.subject, link.other, _nothing()))
    for change in reading.changes:
        scalars = _nothing()
        scalars[0], scalars[1] = _ago(reading.stamp_ns, change.stamp_ns), _ago(change.stamp_ns, first)
        scalars[2], scalars[3] = change.before == reading.name, change.after == reading.name
        rows.append((CHANGE + TOLD.index(change.kind), change.label, change.before or change.after, scalars))
    for _, subject, other, _ in rows:
        names.setdefault(subject, len(names))
        names.setdefault(other, len(names))
    count, things = len(reading.objects), slice(1, 1 + len(reading.objects))
    encoded = np.zeros((len(rows), vectors.shape[1]), np.float32)
    appearance = np.zeros((len(rows), APPEARANCE), np.float32)
    encoded[things] = vectors[:count]
    for row, obj in zip(appearance[things], reading.objects, strict=True):
        if obj.embedding is not None:
            row[:] = obj.embedding @ _projection(len(obj.embedding))
    return MemoryTokens(
        tuple(names),
        np.array([names[label] for label in reading.labels], np.int64),
        np.array([r[0] for r in rows], np.int64),
        np.array([names[r[1]] for r in rows], np.int64),
        np.array([names[r[2]] for r in rows], np.int64),
        encoded,
        appearance,
        np.stack([r[3] for r in rows]),
    )


def _nothing() -> NDArray[np.float32]:
    return np.zeros(SCALARS, np.float32)


def _room_scalars(reading: ChunkReading) -> NDArray[np.float32]:
    out = _nothing()
    out[0], out[1] = np.log1p(len(reading.objects)), np.log1p(len(reading.changes))
    return out


def _thing_scalars(obj: MapObject, now_ns: int, first_ns: int) -> NDArray[np.float32]:
    out = _nothing()
    out[0], out[1] = _ago(now_ns, obj.last_seen_ns), _ago(obj.first_seen_ns, first_ns)
    out[2], out[3], out[4] = obj.presence, gone(obj), 1.0 - gone(obj)
    out[5], out[6] = np.log1p(obj.observations) / 3.0, obj.embedding is not None
    out[7:10] = np.log(np.maximum(obj.box.size, 0.01))
    out[10] = obj.box.center[2] - obj.box.size[2] / 2
    out[11] = max(obj.label_probs.values(), default=1.0)
    return out


def _ago(later_ns: int, earlier_ns: int) -> float:
    """Logarithm of the hours between two stamps, about 0 for none and 1 for half a day."""
    return float(np.log1p(max(later_ns - earlier_ns, 0) / 60e9)) / 6.6


@lru_cache(maxsize=16)
def _projection(size: int) -> NDArray[np.float32]:
    """(size, 64) Gaussian projection, the same everywhere: unit vectors become numbers of about 1, cosines stay."""
    rng = np.random.default_rng([size, 60606])
    return np.asarray(rng.standard_normal((size, APPEARANCE)), dtype=np.float32)
