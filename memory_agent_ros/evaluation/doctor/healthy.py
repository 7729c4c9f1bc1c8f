"""A healthy run: an apartment of boxes, what a camera saw of it, the memory of that, and the truth."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from memory_agent_ros.evaluation.qa.families.catalogue import of_class
from memory_agent_ros.evaluation.qa.sample import Asked, sample_of
from memory_agent_ros.evaluation.qa.scoring import RoomKey, right
from memory_agent_ros.evaluation.qa.true_structure import Solid, TrueRoom, TrueStructure, box_cloud
from memory_agent_ros.evaluation.qa.truth_memory import TruthMemory
from memory_agent_ros.evaluation.qa.visits import Sighting, Visit, remembered
from memory_agent_ros.evaluation.sessions.world import FURNITURE, SECOND, Apartment, SessionNoise, Shot, shoot
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.perception.ground_truth import NO_NOISE
from memory_agent_ros.reasoning.calls import CallError, Reference, ToolCall
from memory_agent_ros.reasoning.doctor.expected import Expected
from memory_agent_ros.reasoning.memory_reader import MemoryReader
from memory_agent_ros.reasoning.results import Result
from memory_agent_ros.reasoning.toolbox import Toolbox
from memory_agent_ros.records.answer import Answer
from memory_agent_ros.records.box import OrientedBox

#: No error anywhere: what fails is what is broken on purpose.
QUIET = SessionNoise(NO_NOISE, position_m=0.0, rotation_deg=0.0, depth=0.0)
#: Classes whose answers rest on things that are there.
CLASSES = ("locate", "count", "compare", "relation", "multi_hop")
_START_NS = 1_000 * SECOND
#: Rooms that are visited, floor of one viewpoint, and things that an answer may rest on.
_ROOMS, _AREA_M2, _MOST_THINGS = 2, 7.0, 8


@dataclass(eq=False)
class HealthyRun:
    """One apartment, walked through once.

    Attributes:
        apartment: what stands where.
        rooms: indices of the rooms that were visited.
        shots: images with their detections, oldest first.
        truth: what a perfect memory would believe of what was detected.
    """

    apartment: Apartment
    rooms: list[int]
    shots: list[Shot]
    truth: TruthMemory

    @staticmethod
    def draw(split: str, seed: int, noise: SessionNoise = QUIET, rooms: int = _ROOMS) -> HealthyRun:
        """Walk through an apartment."""
        rng = np.random.default_rng([abs(seed), 12])
        apartment = Apartment.draw(split, seed)
        chosen = apartment.rooms_from(rng, rooms)
        shots = list(shoot(apartment, apartment.tour(chosen, rng, _AREA_M2), np.eye(4), _START_NS, seed, noise))
        seen = {i for shot in shots for i in shot.true_ids if i}
        return HealthyRun(apartment, chosen, shots, truth_of(apartment, seen, shots))

    def remember(self, place: Path, shots: Sequence[Shot] | None = None) -> SpatialMemory:
        """A memory that took in all images, or others."""
        memory = SpatialMemory.open(place)
        for shot in self.shots if shots is None else shots:
            memory.observe(shot.frame, shot.observations)
        return memory


def truth_of(apartment: Apartment, ids: Collection[int], shots: Sequence[Shot]) -> TruthMemory:
    """What a perfect memory would believe of the things with these ids."""
    from memory_agent_sim.twin.things import boxes_of

    layout = apartment.layout
    boxes = boxes_of(layout, apartment.standing)
    movable = len(layout.objects) + len(layout.spares)
    solids, sightings = {}, {}
    for i in sorted(ids):
        row = i - 1 if i < FURNITURE else movable + i - FURNITURE
        box = OrientedBox(boxes.center[row], boxes.size[row], float(boxes.yaw[row]))
        solids[i] = Solid(i, apartment.labels[i], box, box_cloud(box))
        stamps = [s.frame.stamp_ns for s in shots if i in s.true_ids] or [shots[-1].frame.stamp_ns]
        sightings[i] = [Sighting(n, 1, np.eye(4), np.zeros(4, dtype=np.float32)) for n in stamps]
    visit = Visit(solids, sightings, {}, shots[-1].frame.stamp_ns)
    things, events = remembered([visit])
    rooms = [TrueRoom(n, r.name, r.minimum, r.maximum) for n, r in enumerate(layout.plan.rooms, start=1)]
    doors = np.array([[d.x, d.y] for d in layout.plan.doors]).reshape(-1, 2)
    return TruthMemory(things, events, TrueStructure(rooms, doors), visit.end_ns)


@dataclass(frozen=True, eq=False)
class Case:
    """A question with the calls that answer it, its true answer and the things that this rests on.

    Attributes:
        asked: question, calls, truth.
        expected: by true id.
    """

    asked: Asked
    expected: dict[int, Expected]

    @property
    def form(self) -> str:
        """Form of the answer."""
        return str(self.asked.calls[-1].arguments["form"])


def draw_case(run: HealthyRun, rng: np.random.Generator) -> Case | None:
    """A question about what was seen, or None if the drawn family does not fit."""
    families = of_class(CLASSES[int(rng.integers(len(CLASSES)))])
    sample = sample_of(rng, run.truth, families[int(rng.integers(len(families)))])
    if sample is None or sample.before is not None:
        return None
    of = sample.asked.calls[-1].arguments["of"]
    assert isinstance(of, Reference)
    last = sample.asked.results[of.number - 1]
    solids = {o.id: run.truth.things[o.id].solid for o in (*last.things, *last.cited)}
    if not 1 <= len(solids) <= _MOST_THINGS:
        return None
    return Case(sample.asked, {i: Expected(s.label, s.box.center) for i, s in solids.items()})


def answered(memory: MemoryReader, calls: Sequence[ToolCall], now_ns: int) -> tuple[Answer, list[Result]] | None:
    """What calls give, or None if one of them cannot be executed."""
    try:
        return Toolbox(memory, now_ns).run(calls)
    except CallError:
        return None


def is_right(answer: Answer, case: Case, memory: MemoryReader, truth: TruthMemory) -> bool:
    """Whether it is the true answer."""
    return right(answer, case.asked.truth, case.form, RoomKey(memory.rooms(), truth.rooms()))
