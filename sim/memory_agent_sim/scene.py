"""From a layout to a MuJoCo model: visual meshes in group 1, the ceiling in group 2, collision boxes in group 4."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_agent_sim.assets import MeshPart, surface_texture
from memory_agent_sim.boxes import Bounds, box_mesh
from memory_agent_sim.catalogue import FLOOR_TEXTURES, TILED_FLOORS, WALL_TEXTURES
from memory_agent_sim.floorplan import DOOR_HEIGHT, DOOR_WIDTH, HALF_WALL, WALL_HEIGHT, FloorPlan
from memory_agent_sim.furniture import furniture_shape
from memory_agent_sim.instances import instance_parts
from memory_agent_sim.layout import Layout
from memory_agent_sim.robot import RobotConfig, add_robot

VISUAL_GROUP = 1
CEILING_GROUP = 2
COLLISION_GROUP = 4
HIDDEN_GROUP = 5
#: Where removed and spare things wait, out of every ray's way.
LIMBO = (0.0, 0.0, -40.0)
TIMESTEP_S = 0.01
#: Of a body without mass MuJoCo takes the place in the map for that of its inertial frame; once the body is turned, the
#: boxes that speed up rays are then elsewhere, and ``mj_multiRay`` misses it.
_AT_ORIGIN: dict[str, Any] = {"mass": 1.0, "ipos": [0.0] * 3, "inertia": [1.0] * 3, "explicitinertial": True}


@dataclass(frozen=True, eq=False)
class Thing:
    """A labelled instance in the model.

    Attributes:
        id: positive instance id, index + 1.
        label, key: category and instance key.
        movable: False for furniture.
        vertices: (N, 3) float64 vertices of all its parts in its own frame, metres; ``faces`` (M, 3).
        boxes: collision boxes in its own frame.
        body: name of its body.
    """

    id: int
    label: str
    key: str
    movable: bool
    vertices: NDArray[np.float64]
    faces: NDArray[np.int64]
    boxes: tuple[Bounds, ...]
    body: str


@dataclass(frozen=True, eq=False)
class Scene:
    """A compiled apartment.

    Attributes:
        model: ``mujoco.MjModel``.
        things: labelled instances by index, id = index + 1; movable ones first, then spares, then furniture.
        geom_instance: (ngeom,) int32 instance id of each geom, 0 for the building and the robot.
        geom_room: (ngeom,) int32 room index of each part of the building, -1 for the rest.
        placed: how many of the movable ones stand in the layout.
    """

    model: Any
    things: tuple[Thing, ...]
    geom_instance: NDArray[np.int32]
    geom_room: NDArray[np.int32]
    placed: int


class _Builder:
    """Adds meshes to a spec; one texture per picture."""

    def __init__(self, spec: Any) -> None:
        self.spec = spec
        self.count = 0
        self._textures: dict[int, str] = {}

    def add(self, body: Any, parts: Sequence[MeshPart], group: int = VISUAL_GROUP) -> None:
        import mujoco

        for part in parts:
            name = f"part{self.count}"
            self.count += 1
            mesh = self.spec.add_mesh(name=name)
            mesh.uservert = part.vertices.ravel()
            mesh.usernormal = part.normals.ravel()
            mesh.usertexcoord = part.uv.ravel()
            mesh.userface = part.faces.ravel()
            mesh.userfacenormal = part.faces.ravel()
            mesh.userfacetexcoord = part.faces.ravel()
            mesh.inertia = mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL
            material = self.spec.add_material(name=name, rgba=[*part.rgb, 1.0], specular=0.1, shininess=0.1)
            if part.texture is not None:
                material.rgba = [1, 1, 1, 1]
                material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = self._texture(part.texture)
            body.add_geom(
                name=name,
                type=mujoco.mjtGeom.mjGEOM_MESH,
                meshname=name,
                material=name,
                group=group,
                contype=0,
                conaffinity=0,
                mass=0,
            )

    def collide(self, body: Any, boxes: Sequence[Bounds]) -> None:
        import mujoco

        for box in boxes:
            low, high = np.array(box[:3]), np.array(box[3:])
            body.add_geom(
                type=mujoco.mjtGeom.mjGEOM_BOX,
                size=(high - low) / 2,
                pos=(high + low) / 2,
                group=COLLISION_GROUP,
                mass=0,
                contype=1,
                conaffinity=1,
            )

    def _texture(self, picture: NDArray[np.uint8]) -> str:
        import mujoco

        if id(picture) not in self._textures:
            name = f"texture{len(self._textures)}"
            texture = self.spec.add_texture(name=name, type=mujoco.mjtTexture.mjTEXTURE_2D)
            texture.height, texture.width, texture.nchannel = (int(n) for n in picture.shape)
            texture.data = picture.tobytes()
            self._textures[id(picture)] = name
        return self._textures[id(picture)]


def build_scene(layout: Layout, robot: RobotConfig, fovy_deg: float, width: int, height: int) -> Scene:
    """Compile a layout; takes 1 to 3 s once the meshes are cached."""
    import mujoco

    spec = _new_spec(width, height)
    builder = _Builder(spec)
    parts_room: list[int] = []
    for index in range(len(layout.plan.rooms)):
        before = builder.count
        _add_room(builder, layout, index)
        parts_room += [index] * (builder.count - before)
    things = _add_things(builder, layout)
    add_robot(spec, robot, fovy_deg)
    model = spec.compile()
    geom_instance = np.zeros(model.ngeom, dtype=np.int32)
    for thing in things:
        body = model.body(thing.body).id
        geom_instance[model.geom_bodyid == body] = thing.id
    geom_room = np.full(model.ngeom, -1, dtype=np.int32)
    for part, room in enumerate(parts_room):
        geom_room[mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_GEOM, f"part{part}")] = room
    return Scene(model, tuple(things), geom_instance, geom_room, len(layout.objects))


def _new_spec(width: int, height: int) -> Any:
    import mujoco

    spec = mujoco.MjSpec()
    spec.option.timestep = TIMESTEP_S
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.visual.quality.offsamples = 0
    spec.visual.quality.shadowsize = 0
    spec.visual.global_.offwidth, spec.visual.global_.offheight = max(width, 640), max(height, 480)
    spec.visual.map.znear, spec.visual.map.zfar = 0.03, 40.0
    spec.visual.headlight.ambient = [0.42, 0.42, 0.42]
    spec.visual.headlight.diffuse = [0.32, 0.32, 0.32]
    spec.visual.headlight.specular = [0.0, 0.0, 0.0]
    spec.stat.extent = 1.0
    spec.stat.center = [0.0, 0.0, 1.0]
    for direction, strength in (([0.35, 0.2, -1.0], 0.32), ([-0.5, -0.8, -0.35], 0.14)):
        spec.worldbody.add_light(
            type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
            dir=direction,
            pos=[0, 0, 4],
            diffuse=[strength] * 3,
            specular=[0, 0, 0],
            castshadow=False,
        )
    return spec


def _add_things(builder: _Builder, layout: Layout) -> list[Thing]:
    things: list[Thing] = []
    movable = [o.instance for o in layout.objects] + list(layout.spares)
    for instance in movable:
        parts = instance_parts(instance)
        vertices = np.vstack([p.vertices for p in parts]).astype(np.float64)
        low, high = vertices.min(axis=0), vertices.max(axis=0)
        box = (float(low[0]), float(low[1]), float(low[2]), float(high[0]), float(high[1]), float(high[2]))
        body = builder.spec.worldbody.add_body(name=f"thing{len(things) + 1}", mocap=True, pos=LIMBO, **_AT_ORIGIN)
        builder.add(body, parts)
        builder.collide(body, [box])
        label, key = instance.category, instance.key
        things.append(Thing(len(things) + 1, label, key, True, vertices, _faces(parts), (box,), body.name))
    for piece in layout.furniture:
        shape = furniture_shape(piece.instance)
        body = builder.spec.worldbody.add_body(
            name=f"thing{len(things) + 1}",
            pos=[piece.x, piece.y, 0.0],
            quat=[np.cos(piece.yaw / 2), 0, 0, np.sin(piece.yaw / 2)],
            **_AT_ORIGIN,
        )
        builder.add(body, shape.parts)
        builder.collide(body, shape.boxes)
        vertices = np.vstack([p.vertices for p in shape.parts]).astype(np.float64)
        label, key = piece.instance.category, piece.instance.key
        things.append(Thing(len(things) + 1, label, key, False, vertices, _faces(shape.parts), shape.boxes, body.name))
    return things


def _add_room(builder: _Builder, layout: Layout, index: int) -> None:
    plan, room = layout.plan, layout.plan.rooms[index]
    wet = room.name in ("bathroom", "kitchen")
    floors = TILED_FLOORS if wet else tuple(f for f in FLOOR_TEXTURES if f not in TILED_FLOORS)
    floor = surface_texture(floors[layout.floor_choice[index] % len(floors)])
    wall = surface_texture(WALL_TEXTURES[layout.wall_choice[index] % len(WALL_TEXTURES)], 256)
    low, high = room.minimum - HALF_WALL, room.maximum + HALF_WALL
    slab = (low[0], low[1], -0.05, high[0], high[1], 0.0)
    world = builder.spec.worldbody
    builder.add(world, [box_mesh([slab], floor, tile_m=1.2 if wet else 2.0)])
    walls, skirting = room_walls(plan, index)
    builder.add(world, [box_mesh(walls, wall, tile_m=1.5), box_mesh(skirting, None, rgb=(0.86, 0.85, 0.82))])
    builder.collide(world, walls)
    lid = (low[0], low[1], WALL_HEIGHT, high[0], high[1], WALL_HEIGHT + 0.02)
    builder.add(world, [box_mesh([lid], None, rgb=(0.95, 0.95, 0.94))], group=CEILING_GROUP)


def room_walls(plan: FloorPlan, index: int) -> tuple[list[Bounds], list[Bounds]]:
    """Boxes of a room's half of its walls, open at the doors, and of its skirting boards; metres, map frame."""
    room = plan.rooms[index]
    walls: list[Bounds] = []
    skirting: list[Bounds] = []
    for axis in (0, 1):
        other = 1 - axis
        begin, end = room.minimum[other] - HALF_WALL, room.maximum[other] + HALF_WALL
        if axis == 1:
            begin, end = room.minimum[other], room.maximum[other]
        for outer in (False, True):
            face = room.maximum[axis] if outer else room.minimum[axis]
            middle = face + HALF_WALL if outer else face - HALF_WALL
            openings = sorted(
                (d.x, d.y)[other]
                for d in plan.doors
                if index in d.rooms and d.axis == axis and abs((d.x, d.y)[axis] - middle) < 1e-6
            )
            board = face - 0.012 if outer else face + 0.012
            cursor = begin
            for opening in [*openings, None]:
                stop = end if opening is None else opening - DOOR_WIDTH / 2
                walls.append(_wall(axis, face, middle, cursor, stop, 0.0, WALL_HEIGHT))
                inner = max(cursor, room.minimum[other]), min(stop, room.maximum[other])
                skirting.append(_wall(axis, board, face, *inner, 0.0, 0.07))
                if opening is not None:
                    cursor = opening + DOOR_WIDTH / 2
                    walls.append(_wall(axis, face, middle, stop, cursor, DOOR_HEIGHT, WALL_HEIGHT))
    return walls, skirting


