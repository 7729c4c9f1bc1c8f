"""Sets of floor cells as packed bits, in whole 64-bit words so that counting is quick."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_WORD = 64
_BYTE_COUNTS = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(axis=1).astype(np.int64)


def packed_bytes(count: int) -> int:
    """Bytes that hold ``count`` bits in whole words."""
    return (count + _WORD - 1) // _WORD * (_WORD // 8)


def pack(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """(..., K) bool -> (..., :func:`packed_bytes`) uint8, first bit highest."""
    packed = np.packbits(mask, axis=-1)
    room = packed_bytes(mask.shape[-1]) - packed.shape[-1]
    return np.pad(packed, [(0, 0)] * (mask.ndim - 1) + [(0, room)])


def unpack(packed: NDArray[np.uint8], count: int) -> NDArray[np.bool_]:
    """The inverse of :func:`pack`: (..., count) bool."""
    return np.unpackbits(packed, axis=-1, count=count).astype(bool)


def popcount(packed: NDArray[np.uint8]) -> NDArray[np.int64]:
    """(..., bytes) uint8 in whole words -> (...) number of ones."""
    words = np.ascontiguousarray(packed).view(np.uint64)
    if hasattr(np, "bitwise_count"):  # numpy 2
        counts: NDArray[np.int64] = np.bitwise_count(words).sum(axis=-1, dtype=np.int64)
        return counts
    found: NDArray[np.int64] = _BYTE_COUNTS[packed].sum(axis=-1)
    return found
