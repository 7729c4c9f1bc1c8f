"""Which room is which: ids and given names that outlast every new segmentation."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

#: Fine cells along one edge of a block; a room is remembered by the blocks it covers.
_BLOCK = 4
_STRIDE = 1 << 24
#: Least share of the smaller one's blocks that two rooms share if they are the same.
_SAME = 0.4


def blocks_of(cells: NDArray[np.integer], first: NDArray[np.integer]) -> NDArray[np.int64]:
    """Keys of the blocks that (N, 2) cells (row, column) fall in; ``first`` (2,) is the absolute cell (0, 0)."""
    block = (np.asarray(cells, dtype=np.int64) + np.asarray(first, dtype=np.int64)) // _BLOCK + _STRIDE // 2
    return np.unique(block[:, 0] * _STRIDE + block[:, 1])


@dataclass
class RoomBook:
    """Rooms known so far.

    Attributes:
        blocks: id -> keys of the blocks it covered when it was last found.
        given: id -> name given by hand.
        last_id: highest id given out.
        revision: grows with every change worth keeping; saved: the revision that is in the map file.
    """

    blocks: dict[int, NDArray[np.int64]] = field(default_factory=dict)
    given: dict[int, str] = field(default_factory=dict)
    last_id: int = 0
    revision: int = 0
    saved: int = 0

    def match(self, found: list[NDArray[np.int64]]) -> list[int]:
        """Ids of newly found rooms (blocks of each): the id of the known room it overlaps most, or a new one.

        One to one, largest total overlap. A known room that was not found again is kept: it may not have been merged
        for good.
        """
        known = list(self.blocks)
        shared = np.array([[len(np.intersect1d(self.blocks[k], f)) for k in known] for f in found]).reshape(
            len(found), len(known)
        )
        rows, columns = linear_sum_assignment(-shared)
        ids = [0] * len(found)
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            least = min(len(found[row]), len(self.blocks[known[column]]))
            if shared[row, column] > 0 and shared[row, column] >= _SAME * least:
                ids[row] = known[column]
        for row, blocks in enumerate(found):
            if ids[row] == 0:
                self.last_id += 1
                ids[row] = self.last_id
            before = self.blocks.get(ids[row])
            if before is None or not np.array_equal(before, blocks):
                self.blocks[ids[row]] = blocks
                self.revision += 1
        return ids

    def to_json(self) -> str:
        """As kept in the map file: blocks as runs [row, first column, last column]."""
        rooms = [
            {"id": i, "name": self.given.get(i), "runs": _runs(blocks).tolist()} for i, blocks in self.blocks.items()
        ]
        return json.dumps({"last_id": self.last_id, "rooms": rooms}, separators=(",", ":"))

    @staticmethod
    def from_json(text: str) -> RoomBook:
        """Inverse of :meth:`to_json`."""
        document = json.loads(text)
        book = RoomBook(last_id=int(document["last_id"]))
        for room in document["rooms"]:
            runs = [row * _STRIDE + np.arange(a, b + 1, dtype=np.int64) for row, a, b in room["runs"]]
            book.blocks[int(room["id"])] = np.concatenate(runs) if runs else np.zeros(0, np.int64)
            if room["name"]:
                book.given[int(room["id"])] = str(room["name"])
        return book


def _runs(blocks: NDArray[np.int64]) -> NDArray[np.int64]:
    """(N,) rising block keys -> (M, 3) row, first and last column of runs."""
    if len(blocks) == 0:
        return np.zeros((0, 3), dtype=np.int64)
    starts = np.flatnonzero(np.diff(blocks, prepend=blocks[0] - 2) != 1)
    ends = np.append(starts[1:], len(blocks)) - 1
    return np.stack([blocks[starts] // _STRIDE, blocks[starts] % _STRIDE, blocks[ends] % _STRIDE], axis=1)
