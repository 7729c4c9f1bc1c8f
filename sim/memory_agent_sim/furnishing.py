"""Furniture along the walls of each room, doors kept free, every room reachable."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_sim.floorplan import Door, FloorPlan, Room
from memory_agent_sim.freespace import Footprint, rooms_reachable
from memory_agent_sim.furniture import FurnitureInstance, furniture_shape

#: What a room should hold, most important first; a trailing ``?`` is put in with probability one half.
WISHES: dict[str, tuple[str, ...]] = {
    "living room": ("sofa", "cabinet", "coffee table", "side table", "bookshelf", "armchair?", "side table?"),
    "kitchen": ("counter", "refrigerator", "table", "chair", "chair", "cabinet?", "stool?"),
    "bedroom": ("bed", "nightstand", "cabinet", "wardrobe?", "desk?", "chair?"),
    "bathroom": ("washstand", "washing machine", "bathtub?", "side table?", "stool?"),
    "office": ("desk", "chair", "bookshelf", "side table", "cabinet?"),
    "dining room": ("table", "chair", "chair", "cabinet", "chair?", "side table?"),
}
#: Pieces that stand free in the room instead of against a wall.
FREE_STANDING = ("coffee table", "chair", "stool", "table")


@dataclass(frozen=True)
class PlacedFurniture:
    """A piece at x, y on the floor of a room, turned by ``yaw`` about z; metres, radians, map frame."""

    instance: FurnitureInstance
    room: int
    x: float
    y: float
    yaw: float

    def footprint(self) -> Footprint:
        """Its rectangle on the floor."""
        width, depth, _ = furniture_shape(self.instance).size
        return Footprint(self.x, self.y, width, depth, self.yaw)


def furnish(
    rng: np.random.Generator,
    plan: FloorPlan,
    stock: dict[str, tuple[FurnitureInstance, ...]],
    radius_m: float,
) -> tuple[PlacedFurniture, ...]:
    """Furniture of all rooms; a piece that would cut off a door or a room is left out."""
    supply = {c: [found[int(i)] for i in rng.permutation(len(found))] for c, found in sorted(stock.items())}
    placed: list[PlacedFurniture] = []
    for index, room in enumerate(plan.rooms):
        doors = [d for d in plan.doors if index in d.rooms]
        for wish in WISHES[room.name]:
            category = wish.removesuffix("?")
            if (wish.endswith("?") and rng.random() < 0.5) or not supply[category]:
                continue
            found = _place(rng, plan, index, doors, supply[category][-1], placed, radius_m)
            if found is not None:
                supply[category].pop()
                placed.append(found)
    return tuple(placed)


def _place(
    rng: np.random.Generator,
    plan: FloorPlan,
    index: int,
    doors: list[Door],
    instance: FurnitureInstance,
    placed: list[PlacedFurniture],
    radius_m: float,
) -> PlacedFurniture | None:
    room = plan.rooms[index]
    mine = [p for p in placed if p.room == index]
    for _ in range(40):
        x, y, yaw = _candidate(rng, room, instance, mine)
        candidate = PlacedFurniture(instance, index, x, y, yaw)
        if not _fits(candidate, room, doors, mine):
            continue
        if rooms_reachable(plan, [p.footprint() for p in [*placed, candidate]], radius_m, 2.0):
            return candidate
    return None


def _candidate(
    rng: np.random.Generator, room: Room, instance: FurnitureInstance, mine: list[PlacedFurniture]
) -> tuple[float, float, float]:
    width, depth, _ = furniture_shape(instance).size
    hosts = {"chair": ("table", "desk"), "stool": ("counter", "washstand"), "coffee table": ("sofa",)}
    near = [p for p in mine if p.instance.category in hosts.get(instance.category, ())]
    if near and rng.random() < 0.85:
        return _beside(rng, near[int(rng.integers(len(near)))], depth)
    if instance.category in FREE_STANDING and rng.random() < 0.4:
        x, y = rng.uniform(room.minimum + 0.5, room.maximum - 0.5)
        return float(x), float(y), float(rng.choice([0.0, np.pi / 2]))
    side = int(rng.integers(4))
    yaw = side * np.pi / 2
    across = width / 2 + 0.02
    if side % 2 == 0:
        low, high = room.minimum[0] + across, room.maximum[0] - across
        y = room.minimum[1] + depth / 2 + 0.01 if side == 0 else room.maximum[1] - depth / 2 - 0.01
        return float(_along(rng, low, high)), float(y), yaw
    low, high = room.minimum[1] + across, room.maximum[1] - across
    x = room.maximum[0] - depth / 2 - 0.01 if side == 1 else room.minimum[0] + depth / 2 + 0.01
    return float(x), float(_along(rng, low, high)), yaw


def _along(rng: np.random.Generator, low: float, high: float) -> float:
    """A place along a wall, often in a corner."""
    if high <= low:
        return (low + high) / 2
    return float(rng.choice([low, high])) if rng.random() < 0.5 else float(rng.uniform(low, high))


def _beside(rng: np.random.Generator, host: PlacedFurniture, depth: float) -> tuple[float, float, float]:
    """In front of (or around) a host, facing it."""
    width, host_depth, _ = furniture_shape(host.instance).size
    gap = 0.45 if host.instance.category == "sofa" else 0.05
    side = 1 if host.instance.category != "table" else int(rng.choice([-1, 1]))
    u, v = float(rng.uniform(-0.25, 0.25)) * width, side * (host_depth / 2 + depth / 2 + gap)
    c, s = np.cos(host.yaw), np.sin(host.yaw)
    yaw = host.yaw + (np.pi if side > 0 else 0.0)
    return float(host.x + c * u - s * v), float(host.y + s * u + c * v), float(yaw)


def _bounds(piece: PlacedFurniture, margin_m: float = 0.0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    corners = piece.footprint().corners(margin_m)
    return corners.min(axis=0), corners.max(axis=0)


def _fits(candidate: PlacedFurniture, room: Room, doors: list[Door], mine: list[PlacedFurniture]) -> bool:
    low, high = _bounds(candidate)
    if (low < room.minimum).any() or (high > room.maximum).any():
        return False
    for door in doors:
        reach = np.array([0.9, 0.6]) if door.axis == 0 else np.array([0.6, 0.9])
        middle = np.array([door.x, door.y])
        if (low < middle + reach).all() and (high > middle - reach).all():
            return False
    for other in mine:
        other_low, other_high = _bounds(other, 0.03)
        if (low < other_high).all() and (high > other_low).all():
            return False
    return True
