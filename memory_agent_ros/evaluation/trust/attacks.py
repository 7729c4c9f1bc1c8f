"""Ways to poison a memory through one of its sources. The attacker forges depth and detections alike, consistently.

Each takes so many of the attacked robot's observations that ``share`` of all observations are false.
"""

from __future__ import annotations

import copy
import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from memory_agent_ros.evaluation.sessions.box_camera import Solids
from memory_agent_ros.evaluation.sessions.world import FURNITURE, Apartment, Shot, shoot
from memory_agent_ros.evaluation.trust.poison_world import ATTACKED, SOURCES, PoisonWorld
from memory_agent_ros.geometry.se3 import planar
from memory_agent_ros.memory.sessions.session import in_frame
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.observation import Observation

#: How far a drifting robot is off at the end, metres, and from where on what it reports counts as false.
_DRIFT_M, _FALSE_FROM_M = 1.5, 0.25


@dataclass(frozen=True, eq=False)
class Stream:
    """What reaches the memory, by time.

    Attributes:
        frames: with the source in each.
        share: of the observations that are false (of those that should be there: withheld ones count too).
    """

    frames: list[tuple[Frame, list[Observation]]]
    share: float


def honest(world: PoisonWorld) -> Stream:
    """Nobody lies."""
    return _stream(world, {}, 0.0)


def attacked(world: PoisonWorld, attack: str, share: float, seed: int) -> Stream:
    """One source of the world in the hands of an attacker."""
    rng = np.random.default_rng([abs(seed), sorted(ATTACKS).index(attack), round(share * 1000)])
    return ATTACKS[attack](world, share, rng)


def _phantoms(world: PoisonWorld, share: float, rng: np.random.Generator) -> Stream:
    """Things that are not there, the same ones in every picture."""
    counts, total = _counts(world)
    each = float(np.mean([n for i, n in counts.items() if i < FURNITURE]))
    number = max(1, round(share * total / max(each, 1.0)))
    instances = list(world.apartments[0].layout.objects) + list(world.apartments[1].layout.objects)
    shown = [instances[int(rng.integers(len(instances)))].instance for _ in range(number)]
    places = _floor(world.apartments[0], rng, number)

    def forge(apartment: Apartment) -> Apartment:
        fake = copy.copy(apartment)
        fake.layout = dataclasses.replace(apartment.layout, spares=(*apartment.layout.spares, *shown))
        first = len(apartment.layout.objects) + len(apartment.layout.spares) + 1
        extra = {
            first + k: dataclasses.replace(instances[0], instance=one, room=0, furniture=None, x=x, y=y, z=0.0)
            for k, (one, (x, y)) in enumerate(zip(shown, places, strict=True))
        }
        fake.standing = {**apartment.standing, **extra}
        return fake

    forged = _forged(world, forge)
    first = len(world.apartments[0].layout.objects) + len(world.apartments[0].layout.spares)
    false = sum(first < i < FURNITURE for shots in forged.values() for s in shots for i in s.true_ids)
    return _stream(world, forged, false)


def _relabels(world: PoisonWorld, share: float, rng: np.random.Generator) -> Stream:
    """Things called by another name, always the same wrong one."""
    chosen, false = _chosen(world, share, rng, furniture=True)
    labels = world.apartments[0].labels
    names = sorted(set(labels.values()))
    lies = {i: str(rng.choice([n for n in names if n != labels[i]])) for i in chosen}

    def lie(shot: Shot) -> Shot:
        told = [
            dataclasses.replace(o, label=lies[i], label_scores={lies[i]: o.score}) if i in lies else o
            for o, i in zip(shot.observations, shot.true_ids, strict=True)
        ]
        return dataclasses.replace(shot, observations=told)

    return _stream(world, {n: [lie(s) for s in shots] for n, shots in _own(world).items()}, false)


def _teleports(world: PoisonWorld, share: float, rng: np.random.Generator) -> Stream:
    """Things shown at another place, and their true place empty."""
    chosen, false = _chosen(world, share, rng, furniture=False)
    places = dict(zip(chosen, _floor(world.apartments[0], rng, len(chosen)), strict=True))

    def forge(apartment: Apartment) -> Apartment:
        fake = copy.copy(apartment)
        fake.standing = {
            i: dataclasses.replace(p, x=places[i][0], y=places[i][1], z=0.0, furniture=None) if i in places else p
            for i, p in apartment.standing.items()
        }
        return fake

    return _stream(world, _forged(world, forge), false)


def _deletions(world: PoisonWorld, share: float, rng: np.random.Generator) -> Stream:
    """Things not reported, and what is behind them in their place."""
    chosen, false = _chosen(world, share, rng, furniture=True)
    forged = {}
    for n, watch in enumerate(world.watches):
        if watch.source == ATTACKED:
            apartment = world.apartments[watch.visit]
            real = apartment.solids()
            stays = ~np.isin(real.ids, list(chosen))
            solids = Solids(real.center[stays], real.half[stays], real.yaw[stays], real.ids[stays])
            forged[n] = list(shoot(apartment, watch.poses, np.eye(4), watch.start_ns, watch.seed, solids=solids))
    return _stream(world, forged, false)


