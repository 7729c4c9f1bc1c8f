"""What stands where: a seeded apartment, furniture along the walls, movable things on furniture and floor."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from memory_agent_sim.floorplan import FloorPlan, draw_floor_plan
from memory_agent_sim.freespace import FloorGrid, Footprint, rasterize, rooms_reachable
from memory_agent_sim.furnishing import PlacedFurniture, furnish
from memory_agent_sim.furniture import Support, furniture_instances, furniture_shape
from memory_agent_sim.habits import FLOOR, Place, require_placement, surface_weights
from memory_agent_sim.instances import ObjectInstance, instance_size, movable_instances, split_index

BASE_RADIUS = 0.20
#: Radius for which every room stays reachable, and the margin planned with on top.
CLEARANCE_RADIUS = 0.25
SPACING_M = 0.30
SAME_CATEGORY_SPACING_M = 0.55
#: The same in a cluttered apartment, where look-alikes stand side by side.
CLUTTERED_SPACING_M = 0.10
SPARES = 4
MINIMUM_CATEGORIES = 17


@dataclass(frozen=True)
class Surface:
    """A support in the map frame: centre of its owner, yaw, and the owner's index (None: the floor of a room)."""

    room: int
    furniture: int | None
    x: float
    y: float
    yaw: float
    support: Support


@dataclass(frozen=True)
class PlacedObject:
    """Where an instance stands: centre of its footprint, height of its underside, yaw; metres, radians, map frame."""

    instance: ObjectInstance
    room: int
    furniture: int | None
    x: float
    y: float
    z: float
    yaw: float


@dataclass(frozen=True, eq=False)
class Layout:
    """A whole apartment before physics.

    Attributes:
        plan: rooms and doors.
        furniture, objects: what stands where.
        spares: instances that can be added later; not placed.
        floor_choice, wall_choice: (rooms,) random integers that choose the pictures of each room.
        start: x, y, yaw of the base.
    """

    plan: FloorPlan
    furniture: tuple[PlacedFurniture, ...]
    objects: tuple[PlacedObject, ...]
    spares: tuple[ObjectInstance, ...]
    floor_choice: tuple[int, ...]
    wall_choice: tuple[int, ...]
    start: tuple[float, float, float]

    def grid(self, resolution_m: float = 0.05) -> FloorGrid:
        """Raster of the floor with furniture and floor objects as placed."""
        return rasterize(self.plan, self.footprints(), resolution_m)

    def footprints(self) -> list[Footprint]:
        """Everything that blocks the base."""
        found = [f.footprint() for f in self.furniture]
        return found + [object_footprint(o) for o in self.objects if o.furniture is None]


def seed_sequence(split: str, seed: int) -> np.random.SeedSequence:
    """Entropy of one apartment: any integer, negative and huge ones too, gives its own."""
    return np.random.SeedSequence([split_index(split), int(seed < 0), abs(int(seed))])


def object_footprint(placed: PlacedObject) -> Footprint:
    """Floor rectangle of a placed object."""
    width, depth, _ = instance_size(placed.instance)
    return Footprint(placed.x, placed.y, width, depth, placed.yaw)


def draw_layout(
    split: str, seed: int, rooms: int | None = None, *, cluttered: bool = False, placement: str = "uniform"
) -> Layout:
    """Apartment of a split and seed; ``rooms`` (3 to 6) is drawn when None.

    ``cluttered``: twice as many things, those of a category together and close. ``placement``: whose habits decide
    where things stand (:mod:`memory_agent_sim.habits`); rooms and furniture are the same whatever it is.

    Raises:
        BadInputError: ``split_unknown``, ``placement_unknown``.
    """
    require_placement(placement)
    rng = np.random.default_rng(seed_sequence(split, seed))
    drawn = int(rng.integers(3, 7))
    plan = draw_floor_plan(rng, rooms or drawn)
    furniture = furnish(rng, plan, furniture_instances(split), CLEARANCE_RADIUS)
    placer = ObjectPlacer(plan, furniture, placement=placement)
    count = int(np.clip(round(len(plan.rooms) * rng.uniform(6.0, 7.5)) + 3, 20, 40))
    if cluttered:
        placer.spacing_m = placer.same_category_m = CLUTTERED_SPACING_M
        objects, left = _crowd(rng, placer, movable_instances(split), 2 * count)
    else:
        objects, left = _fill(rng, placer, movable_instances(split), count)
    choices = [tuple(int(i) for i in rng.integers(0, 1 << 16, len(plan.rooms))) for _ in range(2)]
    start = _start_pose(rng, rasterize(plan, placer.blockers(), 0.05))
    return Layout(plan, furniture, objects, tuple(left[:SPARES]), choices[0], choices[1], start)


