"""Present objects as plain arrays, for rooms and relations of thousands of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.track import Track


@dataclass(frozen=True, eq=False)
class ObjectTable:
    """Boxes of N objects in the map frame.

    Attributes:
        key: changes with any object; for caches.
        ids: (N,) object ids, rising.
        labels: label and its probability of each object.
        center, size: (N, 3) of the boxes, metres; yaw: (N,) radians.
        std_m: (N,) standard deviation of a position along one axis.
        clouds: (M, 3) surface points of each object; voxel_m: (N,) edge of their voxels.
    """

    key: tuple[tuple[int, int, str, int], ...]
    ids: NDArray[np.int64]
    labels: tuple[tuple[str, float], ...]
    center: NDArray[np.float64]
    size: NDArray[np.float64]
    yaw: NDArray[np.float64]
    std_m: NDArray[np.float64]
    clouds: tuple[NDArray[np.float32], ...]
    voxel_m: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.ids)

    def rows(self, ids: Iterable[int]) -> dict[int, int]:
        """Object id -> row, of those that are in the table."""
        found = {int(i): n for n, i in enumerate(self.ids)}
        return {i: found[i] for i in ids if i in found}


def table_key(tracks: Iterable[Track]) -> tuple[tuple[int, int, str, int], ...]:
    """What the table of these tracks depends on."""
    return tuple(sorted((t.id, t.cloud.revision, t.label, t.placement) for t in tracks if t.confirmed and not t.gone))


def build_table(tracks: Iterable[Track], config: MemoryConfig) -> ObjectTable:
    """Confirmed present objects, by id."""
    present = sorted((t for t in tracks if t.confirmed and not t.gone), key=lambda t: t.id)
    boxes = [t.box(config) for t in present]
    count = len(present)
    information = np.array([t.information for t in present]).reshape(count, 3, 3) + 1e-3 * np.eye(3)
    spread = np.trace(np.linalg.inv(information), axis1=1, axis2=2) / 3 if count else np.zeros(0)
    return ObjectTable(
        table_key(present),
        np.array([t.id for t in present], dtype=np.int64),
        tuple((t.label, t.votes.probs().get(t.label, 1.0)) for t in present),
        np.array([b.center for b in boxes], dtype=np.float64).reshape(count, 3),
        np.array([b.size for b in boxes], dtype=np.float64).reshape(count, 3),
        np.array([b.yaw for b in boxes], dtype=np.float64),
        np.sqrt(np.minimum(spread, 1.0) + (config.voxel_m / 2) ** 2),
        tuple(t.cloud.points for t in present),
        np.array([t.cloud.voxel_m for t in present], dtype=np.float64),
    )
