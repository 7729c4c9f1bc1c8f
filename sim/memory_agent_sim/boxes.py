"""Textured box meshes: walls, floors and composed furniture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from memory_agent_sim.assets import MeshPart

Bounds = tuple[float, float, float, float, float, float]
#: Per face: normal axis, sign, and the two axes that span it (u, v).
_FACES = ((0, 1, 1, 2), (0, -1, 1, 2), (1, 1, 0, 2), (1, -1, 0, 2), (2, 1, 0, 1), (2, -1, 0, 1))


def box_mesh(
    boxes: Sequence[Bounds],
    texture: NDArray[np.uint8] | None,
    tile_m: float = 1.0,
    rgb: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> MeshPart:
    """One mesh of axis-aligned boxes.

    Args:
        boxes: ``(x0, y0, z0, x1, y1, z1)`` each, metres.
        texture: (H, W, 3) uint8 picture or None for plain ``rgb``.
        tile_m: the picture repeats every so many metres; patterns continue from box to box.
        rgb: (3,) colour in [0, 1] used without a picture.
    """
    vertices: list[NDArray[np.float64]] = []
    normals: list[NDArray[np.float64]] = []
    uvs: list[NDArray[np.float64]] = []
    faces: list[NDArray[np.int64]] = []
    for box in boxes:
        low, high = np.array(box[:3]), np.array(box[3:])
        for axis, sign, a, b in _FACES:
            corner = np.tile(high if sign > 0 else low, (4, 1)).astype(float)
            corner[:, a] = [low[a], high[a], high[a], low[a]]
            corner[:, b] = [low[b], low[b], high[b], high[b]]
            normal = np.zeros(3)
            normal[axis] = sign
            start = 4 * len(vertices)
            order = np.array([[0, 1, 2], [0, 2, 3]])
            if np.cross(corner[1] - corner[0], corner[2] - corner[0])[axis] * sign < 0:
                order = order[:, ::-1]
            vertices.append(corner)
            normals.append(np.tile(normal, (4, 1)))
            uvs.append(corner[:, [a, b]] / tile_m)
            faces.append(order + start)
    return MeshPart(
        np.vstack(vertices).astype(np.float32),
        np.vstack(normals).astype(np.float32),
        np.vstack(uvs).astype(np.float32),
        np.vstack(faces).astype(np.int32),
        texture,
        rgb,
    )
