"""A pose between two maps made exact by their surfaces: projective point-to-plane ICP in four degrees of freedom."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.se3 import planar
from memory_agent_ros.memory.sessions.surfaces import Surfaces, agreement

#: Largest distance of corresponding points, metres, from the first to the last step; and scale of the residuals' loss.
_REACH_M, _SCALE_M = (0.3, 0.25, 0.2, 0.15, 0.12, 0.1), 0.03
#: Corresponding points below which surfaces say nothing, and what damps directions that they leave free.
_FEW, _DAMPING = 100, 1e-3
#: A correction beyond this is not the same pose any more: metres and radians.
_FAR_M, _FAR_RAD = 0.35, 0.1


def align(stored: Surfaces, local: Surfaces, T_map_local: NDArray[np.float64]) -> NDArray[np.float64]:
    """The (4, 4) pose near ``T_map_local`` under which the surfaces of both maps lie on each other.

    Every point of a local thumbnail is projected into stored thumbnails that look the same way (Blais and Levine, PAMI
    1995) and pulled towards the plane it meets there (Chen and Medioni, 1992), x, y, z and yaw alone being free. The
    pose comes back as it was if the surfaces do not agree better afterwards.
    """
    pairs = stored.partners(local, T_map_local)
    if not pairs:
        return T_map_local
    points = np.concatenate([local.everything[i] for i, _ in pairs])
    looks = np.repeat(np.array([j for _, j in pairs]), [len(local.everything[i]) for i, _ in pairs])
    planes = {j: _planes(stored, j) for j in sorted({j for _, j in pairs})}
    index = {j: n for n, j in enumerate(planes)}
    rows = np.array([index[j] for j in looks.tolist()], dtype=np.intp)
    places, normals = (np.stack([p[k] for p in planes.values()]) for k in range(2))
    T = T_map_local
    for reach in _REACH_M:
        step = _step(stored, points, looks, rows, places, normals, T, reach)
        if step is None:
            return T_map_local
        T = step @ T
    change = T @ np.linalg.inv(T_map_local)
    middle = T_map_local @ np.append(points.mean(axis=0), 1.0)
    moved = float(np.linalg.norm((change @ middle - middle)[:3]))
    if moved > _FAR_M or abs(np.arctan2(change[1, 0], change[0, 0])) > _FAR_RAD:
        return T_map_local
    before, after = agreement(stored, local, T_map_local)[0], agreement(stored, local, T)[0]
    return T if after >= before - 0.005 else T_map_local


def _planes(surfaces: Surfaces, j: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(H, W, 3) map points of a thumbnail and (H, W, 3) unit normals, zero at edges and holes."""
    z = surfaces.depth[j] / 1000.0
    v, u = np.mgrid[0 : z.shape[0], 0 : z.shape[1]]
    K, T = surfaces.K[j], surfaces.poses[j]
    local = np.stack([(u - K[0, 2]) / K[0, 0] * z, (v - K[1, 2]) / K[1, 1] * z, z], axis=2)
    places = local @ T[:3, :3].T + T[:3, 3]
    normals = np.zeros_like(places)
    across, down = places[1:-1, 2:] - places[1:-1, :-2], places[2:, 1:-1] - places[:-2, 1:-1]
    crossed = np.cross(across, down)
    length = np.linalg.norm(crossed, axis=2, keepdims=True)
    around = np.stack([z[1:-1, 2:], z[1:-1, :-2], z[2:, 1:-1], z[:-2, 1:-1]])
    middle = z[1:-1, 1:-1]
    smooth = (around.min(axis=0) > 0.2) & (np.abs(around.mean(axis=0) - middle) < 0.01 + 0.01 * middle)
    smooth &= np.ptp(around, axis=0) < 0.5
    normals[1:-1, 1:-1] = np.where(smooth[..., None], crossed / np.maximum(length, 1e-9), 0.0)
    return places, normals


def _step(
    stored: Surfaces,
    points: NDArray[np.float64],
    looks: NDArray[np.intp],
    rows: NDArray[np.intp],
    places: NDArray[np.float64],
    normals: NDArray[np.float64],
    T: NDArray[np.float64],
    reach_m: float,
) -> NDArray[np.float64] | None:
    """One Gauss-Newton step as a (4, 4) correction from the left; None if too little corresponds."""
    here = points @ T[:3, :3].T + T[:3, 3]
    inside, u, v, _ = stored.pixels(here, looks)
    here, row = here[inside], rows[inside]
    target, normal = places[row, v, u], normals[row, v, u]
    gap = here - target
    good = (np.abs(normal).sum(axis=1) > 0) & (np.linalg.norm(gap, axis=1) < reach_m)
    if good.sum() < _FEW:
        return None
    here, normal = here[good], normal[good]
    residual = (normal * gap[good]).sum(axis=1)
    weight = 1.0 / (1.0 + (residual / _SCALE_M) ** 2) ** 2
    pivot = here.mean(axis=0)
    arm = here - pivot
    J = np.concatenate([normal, (normal[:, 1] * arm[:, 0] - normal[:, 0] * arm[:, 1])[:, None]], axis=1)
    A = J.T @ (weight[:, None] * J) + _DAMPING * weight.sum() * np.eye(4)
    x, y, z, yaw = (float(s) for s in -np.linalg.solve(A, J.T @ (weight * residual)))
    turn = planar(0.0, 0.0, yaw)
    turn[:3, 3] = pivot - turn[:3, :3] @ pivot + [x, y, z]
    return turn
