"""RGB-D camera with instance ids: rendered with OpenGL, or cast as rays without it."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.se3 import Matrix
from memory_agent_ros.records.camera import Camera
from memory_agent_sim.culling import Culling
from memory_agent_sim.robot import CAMERA_NAME
from memory_agent_sim.scene import CEILING_GROUP, VISUAL_GROUP, Scene

FOVY_DEG = 58.0
#: Nothing is read beyond, metres.
FAR_M = 20.0


@dataclass(frozen=True, eq=False)
class RawImages:
    """``rgb`` (H, W, 3) uint8, ``depth_m`` (H, W) float32 (0 = nothing), ``instances`` (H, W) int32."""

    rgb: NDArray[np.uint8]
    depth_m: NDArray[np.float32]
    instances: NDArray[np.int32]


class Sensor(Protocol):
    """What takes the pictures."""

    def capture(self, data: Any, T_map_camera: Matrix) -> RawImages:
        """Pictures of the robot's camera for the poses in ``mujoco.MjData``."""

    def close(self) -> None:
        """Free what it holds."""


def pinhole(width: int, height: int, fovy_deg: float = FOVY_DEG) -> Camera:
    """Camera of square pixels whose vertical field of view is ``fovy_deg``; integer pixels are centres."""
    focal = height / 2 / np.tan(np.radians(fovy_deg) / 2)
    K = np.array([[focal, 0.0, width / 2 - 0.5], [0.0, focal, height / 2 - 0.5], [0.0, 0.0, 1.0]])
    return Camera(width, height, K)


class RenderSensor:
    """OpenGL through EGL: one pass for colour, one for ids and depth."""

    def __init__(self, scene: Scene, camera: Camera, culling: Culling) -> None:
        self._scene = scene
        self._camera = camera
        self._culling = culling
        self._context: Any = None
        self._free: Any = None

    def capture(self, data: Any, T_map_camera: Matrix) -> RawImages:
        """See :class:`Sensor`; the OpenGL context is made on the first call."""
        import mujoco

        self._open()
        self._context[0].make_current()
        self._culling.apply(T_map_camera)
        view, graphics, fixed, options = self._context[1:]
        mujoco.mjv_updateScene(self._scene.model, data, options, None, fixed, mujoco.mjtCatBit.mjCAT_ALL.value, view)
        width, height = self._camera.width, self._camera.height
        rect = mujoco.MjrRect(0, 0, width, height)
        rgb = np.empty((height, width, 3), dtype=np.uint8)
        mujoco.mjr_render(rect, view, graphics)
        mujoco.mjr_readPixels(rgb, None, rect, graphics)
        ids = np.empty((height, width, 3), dtype=np.uint8)
        depth = np.empty((height, width), dtype=np.float32)
        for flag in (mujoco.mjtRndFlag.mjRND_SEGMENT, mujoco.mjtRndFlag.mjRND_IDCOLOR):
            view.flags[flag] = True
        mujoco.mjr_render(rect, view, graphics)
        mujoco.mjr_readPixels(ids, depth, rect, graphics)
        for flag in (mujoco.mjtRndFlag.mjRND_SEGMENT, mujoco.mjtRndFlag.mjRND_IDCOLOR):
            view.flags[flag] = False
        depth_m, instances = self._metres(depth), self._instances(ids)
        return RawImages(rgb[::-1].copy(), depth_m[::-1].copy(), instances[::-1].copy())

    def close(self) -> None:
        """Free the OpenGL context."""
        if self._free is not None:
            self._free()
            self._context = self._free = None

    def _open(self) -> None:
        if self._context is not None:
            return
        import mujoco
        from mujoco.gl_context import GLContext

        model = self._scene.model
        window = GLContext(self._camera.width, self._camera.height)
        window.make_current()
        graphics = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_50.value)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, graphics)
        graphics.readDepthMap = mujoco.mjtDepthMap.mjDEPTH_ZEROFAR.value
        view = mujoco.MjvScene(model=model, maxgeom=model.ngeom + 10)
        off = mujoco.mjtRndFlag
        for flag in (off.mjRND_SHADOW, off.mjRND_REFLECTION, off.mjRND_SKYBOX):
            view.flags[flag] = False
        fixed = mujoco.MjvCamera()
        fixed.type = mujoco.mjtCamera.mjCAMERA_FIXED.value
        fixed.fixedcamid = model.camera(CAMERA_NAME).id
        options = mujoco.MjvOption()
        options.geomgroup[:] = 0
        options.geomgroup[[VISUAL_GROUP, CEILING_GROUP]] = 1
        self._context = (window, view, graphics, fixed, options)
        self._free = weakref.finalize(self, _free_context, window, graphics)

    def _metres(self, depth: NDArray[np.float32]) -> NDArray[np.float32]:
        """Window depth (1 near, 0 far) -> planar z in metres."""
        vis = self._scene.model.vis.map
        near, far = float(vis.znear), float(vis.zfar)
        z = near * far / (near + depth.astype(np.float64) * (far - near))
        return np.where(z > FAR_M, 0.0, z).astype(np.float32)

    def _instances(self, ids: NDArray[np.uint8]) -> NDArray[np.int32]:
        view = self._context[1]
        table = np.zeros(view.ngeom + 2, dtype=np.int32)
        for geom in view.geoms[: view.ngeom]:
            if geom.segid >= 0:
                table[geom.segid + 1] = self._scene.geom_instance[geom.objid]
        wide = ids.astype(np.int32)
        found: NDArray[np.int32] = table[wide[..., 0] + (wide[..., 1] << 8) + (wide[..., 2] << 16)]
        return found


