"""An apartment that three robots watch, twice, with changes between; what a perfect memory would know of it.

Apartments and detector are those of the simulator; pictures are ray-cast boxes. The truth is what the two honest robots
were shown: a memory that believes them, and nobody else, can answer every question.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.change_truth import WELL_RANGE_M, WELL_SHARE, box_points, unhidden
from memory_agent_ros.evaluation.qa.families.catalogue import of_class
from memory_agent_ros.evaluation.qa.sample import Sample, sample_of
from memory_agent_ros.evaluation.qa.tasks import is_fair
from memory_agent_ros.evaluation.qa.true_structure import Solid, TrueRoom, TrueStructure, box_cloud, parts_cloud
from memory_agent_ros.evaluation.qa.truth_memory import TruthMemory
from memory_agent_ros.evaluation.qa.visits import Sighting, Visit, remembered
from memory_agent_ros.evaluation.sessions.world import CAMERA, FURNITURE, SECOND, Apartment, Shot, shoot
from memory_agent_ros.evaluation.visible import MIN_FRAMES, MIN_PIXELS
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.observation_source import ObservationSource

#: Who watches; the last one is the one that an attacker gets hold of.
SOURCES = tuple(ObservationSource(f"robot {name}", "simulated detector 1", "simulated embedder 1") for name in "abc")
ATTACKED = len(SOURCES) - 1
#: Classes of questions that need no pictures and stand alone.
CLASSES = ("locate", "count", "compare", "relation", "change", "multi_hop", "unanswerable")
_ROOMS, _AREA_M2, _CHANGED = 3, 7.0, 0.3
_START_NS, _VISIT_NS = 3600 * SECOND, 7200 * SECOND
#: Pixels at 640x480 for each pixel of the camera.
_SCALE = 640.0 * 480.0 / (CAMERA.width * CAMERA.height)
_GLIMPSE_PIXELS, _GLIMPSE_SHARE, _JITTER_M = 30, 0.2, 0.05
_QUESTIONS, _TRIES = 42, 12


@dataclass(frozen=True, eq=False)
class Watch:
    """One robot's tour in one visit: true camera poses (N, 4, 4), when it starts, and the seed of its errors."""

    source: int
    visit: int
    poses: NDArray[np.float64]
    start_ns: int
    seed: int


@dataclass(frozen=True, eq=False)
class PoisonWorld:
    """One apartment.

    Attributes:
        apartments: how it stands in each visit.
        watches: the robots' tours.
        shots: what each of them honestly sees, in the order of ``watches``.
        truth: what a perfect memory knows at the end.
        questions: with their calls and true answers.
    """

    apartments: tuple[Apartment, ...]
    watches: tuple[Watch, ...]
    shots: tuple[tuple[Shot, ...], ...]
    truth: TruthMemory
    questions: tuple[Sample, ...]


