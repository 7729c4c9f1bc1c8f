from __future__ import annotations

import math

import numpy as np
import pytest

from memory_agent_ros.evaluation.fuzzing import sample
from memory_agent_ros.memory.arguments import checked_point, checked_radius, checked_region
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.region import Region

NOWHERE = ([1.0, 2.0], np.zeros(7), [math.nan, 0, 0], [math.inf, 0, 0], [1e30, 0, 0])


@pytest.mark.parametrize("place", NOWHERE)
def test_no_place(place):
    with pytest.raises(BadInputError):
        checked_point(place)


@pytest.mark.parametrize("radius_m", [math.nan, -1.0, -math.inf])
def test_no_radius(radius_m):
    with pytest.raises(BadInputError):
        checked_radius(radius_m)


def test_a_radius_is_no_farther_than_the_farthest_place():
    assert checked_radius(1.5) == 1.5
    assert math.isfinite(checked_radius(math.inf))


def test_regions():
    assert checked_region(None) is None
    open_side = checked_region(Region(np.full(3, -np.inf), np.full(3, np.inf)))
    assert open_side is not None
    for low in (np.zeros(2), np.full(3, np.nan)):
        with pytest.raises(BadInputError):
            checked_region(Region(low, np.zeros(3)))


def test_the_memory_refuses_them():
    """Each of them ended in another error, found by fuzzing."""
    with SpatialMemory.open(None, sample.CONFIG) as memory:
        for number in range(3):
            memory.observe(sample.frame(number), sample.observations(sample.frame(number)))
        one = memory.objects()[0].id
        calls = [
            lambda place: memory.near(place),
            lambda place: memory.move(one, place, ""),
            lambda place: memory.state_at(place),
            lambda place: memory.recall_place(place),
            lambda place: memory.observed_near(place),
        ]
        for call in calls:
            for place in NOWHERE:
                with pytest.raises(BadInputError):
                    call(np.asarray(place))
        for radius_m in (math.nan, -1.0):
            with pytest.raises(BadInputError):
                memory.near(np.zeros(3), radius_m=radius_m)
        assert len(memory.near(np.zeros(3), radius_m=math.inf, limit=2**70)) == 4
        assert len(memory.find("chair", limit=2**70)) == 2
        assert memory.find("chair", limit=-5) == []
