"""An apartment, a robot and its camera: physics by the step, pictures on demand, the truth beside it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.se3 import Matrix, planar, yaw_of
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.frame import Frame
from memory_agent_sim.assets import prepare
from memory_agent_sim.attributes import TIPPABLE, state_of
from memory_agent_sim.catalogue import MOVABLE_SOURCES
from memory_agent_sim.edits import Edit as Edit
from memory_agent_sim.edits import EditSampler, frame_shows, require_edit, require_kinds
from memory_agent_sim.floorplan import Room
from memory_agent_sim.freespace import Footprint, rasterize
from memory_agent_sim.habits import PLACEMENTS
from memory_agent_sim.instances import instance_size
from memory_agent_sim.layout import (
    Layout,
    ObjectPlacer,
    PlacedObject,
    draw_layout,
    place_at,
    seed_sequence,
    surfaces_of,
)
from memory_agent_sim.odometry import OdometryConfig, WheelOdometry
from memory_agent_sim.robot import BASE_RADIUS, Drive, RobotConfig, base_pose
from memory_agent_sim.settle import RigidThing, settle, tipped
from memory_agent_sim.truth import TruthObject, Visibility, box_of, unoccluded_share

_SURFACE_SAMPLES = 300


@dataclass(frozen=True)
class SimulationConfig:
    """What is simulated.

    Attributes:
        width, height: image size in pixels, 32 to 1280 and 24 to 960.
        rate_hz: steps (and frames) per simulated second, 0.5 to 60.
        rooms: 3 to 6, or None to leave it to the seed.
        depth_noise: ``none`` or ``kinect`` (:mod:`memory_agent_sim.depth_noise`).
        sensor: ``render`` (OpenGL) or ``raycast`` (no OpenGL, flat colours).
        cluttered: twice as many movable things, look-alikes side by side.
        placement: ``uniform``, ``habitual``, ``shifted`` or ``student_flat``: by whose habits things are put
            (:mod:`memory_agent_sim.habits`).
        tipped: share of the things that tell how they lie which lie on their side, and as large a share that stand
            on their head (:data:`memory_agent_sim.attributes.TIPPABLE`), 0 to 0.5.
        robot: limits and mounting of the camera.
        odometry: errors of the wheels; none by default.
    """

    width: int = 640
    height: int = 480
    rate_hz: float = 5.0
    rooms: int | None = None
    depth_noise: str = "none"
    sensor: str = "render"
    cluttered: bool = False
    placement: str = "uniform"
    tipped: float = 0.0
    robot: RobotConfig = field(default_factory=RobotConfig)
    odometry: OdometryConfig = field(default_factory=OdometryConfig)

    def __post_init__(self) -> None:
        def check(good: bool, what: str) -> None:
            if not good:
                raise BadInputError("simulation_config", what)

        check(32 <= self.width <= 1280 and 24 <= self.height <= 960, "image size must be 32x24 to 1280x960")
        check(0.5 <= self.rate_hz <= 60, "rate_hz must be between 0.5 and 60")
        check(self.rooms is None or 3 <= self.rooms <= 6, "rooms must be 3 to 6, or None to draw it from the seed")
        check(self.depth_noise in ("none", "kinect"), "depth_noise must be none or kinect")
        check(self.sensor in ("render", "raycast"), "sensor must be render or raycast")
        check(0.0 <= self.tipped <= 0.5, "tipped must be between 0 and 0.5")
        check(self.placement in PLACEMENTS, f"placement must be one of {', '.join(PLACEMENTS)}")


class Simulation:
    """One seeded apartment of a split, with a robot in it.

    Args:
        split: ``train``, ``val`` or ``test``; they share neither layouts nor instances.
        seed: any integer.
        config: see :class:`SimulationConfig`.

    Raises:
        BadInputError: ``split_unknown``, ``simulation_config``.
        MissingExtraError: the asset packages are not installed.
    """

    def __init__(self, split: str, seed: int, config: SimulationConfig | None = None) -> None:
        os.environ.setdefault("MUJOCO_GL", "egl")
        import mujoco

        from memory_agent_sim.scene import build_scene
        from memory_agent_sim.sensors import FOVY_DEG, pinhole

        self.config = config or SimulationConfig()
        self.split, self.seed = split, int(seed)
        prepare(MOVABLE_SOURCES)
        self.layout: Layout = draw_layout(
            split, self.seed, self.config.rooms, cluttered=self.config.cluttered, placement=self.config.placement
        )
        self.camera: Camera = pinhole(self.config.width, self.config.height)
        self.scene = build_scene(self.layout, self.config.robot, FOVY_DEG, self.config.width, self.config.height)
        self.model = self.scene.model
        self.data = mujoco.MjData(self.model)
        self._mocap = {t.id: int(self.model.body_mocapid[self.model.body(t.body).id]) for t in self._movable()}
        self._places: dict[int, PlacedObject] = {}
        self._poses: dict[int, Matrix] = {}
        self._sensor: Any = None
        self._surface: dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}
        self._noise = np.random.default_rng(seed_sequence(split, self.seed).spawn(1)[0])
        self.reset()

    def reset(self) -> None:
        """Back to the start: time zero, every thing where the layout put it."""
        import mujoco

        mujoco.mj_resetData(self.model, self.data)
        self._drive = Drive(self.config.robot)
        self._ticks = 0
        self.collided = False
        self.data.qpos[:3] = self.layout.start
        self._noise = np.random.default_rng(seed_sequence(self.split, self.seed).spawn(1)[0])
        for thing in self._furniture():
            body = self.model.body(thing.body)
            turn = 2 * float(np.arctan2(body.quat[3], body.quat[0]))
            self._poses[thing.id] = planar(float(body.pos[0]), float(body.pos[1]), turn)
        self._places = dict(enumerate(self.layout.objects, start=1))
        for object_id in self._mocap:
            self._hide(object_id)
        self._settle(self._starts())
        self._odometry = WheelOdometry(self.config.odometry, self.T_map_base, self.seed)

    # ------------------------------------------------------------------ robot

    def step(self, linear_mps: float, angular_rps: float) -> None:
        """Drive for 1 / ``rate_hz`` s towards the commanded speeds (limited, as are the accelerations).

        Raises:
            BadInputError: ``command_not_finite``.
        """
        import mujoco

        if not np.isfinite([linear_mps, angular_rps]).all():
            raise BadInputError("command_not_finite", "velocity command holds NaN or infinity")
        dt = float(self.model.opt.timestep)
        self._ticks += 1
        self.collided = False
        wanted = self._ticks / self.config.rate_hz
        while self.data.time < wanted - dt / 2:
            self.data.ctrl[:3] = self._drive.target(linear_mps, angular_rps, float(self.data.qpos[2]), dt)
            mujoco.mj_step(self.model, self.data)
            self.collided |= self.data.ncon > 0
        if self.collided:
            self._drive.linear_mps = float(
                self.data.qvel[0] * np.cos(self.data.qpos[2]) + self.data.qvel[1] * np.sin(self.data.qpos[2])
            )
        mujoco.mj_kinematics(self.model, self.data)
        self._odometry.moved(self.T_map_base)

    def place(self, x: float, y: float, yaw: float) -> None:
        """Put the base at a pose at rest, without driving there; time goes on by one step.

        Raises:
            BadInputError: ``pose_not_finite``.
        """
        import mujoco

        if not np.isfinite([x, y, yaw]).all():
            raise BadInputError("pose_not_finite", "the pose of the base holds NaN or infinity")
        self._drive = Drive(self.config.robot)
        self._ticks += 1
        self.collided = False
        self.data.qpos[:3] = x, y, yaw
        self.data.qvel[:3] = 0.0
        self.data.time = self._ticks / self.config.rate_hz
        mujoco.mj_kinematics(self.model, self.data)
        self._odometry.moved(self.T_map_base)

    @property
    def stamp_ns(self) -> int:
        """Simulated time since the start, nanoseconds."""
        return round(self._ticks * 1e9 / self.config.rate_hz)

    @property
    def T_map_base(self) -> Matrix:  # noqa: N802
        """(4, 4) true pose of ``base_link`` in ``map``."""
        return base_pose(self.data.qpos)

    @property
    def T_odom_base(self) -> Matrix:  # noqa: N802
        """(4, 4) pose of ``base_link`` as the wheels measure it; ``odom`` is ``map`` at the start."""
        return self._odometry.T_odom_base

    @property
    def T_base_camera(self) -> Matrix:  # noqa: N802
        """(4, 4) pose of the optical frame (z forward, x right, y down) in ``base_link``."""
        return self.config.robot.T_base_camera

    def frame(self) -> Frame:
        """Picture, depth and instance ids of the robot's camera now, with its true pose."""
        import mujoco

        if self._sensor is None:
            self._sensor = self._make_sensor()
        T_map_camera = self.T_map_base @ self.T_base_camera
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_camlight(self.model, self.data)
        images = self._sensor.capture(self.data, T_map_camera)
        depth = images.depth_m
        if self.config.depth_noise == "kinect":
            from memory_agent_sim.depth_noise import kinect_noise

            depth = kinect_noise(depth, self.camera, self._noise)
        return Frame(self.stamp_ns, images.rgb, depth, self.camera, T_map_camera, instances=images.instances)

    def close(self) -> None:
        """Free the sensor; the simulation can still be stepped."""
        if self._sensor is not None:
            self._sensor.close()
            self._sensor = None

    # ------------------------------------------------------------------ truth

    @property
    def labels(self) -> dict[int, str]:
        """Instance id -> label of everything labelled, spares included."""
        return {thing.id: thing.label for thing in self.scene.things}

    @property
    def rooms(self) -> list[Room]:
        """Rooms with their names and corners."""
        return list(self.layout.plan.rooms)

    def truth(self) -> list[TruthObject]:
        """Every instance that is, or has been, in the apartment."""
        found = []
        for thing in self.scene.things:
            if thing.id not in self._poses:
                continue
            box = box_of(thing.vertices, self._poses[thing.id])
            room = self.layout.plan.rooms[self.layout.plan.room_at(box.center[:2])].name
            present = not thing.movable or thing.id in self._places
            state = state_of(thing.label, self._poses[thing.id][:3, :3])
            found.append(TruthObject(thing.id, thing.label, box, thing.movable, room, present, thing.key, state))
        return found

    def free_floor(self, resolution_m: float) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """Floor the base can stand on, coming from its start.

        Returns:
            (H, W) bool, row = y, column = x: not covered by walls, furniture or things on the floor, and within reach
            of a base of 0.2 m; (2,) x, y of the corner of cell (0, 0).
        """
        grid = rasterize(self.layout.plan, self._footprints(), resolution_m)
        return grid.reachable_floor(np.array(self.layout.start[:2]), BASE_RADIUS), grid.origin

    def visibility(self, frame: Frame) -> dict[int, Visibility]:
        """Instance id -> how well ``frame`` shows it, for those with at least one pixel."""
        if frame.instances is None:
            raise BadInputError("no_instances", "visibility needs a frame of this simulation")
        ids, counts = np.unique(frame.instances, return_counts=True)
        shown = {}
        for object_id, pixels in zip(ids.tolist(), counts.tolist(), strict=True):
            if object_id > 0:
                points, normals = self._surface_samples(object_id)
                T = self._poses[object_id]
                share = unoccluded_share(T[:3, 3] + points @ T[:3, :3].T, normals @ T[:3, :3].T, frame, object_id)
                shown[object_id] = Visibility(pixels, share)
        return shown

    # ------------------------------------------------------------------ edits

    def sample_edits(
        self,
        count: int,
        rng: np.random.Generator,
        kinds: Sequence[str] = ("move", "remove"),
        avoid_visible_from: Frame | None = None,
    ) -> list[Edit]:
        """Draw up to ``count`` edits of different things; kinds in turn.

        Moved things land on another free spot at least 0.8 m away, about half of them in another room. With
        ``avoid_visible_from`` neither the thing nor its new place is in that frame.

        Raises:
            BadInputError: ``edit_kind``.
        """
        require_kinds(kinds)
        placer = ObjectPlacer(
            self.layout.plan, self.layout.furniture, list(self._places.values()), placement=self.config.placement
        )
        base = self.data.qpos[:2]
        keep_off = Footprint(float(base[0]), float(base[1]), 0.6, 0.6, 0.0)
        placer.extra.append(keep_off)
        instances = [o.instance for o in self.layout.objects] + list(self.layout.spares)
        waiting = {i: inst for i, inst in enumerate(instances, start=1) if i not in self._places}
        sampler = EditSampler(
            placer,
            surfaces_of(self.layout.plan, self.layout.furniture),
            dict(self._places),
            waiting,
            None if avoid_visible_from is None else frame_shows(avoid_visible_from),
        )
        return sampler.sample(rng, count, kinds)

    def apply_edits(self, edits: Sequence[Edit]) -> None:
        """Change the world; moved and added things settle physically before this returns.

        Raises:
            BadInputError: ``edit_kind``, ``edit_object``, ``edit_position``; nothing is changed then.
        """
        for edit in edits:
            require_edit(edit, self._mocap, self._places)
        starts: dict[int, Matrix] = {}
        for edit in edits:
            if edit.kind == "remove":
                self._places.pop(edit.object_id, None)
                self._hide(edit.object_id)
            elif edit.kind == "swap" and edit.other_id is not None:
                a, b = self._poses[edit.object_id], self._poses[edit.other_id]
                starts[edit.object_id], starts[edit.other_id] = b.copy(), a.copy()
            elif edit.position_m is not None:
                x, y, z = (float(n) for n in edit.position_m)
                starts[edit.object_id] = planar(x, y, edit.yaw, z)
        for object_id, T in starts.items():
            self._places[object_id] = self._place_of(object_id, T)
        self._settle(starts)

    # ------------------------------------------------------------------ inside

    def _movable(self) -> list[Any]:
        return [t for t in self.scene.things if t.movable]

    def _furniture(self) -> list[Any]:
        return [t for t in self.scene.things if not t.movable]

    def _instance(self, object_id: int) -> Any:
        return ([o.instance for o in self.layout.objects] + list(self.layout.spares))[object_id - 1]

    def _place_of(self, object_id: int, T: Matrix) -> PlacedObject:
        """Where a thing stands once it is at ``T``: its room, and the piece of furniture under it (None: the floor)."""
        return place_at(self.layout, self._instance(object_id), T[:3, 3], yaw_of(T))

    def _starts(self) -> dict[int, Matrix]:
        """Poses from which things fall into place at the start, some of them tipped."""
        starts = {i: planar(p.x, p.y, p.yaw, p.z) for i, p in self._places.items()}
        if self.config.tipped == 0.0:
            return starts
        rng = np.random.default_rng([*seed_sequence(self.split, self.seed).generate_state(4).tolist(), 5])
        for object_id in starts:
            drawn, thing = rng.random(), self.scene.things[object_id - 1]
            if thing.label in TIPPABLE and drawn < 2 * self.config.tipped:
                turn = np.pi if drawn < self.config.tipped else np.pi / 2
                starts[object_id] = starts[object_id] @ tipped(thing.vertices, turn)
        return starts

    def _settle(self, starts: dict[int, Matrix]) -> None:
        """Drop the given things from their start poses and freeze them where they come to rest."""
        things = {t.id: t for t in self.scene.things}
        fixed = [
            RigidThing(t.boxes, self._poses[t.id])
            for t in self.scene.things
            if (not t.movable or t.id in self._places) and t.id not in starts
        ]
        falling = [RigidThing(things[i].boxes, T) for i, T in starts.items()]
        for object_id, T in zip(starts, settle(fixed, falling) if falling else [], strict=True):
            self._show(object_id, T)
            self._places[object_id] = self._place_of(object_id, T)

    def _show(self, object_id: int, T: Matrix) -> None:
        import mujoco

        self._poses[object_id] = T
        mocap = self._mocap[object_id]
        self.data.mocap_pos[mocap] = T[:3, 3]
        mujoco.mju_mat2Quat(self.data.mocap_quat[mocap], np.ascontiguousarray(T[:3, :3]).ravel())
        mujoco.mj_forward(self.model, self.data)

    def _hide(self, object_id: int) -> None:
        import mujoco

        from memory_agent_sim.scene import LIMBO

        self.data.mocap_pos[self._mocap[object_id]] = LIMBO
        mujoco.mj_forward(self.model, self.data)

    def _footprints(self) -> list[Footprint]:
        found = [f.footprint() for f in self.layout.furniture]
        for place in self._places.values():
            if place.furniture is None:
                width, depth, _ = instance_size(place.instance)
                found.append(Footprint(place.x, place.y, width, depth, place.yaw))
        return found

    def _surface_samples(self, object_id: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if object_id not in self._surface:
            from memory_agent_sim.scene import surface_samples

            self._surface[object_id] = surface_samples(self.scene, object_id, _SURFACE_SAMPLES)
        return self._surface[object_id]

    def _make_sensor(self) -> Any:
        from memory_agent_sim.culling import Culling
        from memory_agent_sim.sensors import RaycastSensor, RenderSensor, mean_colors

        culling = Culling(self.scene, self.layout.plan, self.data, self.camera)
        if self.config.sensor == "raycast":
            return RaycastSensor(self.scene, self.camera, culling, mean_colors(self.model))
        return RenderSensor(self.scene, self.camera, culling)
