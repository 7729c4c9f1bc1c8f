"""A stored map opened at an unknown pose: a local map grows until it is found, then identities go on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from driving import at_cupboard, at_desk, at_table, mapped_kitchen, only, present
from synthetic import SECOND, World

from memory_agent_ros.geometry.se3 import inverse, planar
from memory_agent_ros.memory.sessions.session import Session, in_frame
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.event import EventKind
from memory_agent_ros.records.map_object import ObjectState

T = planar(-6.0, 2.0, -2.4, 0.1)


@pytest.fixture
def stored() -> tuple[SpatialMemory, World]:
    memory = SpatialMemory.open(None)
    world = mapped_kitchen(memory)
    world.stamp_ns += 3600 * SECOND
    return memory, world


def look(session: Session, world: World, pose: np.ndarray) -> list:
    return session.observe(*in_frame(*world.look(pose), inverse(T), "odom"))


def test_identities_go_on_once_the_place_is_found(stored: tuple[SpatialMemory, World]) -> None:
    memory, world = stored
    ids = {o.label: o.id for o in memory.objects()}
    session = Session(memory)
    assert not session.localised and session.T_map_session is None
    assert "0 of at least" in session.waiting_for
    untouched = memory.last_stamp_ns
    look(session, world, at_table(1)[0])
    assert memory.last_stamp_ns == untouched, "nothing goes into the stored map before its place is known"
    for pose in [*at_table(6), *at_desk(5)]:
        look(session, world, pose)
    assert session.localised and session.waiting_for == "" and session.local is None
    assert session.T_map_session is not None
    np.testing.assert_allclose(session.T_map_session, T, atol=0.05)
    events = [e for pose in at_cupboard(5) for e in look(session, world, pose)]
    assert {o.label: o.id for o in memory.objects()} == ids
    assert not [e for e in events if e.kind in (EventKind.ADDED, EventKind.GONE)]
    assert memory.frame_id == "map" and memory.verify() == []


def test_what_moved_overnight_is_followed(stored: tuple[SpatialMemory, World]) -> None:
    memory, world = stored
    mug = only(memory.find("mug"))
    world.move("mug", (-2.4, 0.3, 0.8))
    session = Session(memory)
    for pose in [*at_desk(6), *at_cupboard(5), *at_table(8)]:
        look(session, world, pose)
    assert session.localised
    found = only([o for o in memory.find("mug") if o.state is ObjectState.PRESENT])
    assert found.id == mug.id and np.linalg.norm(found.box.center - (-2.4, 0.3, 0.8)) < 0.1


def test_another_place_stays_apart_and_is_not_lost(stored: tuple[SpatialMemory, World], tmp_path: Path) -> None:
    memory, world = stored
    before = present(memory)
    elsewhere = World(stamp_ns=world.stamp_ns)
    elsewhere.add("sofa", "sofa", (2.5, 0.0, 0.4), (0.8, 1.6, 0.8), color=7)
    elsewhere.add("plant", "plant", (2.2, 1.4, 0.4), (0.3, 0.3, 0.8), color=8)
    elsewhere.add("lamp", "lamp", (2.2, -1.4, 0.6), (0.2, 0.2, 1.2), color=9)
    session = Session(memory)
    for pose in at_table(6):
        assert look(session, elsewhere, pose) == []
    assert not session.localised and session.tries > 0 and "no sure pose" in session.waiting_for
    assert present(memory) == before
    path = session.save_local(tmp_path / "apart.map")
    session.close()
    assert path is not None
    with SpatialMemory.open(path, read_only=True) as apart:
        assert present(apart) == ["lamp", "plant", "sofa"]


def test_an_empty_map_takes_the_sessions_frame() -> None:
    memory = SpatialMemory.open(None)
    session = Session(memory)
    assert session.localised and session.waiting_for == ""
    mapped = mapped_kitchen(SpatialMemory.open(None))
    for pose in at_table(4):
        session.observe(*in_frame(*mapped.look(pose), inverse(T), "odom"))
    assert memory.frame_id == "odom" and present(memory)


def test_a_clock_behind_the_stored_map_is_refused(stored: tuple[SpatialMemory, World]) -> None:
    memory, world = stored
    world.stamp_ns = SECOND
    session = Session(memory)
    with pytest.raises(BadInputError) as caught:
        look(session, world, at_table(1)[0])
    assert caught.value.reason == "stamp_runs_back"
