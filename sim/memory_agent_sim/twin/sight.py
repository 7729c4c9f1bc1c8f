"""What is seen from each place and heading: floor cells and things, by rays through the voxels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_sim.twin.bits import pack
from memory_agent_sim.twin.things import ThingBoxes
from memory_agent_sim.twin.view import HEADINGS, View
from memory_agent_sim.twin.voxels import VoxelGrid

#: Highest point of a piece of furniture that is looked at, metres: the grid of voxels ends above.
_TOP_M = 1.8
#: The last part of a ray to a covered cell is not tested: that is the furniture itself.
_COVERED_GRACE_M = 0.35
#: Nearer floor is below the picture, metres.
_BLIND_M = 1.3
#: Rays to the floor are tested this often; walls are 0.1 m thick.
_CELL_STEP_M = 0.08
#: Where on a thing rays end: shares of its height, and of its width across the line of sight.
_HEIGHTS = (0.15, 0.5, 0.85)
_ACROSS = (-0.35, 0.0, 0.35)
#: Points of flat things are lifted this far above what they lie on, out of its voxels, metres.
_ABOVE_M = 0.06
#: Share of a box's silhouette that the thing in it covers, on average over the catalogue.
_FILL = 1.0


def sees_cells(
    grid: VoxelGrid, view: View, nodes_xy: NDArray[np.floating], cell_xyz: NDArray[np.float32], free: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """(V, S, bytes) packed: which of (K, 3) cells are seen from (V, 2) places at each heading.

    ``free`` (K,): whether the floor there is not covered; of a covered cell what stands on it has to be seen.
    """
    eyes = view.eyes(nodes_xy)
    distance = np.linalg.norm(cell_xyz[None, :, :2] - eyes[:, None, :2], axis=2)
    node, cell = np.nonzero(distance <= view.cell_range_m)
    grace = np.where(free, 0.0, _COVERED_GRACE_M).astype(np.float32)[cell]
    clear = grid.clear(eyes[node], cell_xyz[cell], np.zeros(len(node), dtype=np.uint8), grace, _CELL_STEP_M)
    node, cell = node[clear], cell[clear]
    offset = cell_xyz[cell] - eyes[node]
    flat = np.maximum(distance[node, cell], 1e-3)[:, None]
    # The floor right before the robot is below the picture; where the view passes over it freely it counts as seen.
    offset[:, :2] *= np.maximum(_BLIND_M / flat, 1.0)
    seen = np.zeros((len(nodes_xy), HEADINGS, len(cell_xyz)), dtype=bool)
    for heading in range(HEADINGS):
        inside = view.inside(offset, heading)
        seen[node[inside], heading, cell[inside]] = True
    return pack(seen)


@dataclass(frozen=True, eq=False)
class ThingSight:
    """How M things are seen from V places.

    Attributes:
        sees: (V, S, M) bool.
        range_m: (V, M) float32 distance over the floor, from the base to the thing's centre.
        pixels: (V, M) float32 pixels that it covers where the whole of it is in the picture, less what hides it.
    """

    sees: NDArray[np.bool_]
    range_m: NDArray[np.float32]
    pixels: NDArray[np.float32]


def sees_things(
    grid: VoxelGrid, view: View, nodes_xy: NDArray[np.floating], boxes: ThingBoxes, which: NDArray[np.int64]
) -> ThingSight:
    """Sight of the things ``which`` (n,) from all places; ``grid`` holds every thing that is there."""
    eyes = view.eyes(nodes_xy)
    center, size = boxes.center[which].astype(np.float32), boxes.size[which].astype(np.float32)
    flat = np.linalg.norm(center[None, :, :2] - eyes[:, None, :2], axis=2)
    pixels = np.zeros((len(eyes), len(which)), dtype=np.float32)
    sees = np.zeros((len(eyes), HEADINGS, len(which)), dtype=bool)
    near = (flat <= view.thing_range_m + size[:, :2].max(axis=1) / 2) & boxes.present[which]
    node, thing = np.nonzero(near)
    if len(node) == 0:
        return ThingSight(sees, flat, pixels)
    whole = _silhouette_px(eyes[node], center[thing], size[thing], boxes.yaw[which][thing], view)
    kept = whole >= view.minimum_pixels
    node, thing, whole = node[kept], thing[kept], whole[kept]
    points = _points(eyes[node], center[thing], size[thing], boxes.yaw[which][thing].astype(np.float32))
    count = points.shape[1]
    own = np.repeat((which[thing] + 1).astype(np.uint8), count)
    clear = grid.clear(np.repeat(eyes[node], count, axis=0), points.reshape(-1, 3), own).reshape(-1, count)
    shown = whole * clear.mean(axis=1)
    pixels[node, thing] = shown
    kept = shown >= view.minimum_pixels
    node, thing, whole, clear = node[kept], thing[kept], whole[kept], clear[kept]
    offset = points[kept] - eyes[node][:, None]
    for heading in range(HEADINGS):
        inside = clear & view.inside(offset, heading)
        sees[node, heading, thing] = whole * inside.mean(axis=1) >= view.minimum_pixels
    return ThingSight(sees, flat, pixels)


def _silhouette_px(
    eye: NDArray[np.float32],
    center: NDArray[np.float32],
    size: NDArray[np.float32],
    yaw: NDArray[np.float64],
    view: View,
) -> NDArray[np.float32]:
    """(n,) pixels that the thing in each box covers if nothing hides it."""
    way = center - eye
    distance = np.linalg.norm(way, axis=1)
    flat = np.maximum(np.linalg.norm(way[:, :2], axis=1), 1e-3)
    bearing = np.arctan2(way[:, 1], way[:, 0]) - yaw
    across = np.abs(np.sin(bearing)) * size[:, 0] + np.abs(np.cos(bearing)) * size[:, 1]
    area = size[:, 2] * across * flat / distance + size[:, 0] * size[:, 1] * np.abs(way[:, 2]) / distance
    pixels: NDArray[np.float32] = (_FILL * area * (view.focal_px / distance) ** 2).astype(np.float32)
    return pixels


def _points(
    eye: NDArray[np.float32], center: NDArray[np.float32], size: NDArray[np.float32], yaw: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(n, 9, 3) points in each box, spread over its height and across the line of sight."""
    way = center[:, :2] - eye[:, :2]
    bearing = np.arctan2(way[:, 1], way[:, 0])
    turned = bearing - yaw
    across = np.abs(np.sin(turned)) * size[:, 0] + np.abs(np.cos(turned)) * size[:, 1]
    side = np.stack([-np.sin(bearing), np.cos(bearing)], axis=1) * across[:, None]
    points = np.empty((len(eye), len(_HEIGHTS), len(_ACROSS), 3), dtype=np.float32)
    for i, height in enumerate(_HEIGHTS):
        for j, share in enumerate(_ACROSS):
            points[:, i, j, :2] = center[:, :2] + share * side
            above = np.maximum(height * size[:, 2], _ABOVE_M)
            points[:, i, j, 2] = np.minimum(center[:, 2] - size[:, 2] / 2 + above, _TOP_M)
    return points.reshape(len(eye), -1, 3)
