"""Seen, gone and unknown are three answers."""

import numpy as np
import pytest
from driving import at_desk, at_table, mapped_kitchen, only, watch
from synthetic import SECOND

from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.answer import AnswerState
from memory_agent_ros.records.errors import BadInputError


def test_objects_are_seen_gone_or_unknown() -> None:
    memory = SpatialMemory.open(None)
    world = mapped_kitchen(memory)
    mug, box = only(memory.find("mug")), only(memory.find("box"))
    assert memory.state_at(mug.id) is AnswerState.SEEN
    later = world.stamp_ns
    assert memory.state_at(mug.id, later) is AnswerState.UNKNOWN
    watch(memory, world, at_desk(4))
    assert memory.state_at(mug.id, later) is AnswerState.UNKNOWN
    del world.things["mug"]
    watch(memory, world, at_table())
    assert memory.state_at(mug.id, later) is AnswerState.GONE
    assert memory.state_at(box.id, later) is AnswerState.SEEN
    assert memory.state_at(mug.id, world.stamp_ns + SECOND) is AnswerState.UNKNOWN
    with pytest.raises(BadInputError, match="999"):
        memory.state_at(999)


def test_places_are_full_empty_or_never_looked_at() -> None:
    memory = SpatialMemory.open(None)
    assert memory.state_at(np.zeros(3)) is AnswerState.UNKNOWN
    world = mapped_kitchen(memory)
    mug = only(memory.find("mug"))
    place = mug.box.center
    assert memory.state_at(place, radius_m=0.05) is AnswerState.SEEN
    assert memory.state_at(place + np.array([0.0, 0.0, 0.5])) is AnswerState.GONE
    assert memory.state_at(np.array([-40.0, 3.0, 1.0])) is AnswerState.UNKNOWN
    later = world.stamp_ns
    assert memory.state_at(place, later) is AnswerState.UNKNOWN
    del world.things["mug"]
    watch(memory, world, at_table())
    assert memory.state_at(place + np.array([0.0, 0.0, 0.04]), later, 0.03) is AnswerState.GONE
    with pytest.raises(BadInputError, match="NaN"):
        memory.state_at(np.array([np.nan, 0.0, 0.0]))
