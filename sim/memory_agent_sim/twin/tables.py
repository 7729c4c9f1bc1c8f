"""An apartment as tables: places and ways, floor cells, things, and what is seen from where.

They are made from the layout alone, in about a third of a second, and kept below the user's cache folder.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path
from scipy.spatial import cKDTree

import memory_agent_sim
from memory_agent_sim.assets import write_atomically
from memory_agent_sim.floorplan import FloorPlan
from memory_agent_sim.freespace import rasterize
from memory_agent_sim.layout import Layout, PlacedObject, draw_layout
from memory_agent_sim.twin.bits import unpack
from memory_agent_sim.twin.lattice import build_lattice
from memory_agent_sim.twin.sight import sees_cells, sees_things
from memory_agent_sim.twin.things import ThingBoxes, boxes_of, furniture_boxes
from memory_agent_sim.twin.view import View
from memory_agent_sim.twin.voxels import VoxelGrid, building

CELL_M = 0.25


@dataclass(frozen=True, eq=False)
class TwinTables:
    """An apartment of V places, K floor cells and M things, looked at with S headings.

    Things are numbered as in the simulation (id = index + 1): movable ones, spares (not there at first), furniture.

    Attributes:
        split, seed, placement: which apartment.
        rooms: names of its rooms.
        nodes_xy: (V, 2) float32 places the base can stand on, metres, map frame; ``node_room`` (V,) int16,
            ``node_cell`` (V,) int32 the free floor cell it is on (or the nearest one).
        path_m: (V, V) float32 length of the shortest way; ``hop`` (V, V) int16 next place on the way.
        start: the place nearest to where the robot starts.
        cell_xy: (K, 2) float32 middles of floor cells of 0.25 m; ``cell_room`` (K,) int16; ``cell_free`` (K,) bool, not
            covered by furniture (of a covered cell what stands on it is what can be seen).
        sees_cells: (V, S, bytes) uint8 packed by :mod:`memory_agent_sim.twin.bits`; ``around`` (V, bytes) the same for
            a look all round.
        labels, keys: (M,) texts: category, name of the instance.
        movable: (M,) bool.
        boxes: where the things stand.
        sees_things: (V, S, M) bool.
        range_m: (V, M) float32 distance over the floor between a place and a thing's centre.
        pixels: (V, M) float32 pixels (at 640 x 480) that the thing shows from there when looked at.
    """

    split: str
    seed: int
    placement: str
    rooms: tuple[str, ...]
    nodes_xy: NDArray[np.float32]
    node_room: NDArray[np.int16]
    node_cell: NDArray[np.int32]
    path_m: NDArray[np.float32]
    hop: NDArray[np.int16]
    start: int
    cell_xy: NDArray[np.float32]
    cell_room: NDArray[np.int16]
    cell_free: NDArray[np.bool_]
    sees_cells: NDArray[np.uint8]
    around: NDArray[np.uint8]
    labels: tuple[str, ...]
    keys: tuple[str, ...]
    movable: NDArray[np.bool_]
    boxes: ThingBoxes
    sees_things: NDArray[np.bool_]
    range_m: NDArray[np.float32]
    pixels: NDArray[np.float32]

    def cells_around(self, node: int) -> NDArray[np.bool_]:
        """(K,) bool: cells seen from a place by a look all round."""
        return unpack(self.around[node], len(self.cell_xy))


@lru_cache(maxsize=256)
def twin_tables(split: str, seed: int, placement: str = "uniform", rooms: int | None = None) -> TwinTables:
    """Tables of an apartment, from the cache or made now; not to be written to, as all who ask share them.

    Raises:
        BadInputError: ``split_unknown``, ``placement_unknown``.
    """
    name = f"{split}-{seed}-{placement}-{rooms or 'drawn'}"
    path = _cache_folder() / f"{hashlib.sha256(name.encode()).hexdigest()[:24]}.npz"
    if not path.exists():
        tables = build_tables(drawn_layout(split, seed, placement, rooms), split, seed, placement)
        write_atomically(path, _pack(tables))
        return tables
    with np.load(path) as data:
        return _unpack(dict(data))


@lru_cache(maxsize=512)
def drawn_layout(split: str, seed: int, placement: str, rooms: int | None = None) -> Layout:
    """The layout behind an apartment's tables, kept while the process lives."""
    return draw_layout(split, seed, rooms, placement=placement)


def build_tables(layout: Layout, split: str, seed: int, placement: str, view: View | None = None) -> TwinTables:
    """Tables of a layout, every thing where the layout puts it."""
    view = view or View()
    places = dict(enumerate(layout.objects, start=1))
    fine = layout.grid(0.05)
    lattice = build_lattice(fine, np.array(layout.start[:2]))
    grid = building(layout.plan, furniture_boxes(layout))
    cells, cell_free = _cells(layout, grid)
    seen = sees_cells(grid, view, lattice.xy, cells, cell_free)
    boxes = boxes_of(layout, places)
    sight = sees_things(_with_things(grid, boxes), view, lattice.xy, boxes, np.arange(len(boxes.yaw)))
    instances = [o.instance for o in layout.objects] + list(layout.spares) + [f.instance for f in layout.furniture]
    return TwinTables(
        split=split,
        seed=seed,
        placement=placement,
        rooms=tuple(r.name for r in layout.plan.rooms),
        nodes_xy=lattice.xy,
        node_room=_rooms_of(layout.plan, lattice.xy),
        node_cell=np.flatnonzero(cell_free)[cKDTree(cells[cell_free, :2]).query(lattice.xy)[1]].astype(np.int32),
        path_m=lattice.path_m,
        hop=lattice.hop,
        start=int(np.argmin(np.linalg.norm(lattice.xy - np.array(layout.start[:2]), axis=1))),
        cell_xy=cells[:, :2],
        cell_room=_rooms_of(layout.plan, cells[:, :2]),
        cell_free=cell_free,
        sees_cells=seen,
        around=np.bitwise_or.reduce(seen, axis=1),
        labels=tuple(i.category for i in instances),
        keys=tuple(i.key for i in instances),
        movable=np.arange(len(instances)) < len(instances) - len(layout.furniture),
        boxes=boxes,
        sees_things=sight.sees,
        range_m=sight.range_m,
        pixels=sight.pixels,
    )