def place_at(layout: Layout, instance: ObjectInstance, position: NDArray[np.float64], yaw: float) -> PlacedObject:
    """Where a thing stands whose underside has its middle at (3,): its room, and the furniture under it if any."""
    x, y, z = (float(n) for n in position)
    under = None
    for index, piece in enumerate(layout.furniture):
        f = piece.footprint()
        c, s = np.cos(f.yaw), np.sin(f.yaw)
        u, v = c * (x - f.x) + s * (y - f.y), -s * (x - f.x) + c * (y - f.y)
        if z > 0.1 and abs(u) <= f.width / 2 and abs(v) <= f.depth / 2:
            under = index
    return PlacedObject(instance, layout.plan.room_at(np.array([x, y])), under, x, y, z, yaw)


def surfaces_of(plan: FloorPlan, furniture: tuple[PlacedFurniture, ...]) -> list[Surface]:
    """All supports in the map frame, the floors of the rooms last."""
    found = []
    for i, piece in enumerate(furniture):
        for support in furniture_shape(piece.instance).supports:
            found.append(Surface(piece.room, i, piece.x, piece.y, piece.yaw, support))
    for i, room in enumerate(plan.rooms):
        half = (room.maximum - room.minimum) / 2
        floor = Support((-float(half[0]), -float(half[1])), (float(half[0]), float(half[1])), 0.0)
        found.append(Surface(i, None, float(room.center[0]), float(room.center[1]), 0.0, floor))
    return found


