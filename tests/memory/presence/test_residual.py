"""What was expected in an image against what was seen in it."""

import numpy as np
from driving import at_desk, at_table, only, watch
from synthetic import World, kitchen

from memory_agent_ros.memory.spatial_memory import SpatialMemory


def known() -> tuple[SpatialMemory, World]:
    memory, world = SpatialMemory.open(None), kitchen()
    watch(memory, world, at_table())
    return memory, world


def test_a_known_view_is_expected_and_hardly_surprising() -> None:
    memory, world = known()
    frame, observations = world.look(at_table()[3])
    residual = memory.residual(frame, observations)
    assert {memory.get(e.object_id).label for e in residual.expected} == {"table", "mug", "bowl", "box"}
    assert all(e.seen for e in residual.expected) and residual.unexpected == []
    assert [e.range_m for e in residual.expected] == sorted(e.range_m for e in residual.expected)
    for e in residual.expected:
        assert e.observation is not None
        seen = observations[e.observation]
        assert abs(e.range_m - seen.range_m) < 0.3
        assert residual.observed_ids[e.observation] == e.object_id
        assert 0.0 < e.p_detect < 1.0 and 0.0 <= e.surprise_nats < 1.5
    assert residual.total_nats < 2.0


def test_something_missing_is_surprising_and_named_first() -> None:
    memory, world = known()
    mug = only(memory.find("mug"))
    before = memory.residual(*world.look(at_table()[3]))
    del world.things["mug"]
    after = memory.residual(*world.look(at_table()[3]))
    assert after.missing[0].object_id == mug.id and len(after.missing) == 1
    assert after.missing[0].surprise_nats > 0.8
    assert after.excess_nats > before.excess_nats + 0.5


def test_something_new_is_unexpected() -> None:
    memory, world = known()
    world.add("can", "can", (2.3, -0.35, 0.83), (0.1, 0.1, 0.15), 9)
    frame, observations = world.look(at_table()[3])
    residual = memory.residual(frame, observations)
    assert [observations[i].label for i in residual.unexpected] == ["can"]
    assert residual.observed_nats[residual.unexpected[0]] > 2.0
    assert residual.excess_nats > 1.5


def test_asking_changes_nothing_and_agrees_with_the_step() -> None:
    memory, world = known()
    objects = [(o.id, o.presence, o.last_seen_ns) for o in memory.objects(include_tentative=True)]
    stats = dict(memory.stats)
    frame, observations = world.look(at_table()[2], skip=("mug",))
    asked = memory.residual(frame, observations)
    assert [(o.id, o.presence, o.last_seen_ns) for o in memory.objects(include_tentative=True)] == objects
    assert dict(memory.stats) == stats
    memory.observe(frame, observations)
    taken = memory.last_residual
    assert taken is not None and taken.total_nats == asked.total_nats
    assert np.array_equal(taken.observed_ids, asked.observed_ids)


def test_a_view_of_nothing_known_is_all_new() -> None:
    memory, world = known()
    residual = memory.residual(*world.look(at_desk()[3]))
    assert residual.expected == () and len(residual.unexpected) >= 1


def test_the_first_image_expects_nothing() -> None:
    memory, world = SpatialMemory.open(None), kitchen()
    assert memory.last_residual is None
    watch(memory, world, at_table(1))
    assert memory.last_residual is not None and memory.last_residual.expected == ()