def _free_context(window: Any, graphics: Any) -> None:
    window.make_current()
    graphics.free()
    window.free()


class RaycastSensor:
    """``mj_multiRay`` on the visual meshes: same depth and ids without OpenGL, flat shaded mean colours."""

    def __init__(self, scene: Scene, camera: Camera, culling: Culling, colors: NDArray[np.float64]) -> None:
        self._scene = scene
        self._camera = camera
        self._culling = culling
        self._colors = colors
        v, u = np.mgrid[0 : camera.height, 0 : camera.width]
        K = camera.K
        rays = np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones_like(u, dtype=float)], axis=2)
        self._rays = rays.reshape(-1, 3)

    def capture(self, data: Any, T_map_camera: Matrix) -> RawImages:
        """See :class:`Sensor`."""
        import mujoco

        self._culling.apply(T_map_camera)
        count, shape = len(self._rays), (self._camera.height, self._camera.width)
        rays = self._rays @ T_map_camera[:3, :3].T
        groups = np.zeros(6, dtype=np.uint8)
        groups[[VISUAL_GROUP, CEILING_GROUP]] = 1
        geoms = np.full(count, -1, dtype=np.int32)
        distance, normals = np.zeros(count), np.zeros(3 * count)
        mujoco.mj_multiRay(
            self._scene.model,
            data,
            T_map_camera[:3, 3],
            rays.ravel(),
            groups,
            1,
            self._scene.model.body("base").id,
            geoms,
            distance,
            normals,
            count,
            FAR_M * 2,
        )
        hit = (geoms >= 0) & (distance <= FAR_M)
        depth = np.where(hit, distance, 0.0).astype(np.float32).reshape(shape)
        instances = np.where(hit, self._scene.geom_instance[geoms], 0).astype(np.int32).reshape(shape)
        length = np.linalg.norm(rays, axis=1)
        facing = np.abs((normals.reshape(-1, 3) * rays).sum(axis=1)) / length
        shaded = self._colors[geoms] * (0.45 + 0.55 * facing)[:, None] * hit[:, None]
        rgb = (255 * np.clip(shaded, 0, 1)).round().astype(np.uint8).reshape(*shape, 3)
        return RawImages(rgb, depth, instances)

    def close(self) -> None:
        """Nothing to free."""


def mean_colors(model: Any) -> NDArray[np.float64]:
    """(ngeom, 3) mean colour of each geom's texture, or its own colour, in [0, 1]."""
    colors: NDArray[np.float64] = model.geom_rgba[:, :3].astype(np.float64)
    for geom in range(model.ngeom):
        material = int(model.geom_matid[geom])
        if material < 0:
            continue
        colors[geom] = model.mat_rgba[material, :3]
        texture = int(model.mat_texid[material].max())
        if texture >= 0:
            begin, channels = int(model.tex_adr[texture]), int(model.tex_nchannel[texture])
            size = int(model.tex_height[texture]) * int(model.tex_width[texture]) * channels
            picture = model.tex_data[begin : begin + size].reshape(-1, channels)
            colors[geom] *= picture[:, :3].mean(axis=0) / 255.0
    return colors
