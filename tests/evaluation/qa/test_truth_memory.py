"""The memory that knows the truth: believes what visits showed, reads like the real one."""

from __future__ import annotations

import numpy as np
import pytest

from memory_agent_ros.evaluation.qa.random_worlds import WorldConfig, world_of
from memory_agent_ros.evaluation.qa.true_structure import Solid, TrueRoom, TrueStructure, box_cloud
from memory_agent_ros.evaluation.qa.truth_memory import TruthMemory
from memory_agent_ros.evaluation.qa.visits import Sighting, Visit, remembered
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.event import EventKind
from memory_agent_ros.records.map_object import ObjectState


def _solid(i: int, label: str, center: tuple[float, float, float], size: tuple[float, float, float]) -> Solid:
    box = OrientedBox(np.array(center), np.array(size), 0.0)
    return Solid(i, label, box, box_cloud(box))


def _visit(stamp_s: int, *solids: Solid, looked: tuple[int, ...] = ()) -> Visit:
    seen = [Sighting(stamp_s * 10**9, stamp_s, np.eye(4), np.zeros(4, np.float32))]
    return Visit(
        {s.id: s for s in solids},
        {s.id: seen for s in solids},
        dict.fromkeys(looked, stamp_s * 10**9),
        (stamp_s + 1) * 10**9,
    )


_TABLE = _solid(1, "table", (1.0, 1.0, 0.35), (1.2, 0.8, 0.7))
_MUG = _solid(2, "mug", (1.0, 1.0, 0.76), (0.1, 0.1, 0.12))
_MOVED_MUG = _solid(2, "mug", (5.0, 1.0, 0.06), (0.1, 0.1, 0.12))
_BOX = _solid(3, "storage box", (2.0, 1.0, 0.15), (0.3, 0.3, 0.3))
_BED = _solid(4, "bed", (5.0, 2.6, 0.25), (2.0, 1.6, 0.5))


@pytest.fixture(scope="module")
def memory() -> TruthMemory:
    """The mug went from the kitchen to the bedroom, the box is gone, the bed came."""
    visits = [_visit(10, _TABLE, _MUG, _BOX), _visit(100, _TABLE, _MOVED_MUG, _BED, looked=(2, 3))]
    things, events = remembered(visits)
    rooms = [
        TrueRoom(1, "kitchen", np.array([0.0, 0.0]), np.array([3.5, 3.5])),
        TrueRoom(2, "bedroom", np.array([3.6, 0.0]), np.array([7.0, 3.5])),
    ]
    return TruthMemory(things, events, TrueStructure(rooms, np.array([[3.55, 1.5]])), 200 * 10**9)


def test_remembers_what_the_visits_showed(memory: TruthMemory) -> None:
    kinds = [(e.kind, e.object_id, e.stamp_ns // 10**9) for e in memory.changes(50 * 10**9)]
    assert set(kinds) == {(EventKind.MOVED, 2, 100), (EventKind.ADDED, 4, 100), (EventKind.GONE, 3, 100)}
    box = memory.find("storage boxes")[0]
    assert (box.state, box.last_seen_ns, box.last_looked_ns) == (ObjectState.GONE, 10 * 10**9, 100 * 10**9)
    moved = memory.history(2)[-1]
    assert moved.previous_position_m is not None
    np.testing.assert_allclose(moved.previous_position_m, _MUG.box.center)


def test_an_unseen_place_does_not_make_a_thing_gone() -> None:
    things, events = remembered([_visit(10, _TABLE, _BOX), _visit(100, _TABLE)])
    assert not things[3].gone and all(e.kind is EventKind.ADDED for e in events)


def test_reads_like_the_memory(memory: TruthMemory) -> None:
    room = memory.room_of(2)
    assert room is not None and room.name == "bedroom"
    assert [o.label for o in memory.find(room="bedroom", state=ObjectState.PRESENT)] == ["mug", "bed"]
    assert memory.count("mug") == 1 and memory.find("mug", room="kitchen") == []
    assert [o.id for o in memory.near(object_id=2, radius_m=2.5)] == [4]
    assert memory.last_seen("storage box") is not None and memory.last_seen("piano") is None
    assert memory.rooms()[0].doors[0].rooms == (1, 2)
    mug = memory.find(text="the red mug")[0]
    assert mug.evidence[0].stamp_ns == mug.last_seen_ns == 100 * 10**9
    with pytest.raises(BadInputError, match="no object 9"):
        memory.history(9)


def test_relations_follow_the_memory_s_definitions() -> None:
    things, events = remembered([_visit(10, _TABLE, _MUG, _BOX)])
    rooms = [TrueRoom(1, "kitchen", np.zeros(2), np.array([3.5, 3.5]))]
    memory = TruthMemory(things, events, TrueStructure(rooms, np.zeros((0, 2))), 20 * 10**9)
    assert [o.label for o in memory.find(relation=("on", "table"))] == ["mug"]
    assert [o.label for o in memory.find(relation=("next to", "table"))] == ["storage box"]


def test_random_worlds_are_lived_in() -> None:
    pytest.importorskip("memory_agent_sim")
    config = WorldConfig(visits=(3, 3), renamed=1.0)
    world = world_of("train", 50_001, np.random.default_rng(4), config)
    kinds = {e.kind for e in world.changes()}
    assert {EventKind.ADDED, EventKind.MOVED, EventKind.GONE} <= kinds
    assert all(e.stamp_ns <= world.now_ns for e in world.changes())
    assert "mug" not in world.labels(), "every label has another name"
    again = world_of("train", 50_001, np.random.default_rng(4), config)
    assert again.labels() == world.labels() and len(again.changes()) == len(world.changes())
