"""Planes of a room in one depth image whose pose knows which way is up: floor, support surfaces, walls.

Heights and wall offsets are found as peaks of histograms over the points whose normal fits (a one-dimensional Hough
transform each, since gravity is known), so no random sampling is needed and results repeat.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from memory_agent_ros.geometry.pinhole import valid_depth
from memory_agent_ros.records.frame import Frame


@dataclass(frozen=True, eq=False)
class PointGrid:
    """A thinned depth image as points.

    Attributes:
        stride: colour pixels per cell in x and y (the whole image is covered by H x W cells).
        points: (H, W, 3) float32 map frame, metres.
        normals: (H, W, 3) float32 unit normals towards the camera, map frame; zero where unknown.
        z: (H, W) float32 camera depth, metres, 0 where there is no reading.
        valid: (H, W) bool.
    """

    stride: tuple[float, float]
    points: NDArray[np.float32]
    normals: NDArray[np.float32]
    z: NDArray[np.float32]
    valid: NDArray[np.bool_]


def point_grid(frame: Frame, width: int, maximum_m: float) -> PointGrid:
    """The frame's depth on a grid ``width`` cells wide; each cell takes the reading nearest to its middle."""
    camera = frame.depth_camera or frame.camera
    step = max(camera.width / width, 1.0)
    columns = np.floor((np.arange(round(camera.width / step)) + 0.5) * step).astype(np.int64)
    rows = np.floor((np.arange(round(camera.height / step)) + 0.5) * step).astype(np.int64)
    z = frame.depth_m[np.ix_(rows, columns)].astype(np.float32)
    valid = valid_depth(z, 0.3, maximum_m)
    z = np.where(valid, z, np.float32(0))
    smooth = _smoothed(z, valid)
    rays = np.ones((*z.shape, 3), dtype=np.float32)
    rays[..., 0] = (columns - camera.K[0, 2]) / camera.K[0, 0]
    rays[..., 1] = ((rows - camera.K[1, 2]) / camera.K[1, 1])[:, None]
    R = frame.T_map_camera[:3, :3].astype(np.float32)
    normals = _normals(rays * smooth[..., None], smooth) @ R.T
    points = (rays * z[..., None]) @ R.T + frame.T_map_camera[:3, 3].astype(np.float32)
    return PointGrid((frame.camera.width / len(columns), frame.camera.height / len(rows)), points, normals, z, valid)