def _wall(axis: int, a: float, b: float, begin: float, end: float, low: float, high: float) -> Bounds:
    x0, x1 = sorted((float(a), float(b)))
    if axis == 0:
        return (x0, float(begin), low, x1, float(end), high)
    return (float(begin), x0, low, float(end), x1, high)


def _faces(parts: Sequence[MeshPart]) -> NDArray[np.int64]:
    """(M, 3) faces of all parts, counted through their stacked vertices."""
    offsets = np.cumsum([0, *(len(p.vertices) for p in parts)])
    return np.vstack([p.faces.astype(np.int64) + o for p, o in zip(parts, offsets, strict=False)])


def surface_samples(scene: Scene, object_id: int, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(count, 3) points spread evenly over a thing's surface and their (count, 3) face normals, in its own frame."""
    thing = scene.things[object_id - 1]
    corners = thing.vertices[thing.faces]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(cross, axis=1)
    rng = np.random.default_rng(object_id)
    picked = rng.choice(len(area), count, p=area / area.sum())
    a, b = rng.random((2, count, 1))
    a, b = np.where(a + b > 1, 1 - a, a), np.where(a + b > 1, 1 - b, b)
    origin = corners[picked, 0]
    points = origin + a * (corners[picked, 1] - origin) + b * (corners[picked, 2] - origin)
    return points, cross[picked] / area[picked, None]
