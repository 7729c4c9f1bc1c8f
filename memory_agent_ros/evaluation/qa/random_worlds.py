"""Worlds to ask questions in, without rendering: an apartment drawn from a seed, lived in for some days.

Things move, leave and come between visits. Labels and rooms may get other names than the simulator's few, so that a
reader learns to copy names instead of knowing them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.qa.true_structure import Solid, TrueRoom, TrueStructure, box_cloud, parts_cloud
from memory_agent_ros.evaluation.qa.truth_memory import TruthMemory
from memory_agent_ros.evaluation.qa.visits import Sighting, Visit, remembered
from memory_agent_ros.evaluation.qa.words import MORE_FURNITURE, MORE_ROOMS, MORE_THINGS
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.errors import MissingExtraError
from memory_agent_ros.records.looks import LOOKS

if TYPE_CHECKING:
    from memory_agent_sim.layout import Layout, PlacedObject

_HOUR_NS = 3600 * 10**9
#: Apartments of each split that worlds are drawn from.
APARTMENTS = 400
#: Pixels that a thing fills in pictures that nobody took.
_PIXELS = np.array([8, 8, 40, 40], dtype=np.float32)


@dataclass(frozen=True)
class WorldConfig:
    """What is drawn.

    Attributes:
        visits: least and most visits.
        edits: most edits between two visits.
        unseen: share of the movable things that a visit does not see.
        renamed: chance that a world's labels and rooms get other names; each of them then with ``renamed`` again.
    """

    visits: tuple[int, int] = (2, 4)
    edits: int = 9
    unseen: float = 0.08
    renamed: float = 0.6


def draw_world(rng: np.random.Generator, split: str = "train", config: WorldConfig | None = None) -> TruthMemory:
    """A random world from one of the split's apartments.

    Raises:
        MissingExtraError: the simulator is not installed.
    """
    config = config or WorldConfig()
    seed = 50_000 + int(rng.integers(APARTMENTS))
    return world_of(split, seed, rng, config)


def world_of(split: str, seed: int, rng: np.random.Generator, config: WorldConfig | None = None) -> TruthMemory:
    """A random history of one apartment."""
    config = config or WorldConfig()
    layout = _layout(split, seed)
    names = _Names(rng, layout, config.renamed)
    visits: list[Visit] = []
    stamp = int(rng.integers(10, 400)) * _HOUR_NS
    living = _Living(layout, rng)
    for number in range(int(rng.integers(config.visits[0], config.visits[1] + 1))):
        if number:
            living.edit(int(rng.integers(1, config.edits + 1)))
            stamp += int(rng.uniform(0.4, 40.0) * _HOUR_NS)
        visits.append(_visit(living, names, rng, stamp, config.unseen if number else 0.0, visits))
        stamp = visits[-1].end_ns
    things, events = remembered(visits)
    rooms = [
        TrueRoom(i, names.rooms[i - 1], r.minimum, r.maximum) for i, r in enumerate(layout.plan.rooms, start=1)
    ]  # fmt: skip
    doors = np.array([[d.x, d.y] for d in layout.plan.doors]).reshape(-1, 2)
    now_ns = stamp + int(rng.uniform(0.02, 8.0) * _HOUR_NS)
    attributes = {i: _looks(rng) for i in things}
    return TruthMemory(things, events, TrueStructure(rooms, doors), now_ns, attributes=attributes)


def _looks(rng: np.random.Generator) -> dict[str, str]:
    """Looks of a thing that nobody rendered."""
    return {aspect: str(rng.choice(answers)) for aspect, answers in LOOKS.items() if rng.random() < 0.7}


@lru_cache(maxsize=64)
def _layout(split: str, seed: int) -> Layout:
    try:
        from memory_agent_sim.layout import draw_layout
    except ImportError as error:
        raise MissingExtraError(f"{error}; install the simulator: pip install ./sim (or `make setup`)") from error
    return draw_layout(split, seed)


class _Names:
    """What things and rooms are called in one world."""

    def __init__(self, rng: np.random.Generator, layout: Layout, renamed: float) -> None:
        movable = {o.category for o in (*(p.instance for p in layout.objects), *layout.spares)}
        furniture = {p.instance.category for p in layout.furniture}
        rooms = [r.name for r in layout.plan.rooms]
        share = renamed if rng.random() < renamed else 0.0
        self.labels = _renamed(rng, sorted(movable), MORE_THINGS, share)
        self.labels |= _renamed(rng, sorted(furniture), MORE_FURNITURE, share)
        self.rooms = list(_renamed(rng, rooms, MORE_ROOMS, share).values())
        if rng.random() < 0.25:
            self._number(rng)

    def _number(self, rng: np.random.Generator) -> None:
        """Two rooms of a kind: "bedroom" and "bedroom 2"; or one whose kind nobody could tell: "room 3"."""
        first, second = rng.permutation(len(self.rooms))[:2].tolist()
        base = self.rooms[first]
        if rng.random() < 0.5 and not base[-1].isdigit():
            self.rooms[second] = f"{base} 2"
        else:
            self.rooms[second] = f"room {second + 1}"


def _renamed(rng: np.random.Generator, names: list[str], others: tuple[str, ...], share: float) -> dict[str, str]:
    """Each name, or another one in its stead."""
    fresh = iter(rng.permutation(sorted(set(others) - set(names))).tolist())
    return {name: str(next(fresh)) if rng.random() < share else name for name in names}


class _Living:
    """The places of the movable things of an apartment over time."""

    def __init__(self, layout: Layout, rng: np.random.Generator) -> None:
        self.layout, self._rng = layout, rng
        self.instances = [o.instance for o in layout.objects] + list(layout.spares)
        self.places: dict[int, PlacedObject] = dict(enumerate(layout.objects, start=1))

    def edit(self, count: int) -> None:
        """Some things move, leave, come or change places."""
        from memory_agent_sim.edits import KINDS, EditSampler
        from memory_agent_sim.layout import ObjectPlacer, place_at, surfaces_of

        layout = self.layout
        placer = ObjectPlacer(layout.plan, layout.furniture, list(self.places.values()))
        waiting = {i: one for i, one in enumerate(self.instances, start=1) if i not in self.places}
        surfaces = surfaces_of(layout.plan, layout.furniture)
        kinds = self._rng.permutation([*KINDS, "remove"]).tolist()
        sampler = EditSampler(placer, surfaces, dict(self.places), waiting, None)
        places = dict(self.places)
        for edit in sampler.sample(self._rng, count, kinds):
            i, other = edit.object_id, edit.other_id
            if edit.kind == "remove":
                places.pop(i, None)
            elif edit.kind == "swap" and other is not None:
                for one, to in ((i, self.places[other]), (other, self.places[i])):
                    spot = np.array([to.x, to.y, to.z])
                    places[one] = place_at(layout, self.instances[one - 1], spot, to.yaw)
            elif edit.position_m is not None:
                places[i] = place_at(layout, self.instances[i - 1], edit.position_m, edit.yaw)
        self.places = places


def _visit(
    living: _Living, names: _Names, rng: np.random.Generator, stamp_ns: int, unseen: float, before: list[Visit]
) -> Visit:
    """One tour of all rooms; each thing is seen while its room is visited."""
    from memory_agent_sim.twin.things import boxes_of

    boxes = boxes_of(living.layout, living.places)
    order = rng.permutation(len(living.layout.plan.rooms)).tolist()
    enters = {room: stamp_ns + n * int(rng.uniform(60, 240)) * 10**9 for n, room in enumerate(order)}
    solids, sightings = {}, {}
    movable = len(living.instances)
    for row in np.flatnonzero(boxes.present).tolist():
        if row < movable and rng.random() < unseen:
            continue
        solid = _solid(
            living.layout, names.labels, row, OrientedBox(boxes.center[row], boxes.size[row], boxes.yaw[row])
        )
        begin = enters[int(boxes.room[row])]
        stamps = sorted((begin + rng.uniform(0, 50, size=2) * 1e9).astype(np.int64).tolist())
        solids[solid.id] = solid
        sightings[solid.id] = [
            Sighting(int(s), len(before) * 100 + int(boxes.room[row]) + 1, _camera(solid), _PIXELS) for s in stamps
        ]
    end_ns = max(enters.values()) + 60 * 10**9
    looked = {}
    missing = {i for v in before for i in v.solids} - set(solids)
    for i in missing:
        standing = i <= movable and i in living.places
        if not standing:  # what a visit overlooks is not looked at either
            last = next(v.solids[i] for v in reversed(before) if i in v.solids)
            room = living.layout.plan.room_at(last.box.center[:2])
            looked[i] = int(enters[room] + rng.uniform(0, 50) * 1e9)
    return Visit(solids, sightings, looked, end_ns)


def _solid(layout: Layout, labels: Mapping[str, str], row: int, box: OrientedBox) -> Solid:
    from memory_agent_sim.furniture import furniture_shape

    movable = len(layout.objects) + len(layout.spares)
    if row >= movable:
        piece = layout.furniture[row - movable]
        ground = np.array([piece.x, piece.y, 0.0])
        cloud = parts_cloud(furniture_shape(piece.instance).boxes, ground, piece.yaw)
        return Solid(row + 1, labels[piece.instance.category], box, cloud)
    instances = [*(o.instance for o in layout.objects), *layout.spares]
    return Solid(row + 1, labels[instances[row].category], box, box_cloud(box))


def _camera(solid: Solid) -> NDArray[np.float64]:
    """(4, 4) a camera two metres off at eye height that looks level towards the thing."""
    T = np.eye(4)
    T[:3, :3] = [[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]
    T[:3, 3] = solid.box.center[0] - 2.0, solid.box.center[1], 1.1
    return T
