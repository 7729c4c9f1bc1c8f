"""Hide what cannot be seen before drawing: bounding spheres against the view's four planes, exact by construction."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.se3 import Matrix, inverse, transform_points
from memory_agent_ros.records.camera import Camera
from memory_agent_sim.scene import HIDDEN_GROUP, Scene


class Culling:
    """Moves geoms outside the view into the hidden group and back. Hides nothing that could show a pixel."""

    def __init__(self, scene: Scene, data: Any, camera: Camera) -> None:
        self._scene = scene
        self._data = data
        self._home = scene.model.geom_group.copy()
        half_w, half_h = camera.width / 2 / camera.K[0, 0], camera.height / 2 / camera.K[1, 1]
        planes = np.array([[1, 0, half_w], [-1, 0, half_w], [0, 1, half_h], [0, -1, half_h]], dtype=np.float64)
        self._planes = planes / np.linalg.norm(planes, axis=1, keepdims=True)

    def visible(self, T_map_camera: Matrix) -> NDArray[np.bool_]:
        """(ngeom,) bool: whether a geom's bounding sphere touches the view."""
        model = self._scene.model
        points = transform_points(inverse(T_map_camera), self._data.geom_xpos)
        inside: NDArray[np.bool_] = (points @ self._planes.T > -model.geom_rbound[:, None]).all(axis=1)
        return inside

    def apply(self, T_map_camera: Matrix) -> None:
        """Set the groups of the model's geoms for one picture."""
        self._scene.model.geom_group[:] = np.where(self.visible(T_map_camera), self._home, HIDDEN_GROUP)
