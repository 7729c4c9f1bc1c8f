"""One apartment of the ``sessions`` benchmark: map it, change it, come back at an unknown pose, score."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.sessions.world import FURNITURE, SECOND, Apartment, SessionNoise, Shot, shoot
from memory_agent_ros.geometry.se3 import inverse, planar, yaw_of
from memory_agent_ros.memory.association.appearance import AppearanceModel
from memory_agent_ros.memory.sessions.relocalisation import RelocalisationConfig, relocalise
from memory_agent_ros.memory.sessions.session import Session
from memory_agent_ros.memory.sessions.surfaces import Surfaces
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.map_object import MapObject, ObjectState
from memory_agent_ros.records.relocalisation import Relocalisation

SHARES = (0.0, 0.1, 0.2, 0.3)
#: A pose is right within these.
NEAR_M, NEAR_DEG = 0.15, 5.0
#: Detections after which a thing counts as seen.
_SEEN = 3
#: The second visit begins so long after the map began.
_LATER_NS = 86_400 * SECOND


@dataclass(frozen=True, eq=False)
class Place:
    """What relocalisation needs of one map."""

    objects: list[MapObject]
    surfaces: Surfaces
    appearance: AppearanceModel

    @staticmethod
    def of(memory: SpatialMemory) -> Place:
        """Of a memory as it is now."""
        state = memory._state
        return Place(memory.objects(), Surfaces(list(state.looks.records)), state.appearance)


@dataclass(frozen=True, eq=False)
class Attempt:
    """One try to find a session in a map.

    Attributes:
        found: None if refused.
        error_m, error_deg: of the pose at the middle of the session, NaN if refused or if there is no true pose.
        cpu_ms: what it cost.
        seen: objects that the session knew.
    """

    found: Relocalisation | None
    error_m: float
    error_deg: float
    cpu_ms: float
    seen: int

    @property
    def right(self) -> bool:
        """Whether the pose is right."""
        return bool(self.error_m <= NEAR_M and self.error_deg <= NEAR_DEG)


@dataclass(eq=False)
class Visit:
    """An apartment, its map, and a second visit in a frame of its own.

    Attributes:
        memory: the stored map; place: the same as relocalisation sees it, before the second visit.
        shots: the second visit; T_map_session: its true frame in the map.
        owners: instance -> id of its object in the stored map.
        before, after: instance -> (3,) centre of each thing that stands there, at the first and second visit.
        sizes: instance -> longest edge.
    """

    seed: int
    share: float
    rooms: int
    apartment: Apartment
    memory: SpatialMemory
    place: Place
    shots: list[Shot]
    T_map_session: NDArray[np.float64]
    owners: dict[int, int]
    before: dict[int, NDArray[np.float64]]
    after: dict[int, NDArray[np.float64]]
    sizes: dict[int, float]
    local: SpatialMemory = field(default_factory=lambda: SpatialMemory.open(None))


def visit(split: str, seed: int, noise: SessionNoise | None = None) -> Visit:
    """Map an apartment; change a share of its movable things that goes with the seed; come back into some rooms."""
    rng = np.random.default_rng([seed % 2**32, 11])
    apartment = Apartment.draw(split, seed)
    share = SHARES[seed % len(SHARES)]
    memory = SpatialMemory.open(None)
    votes: dict[int, Counter[int]] = defaultdict(Counter)
    rooms = list(range(len(apartment.layout.plan.rooms)))
    for shot in shoot(apartment, apartment.tour(rooms, rng), np.eye(4), SECOND, 2 * seed, noise):
        memory.observe(shot.frame, shot.observations)
        for object_id, instance in zip(memory.assignments, shot.true_ids, strict=True):
            votes[object_id][instance] += 1
    before, sizes = truth(apartment)
    apartment.change(share, rng)
    after, more = truth(apartment)
    count = int(rng.integers(1, max(2, min(4, len(rooms)))))
    x, y, yaw, z = rng.uniform([-20.0, -20.0, -np.pi, -0.5], [20.0, 20.0, np.pi, 0.5]).tolist()
    T_session_map = planar(x, y, yaw, z)
    poses = apartment.tour(apartment.rooms_from(rng, count), rng)
    shots = list(shoot(apartment, poses, T_session_map, _LATER_NS, 2 * seed + 1, noise, "odom"))
    return Visit(
        seed, share, count, apartment, memory, Place.of(memory), shots, inverse(T_session_map),
        _owners(memory, votes), before, after, sizes | more,
    )  # fmt: skip


def truth(apartment: Apartment) -> tuple[dict[int, NDArray[np.float64]], dict[int, float]]:
    """Instance -> centre, and instance -> longest edge, of what stands there now."""
    from memory_agent_sim.furniture import furniture_shape
    from memory_agent_sim.instances import instance_size

    center, size = {}, {}
    for i, place in apartment.standing.items():
        edges = instance_size(place.instance)
        center[i], size[i] = np.array([place.x, place.y, place.z + edges[2] / 2]), max(edges)
    for i, piece in enumerate(apartment.layout.furniture, start=FURNITURE):
        edges = furniture_shape(piece.instance).size
        center[i], size[i] = np.array([piece.x, piece.y, edges[2] / 2]), max(edges)
    return center, size


def _owners(memory: SpatialMemory, votes: Mapping[int, Counter[int]]) -> dict[int, int]:
    """Instance -> the present object that most of its detections went to."""
    present = {o.id for o in memory.objects() if o.state is ObjectState.PRESENT}
    pooled: dict[int, Counter[int]] = defaultdict(Counter)
    for object_id, seen in votes.items():
        if object_id and _known(memory, object_id):
            for instance, count in seen.items():
                pooled[instance][memory.get(object_id).id] += count
    found = {}
    for instance, objects in pooled.items():
        best = objects.most_common(1)[0][0]
        if instance and best in present:
            found[instance] = best
    return found


def _known(memory: SpatialMemory, object_id: int) -> bool:
    state = memory._state
    return object_id in state.tracks or object_id in state.aliases


def attempt(
    stored: Place,
    local: Place,
    config: RelocalisationConfig,
    T_true: NDArray[np.float64] | None,
    *,
    looks: bool = True,
) -> Attempt:
    """Try to find one map in the other. ``T_true`` (4, 4) is None where there is nothing to find."""
    started = time.process_time()
    found = relocalise(
        stored.objects,
        local.objects,
        appearance=stored.appearance,
        stored_surfaces=stored.surfaces if looks else None,
        local_surfaces=local.surfaces if looks else None,
        config=config,
    )
    cost = (time.process_time() - started) * 1e3
    seen = sum(o.state is ObjectState.PRESENT for o in local.objects)
    if found is None or T_true is None:
        return Attempt(found, float("nan"), float("nan"), cost, seen)
    return Attempt(found, *pose_error(found.T_map_local, T_true, local.objects), cost, seen)


def pose_error(
    T: NDArray[np.float64], T_true: NDArray[np.float64], objects: Iterable[MapObject]
) -> tuple[float, float]:
    """Error at the middle of the session's objects, metres, and of the heading, degrees."""
    middle = np.append(np.mean([o.box.center for o in objects], axis=0), 1.0)
    turn = np.rad2deg(yaw_of(T) - yaw_of(T_true))
    return float(np.linalg.norm((T @ middle - T_true @ middle)[:3])), float(abs((turn + 180.0) % 360.0 - 180.0))