def with_places(
    tables: TwinTables, layout: Layout, places: dict[int, PlacedObject], view: View | None = None
) -> TwinTables:
    """The tables after movable things went elsewhere; only the rows of those that did are made anew.

    ``layout`` is the one behind the tables; ``places`` (id -> place) says where every movable thing is that is there.
    """
    boxes = boxes_of(layout, places)
    moved = (boxes.present != tables.boxes.present) | (boxes.center != tables.boxes.center).any(axis=1)
    which = np.flatnonzero(moved | (boxes.yaw != tables.boxes.yaw))
    grid = _with_things(building(layout.plan, furniture_boxes(layout)), boxes)
    sight = sees_things(grid, view or View(), tables.nodes_xy, boxes, which)
    sees, range_m, pixels = tables.sees_things.copy(), tables.range_m.copy(), tables.pixels.copy()
    sees[:, :, which], range_m[:, which], pixels[:, which] = sight.sees, sight.range_m, sight.pixels
    return replace(tables, boxes=boxes, sees_things=sees, range_m=range_m, pixels=pixels)


def _with_things(grid: VoxelGrid, boxes: ThingBoxes) -> VoxelGrid:
    painted = grid.copy()
    for i in np.flatnonzero(boxes.present & ~np.isin(np.arange(len(boxes.yaw)) + 1, np.unique(grid.owner))):
        painted.paint_turned(boxes.center[i], boxes.size[i], float(boxes.yaw[i]), int(i) + 1)
    return painted


def _cells(layout: Layout, grid: VoxelGrid) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """(K, 3) what is to be seen of each floor cell, (K,) whether it is free floor."""
    empty = rasterize(layout.plan, [], CELL_M)
    rows, columns = np.nonzero(empty.free)
    xy = empty.origin + (np.stack([columns, rows], axis=1) + 0.5) * CELL_M
    at = np.floor((xy - grid.origin[:2]) / 0.05).astype(int)
    column = grid.owner[at[:, 0], at[:, 1]]
    filled = (column != 0) & (column != 255)
    top = np.where(filled.any(axis=1), filled.shape[1] - np.argmax(filled[:, ::-1], axis=1), 0) * 0.05
    height = np.where(top > 0, np.minimum(top + 0.03, 1.0), 0.02)
    return np.concatenate([xy, height[:, None]], axis=1).astype(np.float32), top == 0


def _rooms_of(plan: FloorPlan, xy: NDArray[np.floating]) -> NDArray[np.int16]:
    low, high = np.array([r.minimum for r in plan.rooms]), np.array([r.maximum for r in plan.rooms])
    gap = np.maximum(np.maximum(low - xy[:, None], xy[:, None] - high), 0).sum(axis=2)
    nearest: NDArray[np.int16] = np.argmin(gap, axis=1).astype(np.int16)
    return nearest


# ---------------------------------------------------------------------- cache


@lru_cache(maxsize=1)
def _code_digest() -> str:
    """Changes with the code that draws apartments and makes tables, so that no table outlives it."""
    folder = Path(memory_agent_sim.__file__).parent
    parts = ("catalogue", "floorplan", "freespace", "furnishing", "furniture", "habits", "instances", "layout", "robot")
    files = [folder / f"{part}.py" for part in parts]
    files += sorted((folder / "twin").glob("*.py"))
    return hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()[:16]


def _cache_folder() -> Path:
    folder = user_cache_path("memory_agent_ros") / "twin" / _code_digest()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _pack(tables: TwinTables) -> dict[str, NDArray[Any]]:
    arrays = {f.name: np.asarray(getattr(tables, f.name)) for f in fields(TwinTables) if f.name != "boxes"}
    return arrays | {f"box_{f.name}": getattr(tables.boxes, f.name) for f in fields(ThingBoxes)}


def _unpack(data: dict[str, NDArray[Any]]) -> TwinTables:
    boxes = ThingBoxes(**{f.name: data[f"box_{f.name}"] for f in fields(ThingBoxes)})
    values: dict[str, Any] = {f.name: data[f.name] for f in fields(TwinTables) if f.name != "boxes"}
    values |= {k: int(values[k]) for k in ("seed", "start")}
    values |= {k: str(values[k]) for k in ("split", "placement")}
    values |= {k: tuple(str(t) for t in values[k]) for k in ("rooms", "labels", "keys")}
    return TwinTables(boxes=boxes, **values)
