"""The ``structure`` benchmark: rooms, doors, names and relations of a walked apartment against the simulator's truth.

Arms: ``furniture_cuts`` lets everything solid cut rooms instead of what is as high as a wall; ``boxes_only`` tells what
carries what from boxes alone. ``@p05r1`` is with errors of 5 cm and 1 degree on every pose. Times are processor time.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from memory_agent_ros.evaluation.outcome import Outcome
from memory_agent_ros.evaluation.parallel import spread
from memory_agent_ros.evaluation.statistics import Figure, Goal, figure, median, ratio_of_sums
from memory_agent_ros.evaluation.structure_scores import (
    RoomScore,
    carriers_by_boxes,
    carriers_of,
    owners_of,
    score_carriers,
    score_rooms,
    true_carriers,
)
from memory_agent_ros.evaluation.walks.noise import PoseNoise
from memory_agent_ros.evaluation.walks.replay import Detections
from memory_agent_ros.evaluation.walks.walk import record_walk
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.map_object import ObjectState

#: Name of a condition in figure names -> error of the poses.
CONDITIONS = {"": None, "@p05r1": PoseNoise(0.05, 1.0)}


@dataclass(frozen=True)
class Scene:
    """One apartment: by arm and condition the rooms; by arm and condition (right, told, true) carriers; times in ms."""

    seed: int
    rooms: Mapping[tuple[str, str], RoomScore]
    carriers: Mapping[tuple[str, str], tuple[int, int, int]]
    rooms_ms: float
    again_ms: float
    relations_ms: float


def bench(split: str, seeds: range, jobs: int, options: Mapping[str, Any]) -> Outcome:
    """Run the benchmark; see the module's docstring."""
    progress = bool(options.get("progress", False))
    calls = [(split, seed) for seed in seeds]
    found = spread(run_scene, calls, jobs, f"structure {split}", "apartment", progress=progress)
    scenes = sorted(found, key=lambda s: s.seed)
    arms = {
        "furniture_cuts": _room_figures(scenes, "furniture_cuts", goals=False),
        "boxes_only": _carrier_figures(scenes, "boxes_only", goals=False),
    }
    times = {
        "rooms_ms": figure([[s.rooms_ms] for s in scenes], median, "ms", Goal("max", 300.0)),
        "rooms_again_ms": figure([[s.again_ms] for s in scenes], median, "ms", Goal("max", 150.0)),
        "relations_ms": figure([[s.relations_ms] for s in scenes], median, "ms", Goal("max", 150.0)),
    }
    figures = {**_room_figures(scenes, ""), **_carrier_figures(scenes, ""), **times}
    return Outcome(figures, arms, [_details(s) for s in scenes])


def run_scene(split: str, seed: int) -> Scene:
    """Walk through an apartment under each condition, ask, and compare."""
    walk = record_walk(split, seed)
    detections = Detections(walk)
    carriers = true_carriers(walk)
    rooms: dict[tuple[str, str], RoomScore] = {}
    found: dict[tuple[str, str], tuple[int, int, int]] = {}
    times = (np.nan, np.nan, np.nan)
    for name, noise in CONDITIONS.items():
        with SpatialMemory.open(None) as memory:
            steps = list(detections.replay(None if noise is None else dataclasses.replace(noise, seed=seed)))
            for step in steps[:-8]:
                memory.observe(step.frame, step.observations)
            first = _milliseconds(memory.rooms)
            for step in steps[-8:]:
                memory.observe(step.frame, step.observations)
            taken = (first, _milliseconds(memory.rooms), _milliseconds(memory.relations))
            times = taken if not name else times
            present = [o for o in memory.objects() if o.state is ObjectState.PRESENT]
            owners = owners_of(present, walk.truth[0])
            rooms["", name] = score_rooms(walk, memory.rooms(), owners)
            found["", name] = score_carriers(carriers_of(memory.relations()), owners, carriers)
            found["boxes_only", name] = score_carriers(carriers_by_boxes(present), owners, carriers)
        plain = MemoryConfig()
        cut = dataclasses.replace(plain.structure, wall_from_m=0.3, block_share=0.0)
        with SpatialMemory.open(None, dataclasses.replace(plain, structure=cut)) as memory:
            for step in steps:
                memory.observe(step.frame, [])
            rooms["furniture_cuts", name] = score_rooms(walk, memory.rooms(), {})
    return Scene(seed, rooms, found, *times)


def _milliseconds(call: Any) -> float:
    start = time.process_time()
    call()
    return (time.process_time() - start) * 1000.0


def _room_figures(scenes: Sequence[Scene], arm: str, goals: bool = True) -> dict[str, Figure]:
    out = {}
    for condition in CONDITIONS:
        scores = [s.rooms[arm, condition] for s in scenes]

        def share(top: str, bottom: str, least: float | None, scores: list[RoomScore] = scores) -> Figure:
            rows = [[float(getattr(s, top)), float(getattr(s, bottom))] for s in scores]
            return figure(rows, ratio_of_sums, "", Goal("min", least) if goals and least else None)

        out[f"room_recall{condition}"] = share("right", "true", 0.95)
        out[f"room_precision{condition}"] = share("right", "found", 0.95)
        out[f"room_iou{condition}"] = share("iou", "true", 0.85)
        out[f"door_recall{condition}"] = share("doors_right", "doors", 0.95)
        out[f"door_precision{condition}"] = share("doors_right", "doors_told", 0.95)
        if not arm:
            out[f"names_right{condition}"] = share("named", "true", 0.9)
            out[f"objects_in_room{condition}"] = share("placed_right", "placed", 0.95)
    return out


def _carrier_figures(scenes: Sequence[Scene], arm: str, goals: bool = True) -> dict[str, Figure]:
    out = {}
    for condition in CONDITIONS:
        counts = [s.carriers[arm, condition] for s in scenes]
        goal = Goal("min", 0.95) if goals and not condition else None
        out[f"carrier_precision{condition}"] = figure([[c[0], c[1]] for c in counts], ratio_of_sums, "", goal)
        out[f"carrier_recall{condition}"] = figure([[c[0], c[2]] for c in counts], ratio_of_sums, "", goal)
    return out


def _details(scene: Scene) -> dict[str, Any]:
    return {
        "seed": scene.seed,
        "rooms": {f"{arm or 'ships'}{c}": dataclasses.asdict(s) for (arm, c), s in scene.rooms.items()},
        "carriers": {f"{arm or 'ships'}{c}": list(s) for (arm, c), s in scene.carriers.items()},
        "ms": [round(v, 1) for v in (scene.rooms_ms, scene.again_ms, scene.relations_ms)],
    }
