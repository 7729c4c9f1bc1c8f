"""Sources against each other: one liar among three, and that a single source is believed as ever."""

import dataclasses
from collections.abc import Callable

import pytest
from driving import at_desk, at_table, only
from synthetic import World, kitchen

from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.memory.trust.config import TrustConfig
from memory_agent_ros.memory.trust.sources import SourceBook
from memory_agent_ros.records.map_object import ObjectState
from memory_agent_ros.records.observation_source import ObservationSource

A, B, LIAR = (ObservationSource(name, "detector 1") for name in ("a", "b", "liar"))
CONFIG = MemoryConfig(association="hand_built")
BELIEVING = dataclasses.replace(CONFIG, trust=TrustConfig(weigh=False))
Lie = Callable[[World], None]


def told(memory: SpatialMemory, lie: Lie, rounds: int = 2) -> None:
    """Three robots look at the table and the desk in turn; one of them sees another world."""
    true, false = kitchen(), kitchen()
    lie(false)
    stamp = true.stamp_ns
    for _ in range(rounds):
        for source, world in ((A, true), (B, true), (LIAR, false)):
            for pose in [*at_table(4), *at_desk(4)]:
                world.stamp_ns = stamp
                frame, observations = world.look(pose)
                memory.observe(dataclasses.replace(frame, source=source), observations)
                stamp = world.stamp_ns


def phantom(world: World) -> None:
    world.add("ghost", "vase", (2.3, 0.35, 0.82), (0.12, 0.12, 0.24), 9)


def vanished(world: World) -> None:
    del world.things["mug"]


def renamed(world: World) -> None:
    world.things["mug"] = dataclasses.replace(world.things["mug"], label="teapot")


def present(memory: SpatialMemory) -> set[str]:
    return {o.label for o in memory.objects() if o.state is ObjectState.PRESENT}


@pytest.mark.parametrize("lie", [phantom, vanished, renamed])
def test_one_liar_changes_nothing(lie: Lie) -> None:
    with SpatialMemory.open(None, CONFIG) as honest, SpatialMemory.open(None, CONFIG) as memory:
        told(honest, lambda world: None)
        told(memory, lie)
        assert present(memory) == present(honest)
        assert min(s.trust for s in [*honest.sources, *memory.sources[:2]]) > 0.9


def test_what_sources_say_stands_side_by_side() -> None:
    with SpatialMemory.open(None, CONFIG) as memory:
        told(memory, renamed)
        mug = memory.provenance(only(memory.find("mug")).id)
        assert {(c.source.sensor, c.label, c.present) for c in mug.claims} >= {("a", "mug", True), ("b", "mug", True)}
        assert {c.source.sensor for c in mug.claims if c.label == "teapot"} <= {"liar"}


def test_without_weighing_the_liar_is_believed() -> None:
    with SpatialMemory.open(None, BELIEVING) as memory:
        told(memory, phantom, rounds=1)
        assert "vase" in present(memory)


def test_one_source_is_believed_as_ever() -> None:
    results = []
    for config in (CONFIG, BELIEVING):
        with SpatialMemory.open(None, config) as memory:
            world = kitchen()
            for pose in [*at_table(), *at_desk()]:
                frame, observations = world.look(pose, miss=0.2, confuse=0.1)
                memory.observe(dataclasses.replace(frame, source=A), observations)
            results.append([(o.id, o.label, o.presence, o.box.center.tolist()) for o in memory.objects(True)])
            assert not any(t.claims for t in memory._state.tracks.scan())
    assert results[0] == results[1]


def test_two_sources_against_each_other_decide_nothing() -> None:
    book = SourceBook()
    one, two = book.known(A), book.known(B)
    for _ in range(50):
        book.dispute(one.id, two.id)
    assert one.trust == two.trust == 0.75


def test_who_disputes_with_everybody_loses_trust() -> None:
    book = SourceBook()
    a, b, liar = (book.known(s) for s in (A, B, LIAR))
    for _ in range(20):
        book.dispute(a.id, liar.id)
        book.dispute(liar.id, b.id)
    assert a.trust == b.trust == 0.75
    assert liar.trust < 0.2
    assert book.suspects(0.5, 0.65, 8.0) == [liar]
    book.report(liar.id, confirmed=60.0)
    book.report(liar.id, confirmed=60.0)
    assert book.suspects(0.5, 0.65, 8.0) == [] and not liar.quarantined
