"""Let things come to rest: a small physics world of collision boxes only, run until nothing moves, then thrown away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.se3 import Matrix
from memory_agent_sim.boxes import Bounds

DROP_M = 0.004
_TIMESTEP_S = 0.004
_REST_MPS = 2e-3
_REST_S = 0.12
_LIMIT_S = 4.0


@dataclass(frozen=True, eq=False)
class RigidThing:
    """Collision boxes of one thing in its own frame and its pose (4, 4) in the map."""

    boxes: tuple[Bounds, ...]
    T_map_body: Matrix
    mass_kg: float = 0.4


def tipped(vertices: NDArray[np.float64], turn: float) -> Matrix:
    """(4, 4) pose of a thing turned by ``turn`` about its y axis, still centred over its place and resting on z = 0.

    Args:
        vertices: (N, 3) in its own frame, where it stands on z = 0; metres.
        turn: radians.
    """
    T = np.eye(4)
    c, s = np.cos(turn), np.sin(turn)
    T[:3, :3] = [[c, 0, s], [0, 1, 0], [-s, 0, c]]
    turned = vertices @ T[:3, :3].T
    low, high = turned.min(axis=0), turned.max(axis=0)
    T[:3, 3] = [-(low[0] + high[0]) / 2, -(low[1] + high[1]) / 2, -low[2]]
    return T


def settle(fixed: Sequence[RigidThing], falling: Sequence[RigidThing]) -> list[Matrix]:
    """Poses (4, 4) of the falling things once all are at rest (or after 4 simulated seconds).

    Each is lifted by ``DROP_M`` first, so that it lands rather than being pushed out of its support.
    """
    import mujoco

    spec = mujoco.MjSpec()
    spec.option.timestep = _TIMESTEP_S
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[50, 50, 1])
    for thing in fixed:
        _add(spec, spec.worldbody.add_body(**_pose(thing.T_map_body)), thing)
    for thing in falling:
        body = spec.worldbody.add_body(**_pose(thing.T_map_body, DROP_M))
        body.add_freejoint()
        _add(spec, body, thing)
    model = spec.compile()
    data = mujoco.MjData(model)
    quiet, mujoco_steps = 0, int(_LIMIT_S / _TIMESTEP_S)
    for _ in range(mujoco_steps):
        mujoco.mj_step(model, data)
        quiet = quiet + 1 if np.abs(data.qvel).max(initial=0.0) < _REST_MPS else 0
        if quiet * _TIMESTEP_S >= _REST_S:
            break
    poses = []
    for i in range(len(falling)):
        q = data.qpos[7 * i : 7 * i + 7]
        T = np.eye(4)
        rotation = np.zeros(9)
        mujoco.mju_quat2Mat(rotation, q[3:])
        T[:3, :3], T[:3, 3] = rotation.reshape(3, 3), q[:3]
        poses.append(T)
    return poses


def _pose(T: Matrix, lift: float = 0.0) -> dict[str, NDArray[np.float64]]:
    import mujoco

    quaternion = np.zeros(4)
    mujoco.mju_mat2Quat(quaternion, np.ascontiguousarray(T[:3, :3]).ravel())
    return {"pos": T[:3, 3] + [0, 0, lift], "quat": quaternion}


def _add(spec: object, body: object, thing: RigidThing) -> None:
    import mujoco

    for box in thing.boxes:
        low, high = np.array(box[:3]), np.array(box[3:])
        body.add_geom(  # type: ignore[attr-defined]
            type=mujoco.mjtGeom.mjGEOM_BOX,
            size=(high - low) / 2,
            pos=(high + low) / 2,
            mass=thing.mass_kg / len(thing.boxes),
            friction=[1.0, 0.01, 0.001],
        )
