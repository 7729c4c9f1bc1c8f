"""From where an object comes."""

import dataclasses
import json
from pathlib import Path

import pytest
from driving import at_desk, at_table, mapped_kitchen, only
from synthetic import kitchen

from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.observation_source import UNNAMED, ObservationSource

FRONT = ObservationSource("front", "detr 1", "dino 2")
REAR = ObservationSource("rear", "detr 1", "dino 2")


def seen_by(memory: SpatialMemory, *turns: tuple[ObservationSource, int]) -> None:
    """The table and the desk, so many images of each source in turn."""
    world = kitchen()
    poses = [*at_table(), *at_desk()]
    for source, count in turns:
        for pose in poses[:count]:
            frame, observations = world.look(pose)
            memory.observe(dataclasses.replace(frame, source=source), observations)


def test_an_object_tells_its_sources(tmp_path: Path) -> None:
    path = tmp_path / "kitchen.map"
    with SpatialMemory.open(path) as memory:
        seen_by(memory, (FRONT, 8), (REAR, 5))
        told = memory.provenance(only(memory.find("mug")).id)
    shares = {s.source: s for s in told.sources}
    assert set(shares) == {FRONT, REAR}
    assert shares[FRONT].observations > shares[REAR].observations > 0
    assert shares[FRONT].last_ns < shares[REAR].first_ns
    assert len(told.observation_ids) == sum(s.observations for s in told.sources)
    assert told.keyframe_ids and told.label == "mug" and not told.label_by_hand
    json.dumps(told.to_dict())
    with SpatialMemory.open(path, read_only=True) as memory:
        again = memory.provenance(told.object_id)
        assert [(s.id, s.source, s.frames) for s in memory.sources] == [(1, FRONT, 8), (2, REAR, 5)]
    assert again == told


def test_frames_without_a_name_have_one_source() -> None:
    with SpatialMemory.open(None) as memory:
        mapped_kitchen(memory)
        assert [s.source for s in memory.sources] == [UNNAMED]
        assert only(list(memory.provenance(1).sources)).source == UNNAMED  # type: ignore[arg-type]
        with pytest.raises(BadInputError):
            memory.provenance(10**6)


def test_rows_from_before_sources_were_told(tmp_path: Path) -> None:
    path = tmp_path / "old.map"
    path.write_bytes((Path(__file__).parents[1] / "storage" / "fixtures" / "schema_7.map").read_bytes())
    with SpatialMemory.open(path) as memory:
        told = memory.provenance(only(memory.find("mug")).id)
        assert [s.source_id for s in told.sources] == [0]


def test_sources_of_merged_maps_keep_their_names() -> None:
    with SpatialMemory.open(None) as one, SpatialMemory.open(None) as two:
        seen_by(one, (FRONT, 8))
        seen_by(two, (REAR, 8), (FRONT, 8))
        one.merge(two)
        assert [(s.source, s.frames) for s in one.sources] == [(FRONT, 16), (REAR, 8)]
        told = one.provenance(only(one.find("mug")).id)
        assert {s.source for s in told.sources} == {FRONT, REAR}
