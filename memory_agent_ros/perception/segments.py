"""Class-agnostic RGB-D segmentation: what stands out of the planes of a room, by connected depth."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from memory_agent_ros.perception.surfaces import PointGrid, horizontal_planes, point_grid, wall_cells
from memory_agent_ros.records.frame import Frame


@dataclass(frozen=True)
class SegmentationConfig:
    """How a depth image falls into segments.

    Attributes:
        grid_width: cells across the image that is segmented, [40, 640].
        maximum_depth_m: farther readings are not used, metres, [1, 10].
        plane_tolerance_m: half thickness of a plane at close range, metres, [0.005, 0.1].
        plane_share: share of all cells that a plane must gather, [0.002, 0.5].
        surface_area_m2: smallest visible support surface (table top), square metres, [0.02, 5].
        connect_m: neighbouring cells with a smaller step in depth (plus 2.5 % of the range) are connected, metres,
            [0.005, 0.2].
        minimum_cells: smallest object, cells, [4, 5000].
        minimum_core: share of an object's cells that have all eight neighbours; thinner ones are rims, [0, 1].
        minimum_size_m, maximum_size_m: longest edge of an object, metres, [0.01, 5].
    """

    grid_width: int = 160
    maximum_depth_m: float = 4.0
    plane_tolerance_m: float = 0.02
    plane_share: float = 0.015
    surface_area_m2: float = 0.2
    connect_m: float = 0.015
    minimum_cells: int = 25
    minimum_core: float = 0.2
    minimum_size_m: float = 0.05
    maximum_size_m: float = 1.6


class SegmentKind(enum.StrEnum):
    """What a segment is by its geometry."""

    OBJECT = "object"
    SURFACE = "surface"


@dataclass(frozen=True, eq=False)
class Segment:
    """A part of the image.

    Attributes:
        kind: free-standing object or support surface.
        cells: (H, W) bool on the grid of its :class:`Segmentation`.
        low, high: (3,) corners of its points' axis-aligned box in the map frame, metres.
        area_m2: visible area, square metres.
    """

    kind: SegmentKind
    cells: NDArray[np.bool_]
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    area_m2: float


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Segments of one frame.

    Attributes:
        grid: the points that were segmented.
        segments: objects and support surfaces.
        floor, wall: (H, W) bool cells of the floor and of walls.
    """

    grid: PointGrid
    segments: list[Segment]
    floor: NDArray[np.bool_]
    wall: NDArray[np.bool_]


def segment(frame: Frame, config: SegmentationConfig | None = None) -> Segmentation:
    """Segments of a frame whose map frame is gravity-aligned (z up)."""
    config = config or SegmentationConfig()
    grid = point_grid(frame, config.grid_width, config.maximum_depth_m)
    least = max(int(config.plane_share * grid.valid.size), 12)
    planes, heights = horizontal_planes(grid, config.plane_tolerance_m, least)
    cell_area = _cell_areas(frame, grid)
    floor = np.zeros(grid.valid.shape, dtype=bool)
    segments: list[Segment] = []
    surface = np.zeros(grid.valid.shape, dtype=bool)
    for number, height in enumerate(heights, start=1):
        if height < 0.12:
            floor |= planes == number
            continue
        for found in _pieces(planes == number, grid, cell_area, SegmentKind.SURFACE, 12):
            if found.area_m2 >= config.surface_area_m2:
                segments.append(found)
                surface |= found.cells
    floor |= grid.valid & (grid.points[..., 2] < 0.03)
    wall = wall_cells(grid, floor | surface, config.plane_tolerance_m, 2 * least)
    free = grid.valid & ~floor & ~surface & ~wall
    free = ndimage.binary_opening(free, iterations=1) & free
    segments += [s for s in _objects(free, grid, cell_area, config) if _plausible(s, config)]
    return Segmentation(grid, segments, floor, wall)


def full_mask(cells: NDArray[np.bool_], frame: Frame) -> NDArray[np.bool_]:
    """(H, W) grid cells -> mask of the size of the colour image."""
    size = (frame.camera.width, frame.camera.height)
    soft = cv2.resize(cells.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    mask: NDArray[np.bool_] = soft >= 0.5
    return mask


def _cell_areas(frame: Frame, grid: PointGrid) -> NDArray[np.float32]:
    """Area of surface that each cell sees, square metres; slant is limited to 80 degrees."""
    view = grid.points - frame.T_map_camera[:3, 3].astype(np.float32)
    cosine = -(grid.normals * view).sum(axis=2) / np.maximum(np.linalg.norm(view, axis=2), 1e-6)
    across = grid.stride[0] / frame.camera.K[0, 0] * grid.stride[1] / frame.camera.K[1, 1]
    area: NDArray[np.float32] = (grid.z**2 * across / np.clip(cosine, 0.17, 1.0)).astype(np.float32)
    return area


def _objects(
    free: NDArray[np.bool_], grid: PointGrid, cell_area: NDArray[np.float32], config: SegmentationConfig
) -> list[Segment]:
    """Connected components of ``free``; two neighbours are connected if depth does not step between them."""
    index = np.arange(free.size).reshape(free.shape)
    heads, tails = [], []
    for a, b in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        limit = config.connect_m + 0.025 * grid.z[a]
        linked = free[a] & free[b] & (np.abs(grid.z[a] - grid.z[b]) < limit)
        heads.append(index[a][linked])
        tails.append(index[b][linked])
    head, tail = np.concatenate(heads), np.concatenate(tails)
    graph = coo_array((np.ones(len(head), dtype=np.int8), (head, tail)), shape=(free.size, free.size))
    _, component = connected_components(graph, directed=False)
    component = np.where(free.ravel(), component, -1)
    counts = np.bincount(component[component >= 0], minlength=1)
    return [
        _segment((component == number).reshape(free.shape), grid, cell_area, SegmentKind.OBJECT)
        for number in np.flatnonzero(counts >= config.minimum_cells)
    ]


def _pieces(
    cells: NDArray[np.bool_], grid: PointGrid, cell_area: NDArray[np.float32], kind: SegmentKind, least: int
) -> list[Segment]:
    """Connected pieces of a plane, small holes (things standing on it) bridged."""
    labels, _ = ndimage.label(ndimage.binary_dilation(cells, iterations=2))
    labels = np.where(cells, labels, 0)
    counts = np.bincount(labels.ravel())
    return [
        _segment(labels == number, grid, cell_area, kind) for number in np.flatnonzero(counts >= least) if number > 0
    ]


def _segment(cells: NDArray[np.bool_], grid: PointGrid, cell_area: NDArray[np.float32], kind: SegmentKind) -> Segment:
    points = grid.points[cells]
    low, high = np.quantile(points, [0.02, 0.98], axis=0).astype(np.float32)
    return Segment(kind, cells, low, high, float(cell_area[cells].sum()))


def _plausible(found: Segment, config: SegmentationConfig) -> bool:
    """Of an object's size, and not a thin strip such as the rim that a depth shadow leaves on a wall."""
    longest = float((found.high - found.low).max())
    if not config.minimum_size_m <= longest <= config.maximum_size_m:
        return False
    core = ndimage.binary_erosion(found.cells, structure=np.ones((3, 3)))
    return bool(np.count_nonzero(core) >= config.minimum_core * np.count_nonzero(found.cells))