@dataclass
class ObjectPlacer:
    """Finds places for things: inside a surface, apart from each other, never blocking the way.

    ``spacing_m`` and ``same_category_m`` are the least distances of two things' centres; ``placement`` names the habits
    by which a surface is chosen.
    """

    plan: FloorPlan
    furniture: tuple[PlacedFurniture, ...]
    placed: list[PlacedObject] = field(default_factory=list)
    extra: list[Footprint] = field(default_factory=list)
    spacing_m: float = SPACING_M
    same_category_m: float = SAME_CATEGORY_SPACING_M
    placement: str = "uniform"

    def order(self, rng: np.random.Generator, category: str, surfaces: list[Surface]) -> list[int]:
        """Surfaces in the order in which they are tried for a thing of a category: drawn by habit, if there is one."""
        if self.placement == "uniform":
            return _surface_order(rng, self, surfaces)
        weights = np.array(surface_weights(category, self.placement, [self.place_of(s) for s in surfaces]))
        with np.errstate(divide="ignore"):
            # Gumbel noise on logarithms draws without replacement, in proportion to the weights.
            keys = np.log(weights) + rng.gumbel(size=len(weights))
        return [int(i) for i in np.argsort(-keys)]

    def place_of(self, surface: Surface) -> Place:
        """Name of a surface's room, and of the furniture it belongs to or ``floor``."""
        kind = FLOOR if surface.furniture is None else self.furniture[surface.furniture].instance.category
        return self.plan.rooms[surface.room].name, kind

    def blockers(self) -> list[Footprint]:
        """Footprints of furniture and of things on the floor."""
        found = [f.footprint() for f in self.furniture]
        return found + self.extra + [object_footprint(o) for o in self.placed if o.furniture is None]

    def try_place(
        self, rng: np.random.Generator, instance: ObjectInstance, surface: Surface, tries: int = 12
    ) -> PlacedObject | None:
        """A place on ``surface``, or None if none was found; does not record it."""
        width, depth, height = instance_size(instance)
        support = surface.support
        if height > support.clearance or (surface.furniture is None) != (self._on_floor(instance, surface)):
            return None
        for _ in range(tries):
            turn = float(rng.uniform(-np.pi, np.pi)) if surface.furniture is None else float(rng.uniform(-0.5, 0.5))
            reach = np.abs([[np.cos(turn), np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ [width / 2, depth / 2]
            low, high = np.array(support.minimum) + reach, np.array(support.maximum) - reach
            if (low > high).any():
                continue
            u, v = rng.uniform(low, high)
            c, s = np.cos(surface.yaw), np.sin(surface.yaw)
            x, y = surface.x + c * u - s * v, surface.y + s * u + c * v
            candidate = PlacedObject(
                instance, surface.room, surface.furniture, float(x), float(y), support.z, surface.yaw + turn
            )
            if self._apart(candidate) and (surface.furniture is not None or self._leaves_way(candidate)):
                return candidate
        return None

    def _on_floor(self, instance: ObjectInstance, surface: Surface) -> bool:
        if surface.furniture is None:
            return "floor" in instance.source.places
        return "table" not in instance.source.places

    def _apart(self, candidate: PlacedObject) -> bool:
        size = np.hypot(*instance_size(candidate.instance)[:2]) / 2
        for other in self.placed:
            distance = np.hypot(candidate.x - other.x, candidate.y - other.y)
            far_in_height = abs(candidate.z - other.z) > 0.25
            touching = size + np.hypot(*instance_size(other.instance)[:2]) / 2 + 0.03
            if not far_in_height and distance < max(self.spacing_m, touching):
                return False
            if candidate.instance.category == other.instance.category and distance < self.same_category_m:
                return False
        return True

    def _leaves_way(self, candidate: PlacedObject) -> bool:
        """Floor things keep off furniture and doors, and every room stays reachable."""
        footprint = object_footprint(candidate)
        around = rasterize(self.plan, self.blockers(), 0.05)
        standing = around.centers(float(np.hypot(footprint.width, footprint.depth) / 2 + 0.02))
        if not standing[around.cell(np.array([candidate.x, candidate.y]))]:
            return False
        if any(np.hypot(candidate.x - d.x, candidate.y - d.y) < 1.1 for d in self.plan.doors):
            return False
        kept = [b for b in self.blockers() if b not in self.extra]
        return rooms_reachable(self.plan, [*kept, footprint], CLEARANCE_RADIUS, 1.2)


def _fill(
    rng: np.random.Generator, placer: ObjectPlacer, stock: dict[str, tuple[ObjectInstance, ...]], count: int
) -> tuple[tuple[PlacedObject, ...], list[ObjectInstance]]:
    """Place ``count`` instances: one of every category first, then second ones; returns what is left as well."""
    shuffled = {c: [found[int(i)] for i in rng.permutation(len(found))] for c, found in sorted(stock.items())}
    categories = [str(c) for c in rng.permutation(sorted(shuffled))]
    categories = categories[: max(MINIMUM_CATEGORIES, round(0.7 * count))]
    queue = [shuffled[c][n] for n in range(2) for c in categories if len(shuffled[c]) > n]
    surfaces = surfaces_of(placer.plan, placer.furniture)
    left: list[ObjectInstance] = []
    for instance in queue:
        if len(placer.placed) >= count:
            left.append(instance)
            continue
        for index in placer.order(rng, instance.category, surfaces):
            found = placer.try_place(rng, instance, surfaces[index])
            if found is not None:
                placer.placed.append(found)
                break
    return tuple(placer.placed), left


def _crowd(
    rng: np.random.Generator, placer: ObjectPlacer, stock: dict[str, tuple[ObjectInstance, ...]], count: int
) -> tuple[tuple[PlacedObject, ...], list[ObjectInstance]]:
    """Place ``count`` instances category by category, those of one as long as there is room on the same surface."""
    queue = [i for c in rng.permutation(sorted(stock)) for i in stock[str(c)]]
    surfaces = surfaces_of(placer.plan, placer.furniture)
    left: list[ObjectInstance] = []
    order: list[int] = []
    category = ""
    for instance in queue:
        if len(placer.placed) >= count:
            left.append(instance)
            continue
        if instance.category != category:
            category, order = instance.category, placer.order(rng, instance.category, surfaces)
        for index in order:
            found = placer.try_place(rng, instance, surfaces[index])
            if found is not None:
                placer.placed.append(found)
                order.remove(index)
                order.insert(0, index)
                break
    return tuple(placer.placed), left


def _surface_order(rng: np.random.Generator, placer: ObjectPlacer, surfaces: list[Surface]) -> list[int]:
    """Surfaces in random order, rooms with few things first."""
    load = np.bincount([o.room for o in placer.placed], minlength=len(placer.plan.rooms))
    keys = [load[s.room] + rng.uniform(0, 6) for s in surfaces]
    return [int(i) for i in np.argsort(keys)]


def _start_pose(rng: np.random.Generator, grid: FloorGrid) -> tuple[float, float, float]:
    rows, columns = np.nonzero(grid.centers(CLEARANCE_RADIUS + 0.1))
    pick = int(rng.integers(len(rows)))
    x, y = grid.origin + (np.array([columns[pick], rows[pick]]) + 0.5) * grid.resolution_m
    return float(x), float(y), float(rng.uniform(-np.pi, np.pi))