def _smoothed(z: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Depth averaged over 5x5 readings of the same surface (within 4 %), 0 where unknown."""
    total, weight = np.zeros_like(z), np.zeros_like(z)
    padded = cv2.copyMakeBorder(z, 2, 2, 2, 2, cv2.BORDER_REPLICATE)
    limit = 0.02 + 0.02 * z
    for dy in range(5):
        for dx in range(5):
            other = padded[dy : dy + z.shape[0], dx : dx + z.shape[1]]
            near = (other > 0) & (np.abs(other - z) < limit)
            total += np.where(near, other, 0)
            weight += near
    return np.where(valid, total / np.maximum(weight, 1), np.float32(0))


def _normals(points: NDArray[np.float32], z: NDArray[np.float32]) -> NDArray[np.float32]:
    """(H, W, 3) camera points -> unit normals towards the camera, from differences over two cells; 0 unknown."""
    out = np.zeros_like(points)
    middle = np.s_[2:-2, 2:-2]
    right, left = points[2:-2, 4:], points[2:-2, :-4]
    below, above = points[4:, 2:-2], points[:-4, 2:-2]
    cross = np.cross(below - above, right - left)
    length = np.linalg.norm(cross, axis=2)
    limit = 0.05 + 0.05 * z[middle]
    usable = (z[middle] > 0) & (length > 1e-9)
    for near, far in ((right, left), (below, above)):
        usable &= (near[..., 2] > 0) & (far[..., 2] > 0) & (np.abs(near[..., 2] - far[..., 2]) < 6 * limit)
    normal = cross / np.maximum(length, 1e-9)[..., None]
    normal *= -np.sign((normal * points[middle]).sum(axis=2))[..., None]
    out[middle] = np.where(usable[..., None], normal, 0)
    return out


def depth_tolerance(z: NDArray[np.float32], base_m: float) -> NDArray[np.float32]:
    """How far a reading at depth ``z`` may lie from the plane it belongs to, metres."""
    tolerance: NDArray[np.float32] = (base_m + 0.004 * z**2).astype(np.float32)
    return tolerance


def _peaks(values: NDArray[np.float32], bin_m: float, least: int) -> list[float]:
    """Local maxima of the histogram of ``values`` that gather ``least`` of them within a bin and its neighbours."""
    if len(values) == 0:
        return []
    low = float(values.min())
    counts = np.bincount(((values - low) / bin_m).astype(np.int64))
    gathered = np.convolve(counts, [1, 1, 1], mode="same")
    found: list[tuple[int, float]] = []
    for index in np.argsort(-gathered):
        if gathered[index] < least:
            break
        if all(abs(index - other) > 2 for other, _ in found):
            near = values[np.abs(values - (low + (index + 0.5) * bin_m)) <= 1.5 * bin_m]
            found.append((index, float(np.median(near))))
    return [height for _, height in found]


def horizontal_planes(grid: PointGrid, tolerance_m: float, least_cells: int) -> tuple[NDArray[np.int32], list[float]]:
    """(H, W) plane number (1-based, 0 = none) and height of each, metres in the map, most points first."""
    level = grid.valid & (grid.normals[..., 2] > 0.9)
    number = np.zeros(grid.valid.shape, dtype=np.int32)
    heights = _peaks(grid.points[..., 2][level], tolerance_m, least_cells)
    band = depth_tolerance(grid.z, tolerance_m)
    flat_enough = grid.valid & (grid.normals[..., 2] > 0.75)
    for index, height in enumerate(heights, start=1):
        at_height = grid.valid & (np.abs(grid.points[..., 2] - height) <= band) & (number == 0)
        member = flat_enough & at_height
        # Two cells at every edge have no normal of their own.
        number[ndimage.binary_dilation(member, iterations=2) & at_height] = index
    return number, heights


def wall_cells(grid: PointGrid, taken: NDArray[np.bool_], tolerance_m: float, least_cells: int) -> NDArray[np.bool_]:
    """(H, W) bool: cells on large vertical planes: walls, doors, fronts of built-in cupboards."""
    wall = np.zeros(grid.valid.shape, dtype=bool)
    upright = grid.valid & ~taken & (np.abs(grid.normals[..., 2]) < 0.25) & (np.abs(grid.normals).sum(axis=2) > 0)
    for _ in range(4):
        left = upright & ~wall
        if np.count_nonzero(left) < least_cells:
            break
        angle = np.arctan2(grid.normals[..., 1][left], grid.normals[..., 0][left])
        counts = np.bincount(((angle + np.pi) / (2 * np.pi) * 72).astype(np.int64) % 72, minlength=72)
        gathered = counts + np.roll(counts, 1) + np.roll(counts, -1)
        middle = (int(np.argmax(gathered)) + 0.5) / 72 * 2 * np.pi - np.pi
        near = np.abs(np.angle(np.exp(1j * (angle - middle)))) < np.radians(10)
        direction = grid.normals[left][near][:, :2].mean(axis=0)
        if near.sum() < least_cells or np.linalg.norm(direction) < 1e-6:
            break
        direction /= np.linalg.norm(direction)
        offset = grid.points[..., :2] @ direction
        facing = grid.valid & (grid.normals[..., :2] @ direction > 0.8)
        peaks = _peaks(offset[left & facing], tolerance_m, least_cells)
        if not peaks:
            break
        band = depth_tolerance(grid.z, 1.5 * tolerance_m)
        for peak in peaks:
            wall |= facing & ~taken & (np.abs(offset - peak) <= band)
    return wall