def _drift(world: PoisonWorld, share: float, rng: np.random.Generator) -> Stream:
    """A pose that slides away slowly, so that everything is put farther and farther off."""
    own = _own(world)
    _, total = _counts(world)
    order = [(n, k) for n, shots in own.items() for k in range(len(shots))]
    left, first = share * total, len(order)
    while first > 0 and left > 0:
        first -= 1
        left -= len(own[order[first][0]][order[first][1]].observations)
    angle = float(rng.uniform(-np.pi, np.pi))
    forged: dict[int, list[Shot]] = {n: [] for n in own}
    false = 0
    begin = first - round((len(order) - first) * _FALSE_FROM_M / (_DRIFT_M - _FALSE_FROM_M))
    for at, (n, k) in enumerate(order):
        shot = own[n][k]
        off = _DRIFT_M * max(at - begin, 0) / max(len(order) - begin, 1)
        T = planar(off * np.cos(angle), off * np.sin(angle), 0.0)
        false += len(shot.observations) * (off >= _FALSE_FROM_M)
        frame, told = in_frame(shot.frame, shot.observations, T, "map") if off else (shot.frame, shot.observations)
        forged[n].append(Shot(frame, told, shot.true_ids))
    return _stream(world, forged, false)


def _sleeper(world: PoisonWorld, share: float, rng: np.random.Generator) -> Stream:
    """Honest through the first visit; in the second one it shows things at other places."""
    stream = _teleports(world, 2 * share, rng)
    quiet = {s.frame.stamp_ns: s for n, shots in _own(world).items() if not world.watches[n].visit for s in shots}
    frames = []
    for frame, told in stream.frames:
        shot = quiet.get(frame.stamp_ns)
        frames.append((frame, told) if shot is None else (_signed(shot.frame, ATTACKED), list(shot.observations)))
    return Stream(frames, stream.share / 2)


ATTACKS: Mapping[str, Callable[[PoisonWorld, float, np.random.Generator], Stream]] = {
    "phantoms": _phantoms,
    "relabels": _relabels,
    "teleports": _teleports,
    "deletions": _deletions,
    "drift": _drift,
    "sleeper": _sleeper,
}


def _own(world: PoisonWorld) -> dict[int, list[Shot]]:
    """What the attacked robot honestly sees, by number of the watch."""
    return {n: list(world.shots[n]) for n, w in enumerate(world.watches) if w.source == ATTACKED}


def _counts(world: PoisonWorld) -> tuple[Counter[int], int]:
    """How often the attacked robot sees each thing, and how many observations all make together."""
    counts = Counter(i for shots in _own(world).values() for s in shots for i in s.true_ids if i)
    return counts, sum(len(s.observations) for shots in world.shots for s in shots)


def _chosen(world: PoisonWorld, share: float, rng: np.random.Generator, *, furniture: bool) -> tuple[list[int], float]:
    """Things that make up a share of all observations in the attacked robot's, movable ones first; and how many."""
    counts, total = _counts(world)
    order = [i for i in rng.permutation(sorted(counts)).tolist() if furniture or i < FURNITURE]
    chosen: list[int] = []
    false = 0.0
    for i in sorted(order, key=lambda i: i >= FURNITURE):
        if false >= share * total:
            break
        chosen.append(i)
        false += counts[i]
    return chosen, false


def _floor(apartment: Apartment, rng: np.random.Generator, count: int) -> list[tuple[float, float]]:
    """Free places on the floor."""
    grid = apartment.layout.grid(0.1)
    rows, columns = np.nonzero(grid.centers(0.15))
    points = (np.stack([columns, rows], axis=1) + 0.5) * grid.resolution_m + grid.origin
    picked = rng.choice(len(points), size=count, replace=count > len(points))
    return [(float(x), float(y)) for x, y in points[picked]]


def _forged(world: PoisonWorld, forge: Callable[[Apartment], Apartment]) -> dict[int, list[Shot]]:
    """What the attacked robot would see in another apartment."""
    return {
        n: list(shoot(forge(world.apartments[w.visit]), w.poses, np.eye(4), w.start_ns, w.seed))
        for n, w in enumerate(world.watches)
        if w.source == ATTACKED
    }


def _stream(world: PoisonWorld, forged: Mapping[int, list[Shot]], false: float) -> Stream:
    frames = []
    for n, watch in enumerate(world.watches):
        for shot in forged.get(n, world.shots[n]):
            frames.append((_signed(shot.frame, watch.source), list(shot.observations)))
    _, total = _counts(world)
    got = sum(len(told) for _, told in frames)
    return Stream(sorted(frames, key=lambda f: f[0].stamp_ns), false / max(total, got))


def _signed(frame: Frame, source: int) -> Frame:
    return dataclasses.replace(frame, source=SOURCES[source])
