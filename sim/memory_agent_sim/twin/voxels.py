"""What fills the space of an apartment, on a grid of small cubes, and which straight lines through it are free."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from memory_agent_sim.boxes import Bounds
from memory_agent_sim.floorplan import HALF_WALL, FloorPlan
from memory_agent_sim.scene import room_walls

EDGE_M = 0.05
#: Nothing higher matters to a camera at 1.2 m that looks down.
HEIGHT_M = 1.9
WALL = 255
_CHUNK = 1 << 14


@dataclass(frozen=True, eq=False)
class VoxelGrid:
    """(X, Y, Z) uint8 owners of the cubes: 0 nothing, 255 the building, else number of the thing plus 1."""

    owner: NDArray[np.uint8]
    origin: NDArray[np.float64]

    def paint(self, box: Bounds, owner: int) -> None:
        """Fill a box ``(x0, y0, z0, x1, y1, z1)``, at least one cube thick."""
        low = np.floor((np.array(box[:3]) - self.origin) / EDGE_M + 0.5).astype(int)
        high = np.floor((np.array(box[3:]) - self.origin) / EDGE_M + 0.5).astype(int)
        middle = np.floor((np.add(box[:3], box[3:]) / 2 - self.origin) / EDGE_M).astype(int)
        low, high = np.where(high > low, low, middle), np.where(high > low, high, middle + 1)
        low, high = np.maximum(low, 0), np.maximum(high, 0)
        self.owner[low[0] : high[0], low[1] : high[1], low[2] : high[2]] = owner

    def paint_turned(self, center: NDArray[np.float64], size: NDArray[np.float64], yaw: float, owner: int) -> None:
        """Fill those empty cubes whose middle lies in a box turned about z, at least the one in its middle."""
        reach = float(np.hypot(size[0], size[1])) / 2
        half = np.array([reach, reach, size[2] / 2])
        low = np.floor((center - half - self.origin) / EDGE_M).astype(int)
        high = np.floor((center + half - self.origin) / EDGE_M).astype(int) + 1
        low, high = np.maximum(low, 0), np.minimum(np.maximum(high, 0), self.owner.shape)
        x, y, z = (self.origin[i] + (np.arange(low[i], high[i]) + 0.5) * EDGE_M - center[i] for i in range(3))
        c, s = np.cos(yaw), np.sin(yaw)
        u, v = c * x[:, None] + s * y, c * y - s * x[:, None]
        inside = (np.abs(u) <= size[0] / 2) & (np.abs(v) <= size[1] / 2)
        part = self.owner[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
        part[(inside[..., None] & (np.abs(z) <= size[2] / 2)) & (part == 0)] = owner

    def copy(self) -> VoxelGrid:
        """The same, to be painted on."""
        return VoxelGrid(self.owner.copy(), self.origin)

    def clear(
        self,
        eye: NDArray[np.float32],
        target: NDArray[np.float32],
        own: NDArray[np.uint8],
        grace_m: NDArray[np.float32] | float = 0.0,
        step_m: float = EDGE_M,
    ) -> NDArray[np.bool_]:
        """(N,) bool: which straight lines meet nothing.

        ``eye``, ``target``: (N, 3) ends, metres, map frame. ``own``: (N,) owner that does not block (the thing looked
        at, plus 1; 0 for none). ``grace_m``: (N,) or number, the last so many metres are not tested. ``step_m``: the
        lines are tested at points so far apart.
        """
        free = np.ones(len(eye), dtype=bool)
        length = np.linalg.norm(target - eye, axis=1).astype(np.float32)
        tested = np.maximum(length - grace_m, 0.0)
        order = np.argsort(length)
        for begin in range(0, len(order), _CHUNK):
            rows = order[begin : begin + _CHUNK]
            unit = (target[rows] - eye[rows]) / np.maximum(length[rows, None], 1e-6)
            self._march(eye[rows], unit, own[rows], tested[rows].astype(np.float32), rows, free, step_m)
        return free

    def _march(
        self,
        eye: NDArray[np.float32],
        unit: NDArray[np.float32],
        own: NDArray[np.uint8],
        length: NDArray[np.float32],
        rows: NDArray[np.int64],
        free: NDArray[np.bool_],
        step_m: float,
    ) -> None:
        """Test points of all lines at once, far apart ones first; lines that are blocked drop out."""
        _, size_y, size_z = self.owner.shape
        flat = self.owner.ravel()
        start = np.ascontiguousarray(((eye - self.origin) / EDGE_M).T.astype(np.float32))
        way = np.ascontiguousarray((unit / EDGE_M).T.astype(np.float32))
        for k in _spread(int(np.ceil(float(length.max(initial=step_m)) / step_m))):
            x, y, z = (start + way * np.minimum(np.float32((k + 0.5) * step_m), length)).astype(np.int32)
            met = flat.take((x * size_y + y) * size_z + z, mode="clip")
            blocked = (met != 0) & (met != own) & ((k + 0.5) * step_m < length)
            if np.count_nonzero(blocked) * 16 > len(rows):
                free[rows[blocked]] = False
                kept = np.flatnonzero(~blocked)
                start, way, own, length, rows = start[:, kept], way[:, kept], own[kept], length[kept], rows[kept]
            elif blocked.any():
                free[rows[blocked]] = False
            if len(rows) == 0:
                return


@lru_cache(maxsize=256)
def _spread(count: int) -> tuple[int, ...]:
    """0 .. count - 1 in an order that covers the range coarsely first."""
    order: list[int] = []
    for stride in (16, 8, 4, 2, 1):
        order += [k for k in range(stride // 2, count, stride) if k not in order]
    return tuple(order + [k for k in range(count) if k not in order])


def building(plan: FloorPlan, furniture: Iterable[tuple[int, list[Bounds]]]) -> VoxelGrid:
    """Walls, and furniture as (owner, boxes in the map frame)."""
    low = np.min([r.minimum for r in plan.rooms], axis=0) - HALF_WALL - EDGE_M
    high = np.max([r.maximum for r in plan.rooms], axis=0) + HALF_WALL + EDGE_M
    shape = (*np.ceil((high - low) / EDGE_M).astype(int), round(HEIGHT_M / EDGE_M))
    grid = VoxelGrid(np.zeros(shape, dtype=np.uint8), np.array([low[0], low[1], 0.0]))
    for owner, boxes in furniture:
        for box in boxes:
            grid.paint(box, owner)
    for index in range(len(plan.rooms)):
        for wall in room_walls(plan, index)[0]:
            grid.paint(wall, WALL)
    return grid