def grow(played: Visit, config: RelocalisationConfig, every: int = 5) -> list[Attempt]:
    """Feed the second visit to a map of its own (``played.local``); an attempt every so many images."""
    tries = []
    for n, shot in enumerate(played.shots, start=1):
        played.local.observe(shot.frame, shot.observations)
        if n % every == 0 and n < len(played.shots):
            tries.append(attempt(played.place, Place.of(played.local), config, played.T_map_session))
    return tries


@dataclass(frozen=True)
class Kept:
    """What became of identities after a session.

    Attributes:
        localised, right: whether a pose was found, and the right one.
        error_m, error_deg: of the pose, NaN without.
        seen_at: objects known when it was found; images: how many it took.
        unmoved, kept: things that stayed, known before and seen again; those that kept their id.
        moved, followed: the same of things that were moved.
        present, distinct: objects that stand where a thing of their kind does; such things.
    """

    localised: bool
    right: bool
    error_m: float
    error_deg: float
    seen_at: int
    images: int
    unmoved: int
    kept: int
    moved: int
    followed: int
    present: int
    distinct: int


def continue_session(played: Visit) -> Kept:
    """Feed the second visit through a :class:`Session` into the stored map, then ask who is who."""
    session, seen_at, images = Session(played.memory), 0, 0
    detections: Counter[int] = Counter()
    error = (float("nan"), float("nan"))
    for shot in played.shots:
        if not session.localised:
            images += 1
        session.observe(shot.frame, shot.observations)
        detections.update(shot.true_ids)
        if session.relocalisation is not None and seen_at == 0:
            seen_at = len(session.relocalisation.pairs)
    T = session.T_map_session
    if session.localised and T is not None:
        error = pose_error(T, played.T_map_session, played.local.objects() or played.memory.objects())
    right = error[0] <= NEAR_M and error[1] <= NEAR_DEG
    again = {i for i, n in detections.items() if n >= _SEEN and i in played.owners and i in played.after}
    stayed = again - played.apartment.changed
    moved = {i for i in again & played.apartment.changed if i in played.before}
    kept, followed = (sum(_is_there(played, i) for i in ids) for ids in (stayed, moved))
    return Kept(
        session.localised, bool(right), *error, seen_at, images, len(stayed), kept, len(moved), followed,
        *_duplicates(played),
    )  # fmt: skip


def _is_there(played: Visit, instance: int) -> bool:
    """Whether the object that was this thing is now known, seen in this session, where the thing stands."""
    thing = played.memory.get(played.owners[instance])
    near = float(np.linalg.norm(thing.box.center - played.after[instance])) <= _reach(played, instance)
    return thing.state is ObjectState.PRESENT and thing.last_seen_ns >= _LATER_NS and near


def _reach(played: Visit, instance: int) -> float:
    return 0.2 + 0.25 * played.sizes[instance]


def _duplicates(played: Visit) -> tuple[int, int]:
    """Present objects that stand where a thing of their label does, and how many such things."""
    labels = played.apartment.labels
    owned = Counter[int]()
    for thing in played.memory.objects():
        if thing.state is not ObjectState.PRESENT:
            continue
        near = [
            (float(np.linalg.norm(thing.box.center - center)), i)
            for i, center in played.after.items()
            if labels[i] == thing.label
        ]
        if near and min(near)[0] <= _reach(played, min(near)[1]):
            owned[min(near)[1]] += 1
    return sum(owned.values()), len(owned)
