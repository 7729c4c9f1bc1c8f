"""A whole demo without ROS: a kitchen is seen, a mug moved, a bowl taken away; it is seen again, questions are put."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.nodes.demo.diary import Diary, Seen, Snapshot
from memory_agent_ros.nodes.demo.questions import build_questions
from memory_agent_ros.nodes.demo.story import Asked, Story
from memory_agent_ros.nodes.demo.world import World as Truth
from memory_agent_ros.nodes.demo.world import parse_world
from memory_agent_ros.reasoning.rules.reasoner import RuleReasoner
from memory_agent_ros.viz.evidence_picture import encode_jpeg
from memory_agent_ros.viz.scene import FloorMap
from tests.memory.synthetic import CAMERA, World, arc, kitchen

PLACES = (((2.5, 0.0, 0.7), 2.6, 3.7), ((-2.5, 0.0, 0.7), -0.5, 0.5), ((0.0, 3.0, 0.9), -2.0, -1.0))
MOVABLE = ("mug", "bowl", "box")


@dataclass
class Lived:
    """A finished demo: its memory file, diary and story."""

    map_path: Path
    diary: Diary
    story: Story


def truth_json(world: World, edits: list[dict[str, Any]], names: list[str]) -> str:
    """The document ``sim/truth`` would hold."""
    objects = []
    for number, name in enumerate(names, 1):
        there = name in world.things
        thing = world.things.get(name) or kitchen().things[name]
        objects.append(
            {
                "id": number, "label": thing.label, "center_m": thing.center, "size_m": thing.size, "yaw": thing.yaw,
                "movable": name in MOVABLE, "room": "kitchen", "present": there, "instance_key": name,
            }
        )  # fmt: skip
    rooms = [{"name": "kitchen", "minimum": [-8, -8], "maximum": [8, 8]}]
    return json.dumps({"stamp_ns": world.stamp_ns, "objects": objects, "rooms": rooms, "edits": edits, "errors": []})


def see(
    memory: SpatialMemory, world: World, diary: Diary, poses: Iterable[NDArray[np.float64]], names: list[str]
) -> None:
    """Look from each pose; memory and diary take it in."""
    for pose in poses:
        frame, masks = world.frame(pose)
        observations = list(_observations(world, frame, masks))
        for event in memory.observe(frame, observations):
            diary.add_event(event)
        instances = np.zeros(frame.depth_m.shape, np.int32)
        for name, mask in masks.items():
            instances[mask] = 1 + names.index(name)
        diary.sightings.add(instances, frame.stamp_ns)
        T_base = np.eye(4)
        T_base[:3, 3] = [*pose[:2, 3], 0.0]
        diary.add_pose(frame.stamp_ns, T_base)
        seen = tuple(Seen(o.label, o.box.center, o.box_xyxy) for o in observations)
        diary.add_picture(Snapshot(frame.stamp_ns, frame.camera, pose, encode_jpeg(frame.rgb), frame.depth_m, seen))
        diary.frames += 1


def _observations(world: World, frame: Any, masks: dict[str, Any]) -> Iterator[Any]:
    from tests.memory.synthetic import appearance, observation

    for name, mask in masks.items():
        thing = world.things[name]
        if thing.label and mask.sum() >= 12:
            yield observation(frame, mask, thing.label, appearance(thing.color, world.rng))


@pytest.fixture(scope="session")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    path = tmp_path_factory.mktemp("demo") / "map.map"
    world, diary = kitchen(CAMERA.scaled(320, 240)), Diary()
    names = list(world.things)
    every = [pose for target, start, end in PLACES for pose in arc(target, start=start, end=end)]
    cells = np.zeros((80, 80), np.int8)
    cells[0] = 100
    with SpatialMemory.open(path) as memory:
        see(memory, world, diary, every, names)
        explored_ns = diary.now_ns
        diary.add_floor(0, FloorMap(cells, 0.1, np.array([-4.0, -4.0])))
        before = {name: list(world.things[name].center) for name in names}
        world.move("mug", (-2.4, 0.3, 0.80))
        del world.things["bowl"]
        edits = [
            _edit("move", names, "mug", before["mug"], [-2.4, 0.3, 0.80], world.stamp_ns),
            _edit("remove", names, "bowl", before["bowl"], None, world.stamp_ns),
        ]
        edited_ns = diary.now_ns
        see(memory, world, diary, every, names)
        diary.add_frontiers(0, np.zeros((0, 2)))
        truth: Truth = parse_world(truth_json(world, edits, names))
        story = Story(truth, list(truth.edits))
        story.phases = [
            ("explore", 0, explored_ns),
            ("world changes", explored_ns, edited_ns),
            ("patrol", edited_ns, diary.now_ns),
        ]
        story.rounds = {
            name: {"stop_reason": "done", "coverage": 0.9, "travelled_m": 9.0, "goals_reached": 3.0}
            for name in ("explore", "patrol")
        }
        for question in build_questions(truth, diary.sightings, diary.now_ns):
            answer = RuleReasoner(memory).answer(question.text, now_ns=diary.now_ns)
            story.asked.append(Asked(question, answer, question.judge(answer)))
    return Lived(path, diary, story)


def _edit(
    kind: str, names: list[str], name: str, before: list[float], after: list[float] | None, stamp_ns: int
) -> dict[str, Any]:
    return {
        "request": "a", "stamp_ns": stamp_ns, "kind": kind, "object_id": 1 + names.index(name), "label": name,
        "position_m": after, "yaw": 0.0, "other_id": None, "before_m": before, "after_m": after,
    }  # fmt: skip