def poison_world(split: str, seed: int) -> PoisonWorld:
    """Draw an apartment and watch it honestly.

    Raises:
        MissingExtraError: the simulator is not installed.
    """
    from memory_agent_sim.layout import draw_layout

    rng = np.random.default_rng([abs(seed), 613])
    layout = draw_layout(split, seed, _ROOMS)
    first = Apartment(layout, dict(enumerate(layout.objects, start=1)), split, seed)
    second = copy.copy(first)
    second.standing, second.changed = dict(first.standing), set()
    second.change(_CHANGED, rng)
    apartments = (first, second)
    watches = tuple(
        Watch(source, visit, _tour(one, rng), _START_NS + visit * _VISIT_NS + source * SECOND // 6, seed * 97 + number)
        for number, (visit, one, source) in enumerate(
            (v, a, s) for v, a in enumerate(apartments) for s in range(len(SOURCES))
        )
    )
    shots = tuple(tuple(watched(apartments[w.visit], w)) for w in watches)
    truth, *readings = _truths(apartments, watches, shots)
    return PoisonWorld(apartments, watches, shots, truth, _questions(truth, readings, seed))


def watched(apartment: Apartment, watch: Watch) -> list[Shot]:
    """What a robot sees on its tour of an apartment."""
    return list(shoot(apartment, watch.poses, np.eye(4), watch.start_ns, watch.seed))


def _tour(apartment: Apartment, rng: np.random.Generator) -> NDArray[np.float64]:
    rooms = rng.permutation(len(apartment.layout.plan.rooms)).tolist()
    return apartment.tour(rooms, rng, _AREA_M2)


# ---------------------------------------------------------------------- the truth


def _truths(
    apartments: Sequence[Apartment], watches: Sequence[Watch], shots: Sequence[Sequence[Shot]]
) -> list[TruthMemory]:
    """What was plainly shown; then other readings: every glimpse counted, and places a few centimetres off."""
    honest: list[list[Frame]] = [[] for _ in apartments]
    for watch, seen in zip(watches, shots, strict=True):
        if watch.source != ATTACKED:
            honest[watch.visit] += [shot.frame for shot in seen]
    plan = apartments[0].layout.plan
    rooms = [TrueRoom(i, r.name, r.minimum, r.maximum) for i, r in enumerate(plan.rooms, start=1)]
    structure = TrueStructure(rooms, np.array([[d.x, d.y] for d in plan.doors]).reshape(-1, 2))
    now_ns = max(shot.frame.stamp_ns for seen in shots for shot in seen) + 60 * SECOND
    out = []
    for glimpse, jitter in ((False, 0), (True, 0), (False, 1), (True, 2)):
        rng = np.random.default_rng([jitter, 17])
        off = {i: rng.normal(scale=_JITTER_M * bool(jitter), size=3) * [1.0, 1.0, 0.2] for i in apartments[0].labels}
        visits: list[Visit] = []
        for apartment, frames in zip(apartments, honest, strict=True):
            visits.append(_visit(apartment, frames, off, glimpse, visits))
        things, events = remembered(visits)
        out.append(TruthMemory(things, events, structure, now_ns))
    return out


def _visit(
    apartment: Apartment,
    frames: Sequence[Frame],
    off: Mapping[int, NDArray[np.float64]],
    glimpse: bool,
    before: Sequence[Visit],
) -> Visit:
    least, enough = (_GLIMPSE_PIXELS, 1) if glimpse else (MIN_PIXELS, MIN_FRAMES)
    shown: dict[int, list[Frame]] = {}
    for frame in frames:
        assert frame.instances is not None
        ids, counts = np.unique(frame.instances, return_counts=True)
        for i in ids[(counts * _SCALE >= least) & (ids > 0)].tolist():
            shown.setdefault(i, []).append(frame)
    solids = {i: solid_of(apartment, i, off[i]) for i, seen in shown.items() if len(seen) >= enough}
    sightings = {
        i: [Sighting(f.stamp_ns, 1, f.T_map_camera, np.zeros(4, np.float32)) for f in (shown[i][0], shown[i][-1])]
        for i in solids
    }
    looked = {}
    for i, solid in {i: s for v in before for i, s in v.solids.items()}.items():
        points = box_points(solid.box)
        told = [frame.stamp_ns for frame in frames if _looks_at(points, frame, glimpse)]
        if len(told) >= enough:
            looked[i] = told[0]
    return Visit(solids, sightings, looked, max(f.stamp_ns for f in frames))


def _looks_at(points: NDArray[np.float64], frame: Frame, glimpse: bool) -> bool:
    visible, z = unhidden(points, frame)
    if glimpse:
        return float(visible.mean()) >= _GLIMPSE_SHARE
    return float(visible.mean()) >= WELL_SHARE and float(z.mean()) <= WELL_RANGE_M


def solid_of(apartment: Apartment, i: int, off: NDArray[np.float64]) -> Solid:
    """A thing that stands in the apartment, put (3,) metres off."""
    from memory_agent_sim.furniture import furniture_shape
    from memory_agent_sim.instances import instance_size

    label = apartment.labels[i]
    if i >= FURNITURE:
        piece = apartment.layout.furniture[i - FURNITURE]
        parts = furniture_shape(piece.instance).boxes
        extent = np.array(parts)
        low, high = extent[:, :3].min(axis=0), extent[:, 3:6].max(axis=0)
        c, s = np.cos(piece.yaw), np.sin(piece.yaw)
        x, y, z = ((low + high) / 2).tolist()
        middle = np.array([piece.x + c * x - s * y, piece.y + s * x + c * y, z]) + off
        cloud = parts_cloud(parts, np.array([piece.x, piece.y, 0.0]) + off, piece.yaw)
        return Solid(i, label, OrientedBox(middle, high - low, piece.yaw), cloud)
    place = apartment.standing[i]
    size = np.array(instance_size(place.instance))
    box = OrientedBox(np.array([place.x, place.y, place.z + size[2] / 2]) + off, size, place.yaw)
    return Solid(i, label, box, box_cloud(box))


def _questions(truth: TruthMemory, readings: Sequence[TruthMemory], seed: int) -> tuple[Sample, ...]:
    """Questions of all classes in turn whose answer is the same in all readings."""
    rng = np.random.default_rng([abs(seed), 4711])
    chosen: dict[str, Sample] = {}
    for n in range(_QUESTIONS):
        families = of_class(CLASSES[n % len(CLASSES)])
        for _ in range(_TRIES):
            sample = sample_of(rng, truth, families[int(rng.integers(len(families)))])
            if sample is None or sample.before is not None or sample.asked.question in chosen:
                continue
            if any(call.tool == "describe_view" for call in sample.asked.calls):
                continue
            if is_fair(sample, readings):
                chosen[sample.asked.question] = sample
                break
    return tuple(chosen.values())
