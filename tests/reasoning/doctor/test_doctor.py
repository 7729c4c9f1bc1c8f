"""One failure at a time, in a real memory that looked at boxes."""

from __future__ import annotations

import numpy as np
import pytest

from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.reasoning.doctor.consultation import consult
from memory_agent_ros.reasoning.doctor.doctor import Doctor
from memory_agent_ros.reasoning.doctor.expected import Expected, parse_expected
from memory_agent_ros.reasoning.doctor.stages import Stage, table
from memory_agent_ros.records.errors import BadInputError
from tests.reasoning.room import Room

MUG, LAMP = np.array([-0.3, 0.0, 0.8]), np.array([1.2, 0.2, 0.3])


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A table with a mug on it, and a lamp that the detector calls a vase."""
    room = Room()
    room.put("table", "table", 0.0, 0.0, 0.0, 1.2, 0.8, 0.7)
    room.put("mug", "mug", -0.3, 0.0, 0.7, 0.15, 0.15, 0.2)
    room.put("lamp", "vase", 1.2, 0.2, 0.0, 0.3, 0.3, 0.6)
    place = tmp_path_factory.mktemp("doctor") / "room.map"
    with SpatialMemory.open(place) as memory:
        room.look(memory, 2)
    return place


@pytest.fixture()
def memory(path, tmp_path):
    """A copy to break."""
    with SpatialMemory.open(path, read_only=True) as stored:
        stored.save(tmp_path / "copy.map")
    with SpatialMemory.open(tmp_path / "copy.map") as memory:
        yield memory


def diagnosed(memory, *expected, retrieved=(), claimed=()):
    return Doctor(memory).diagnose(expected, retrieved, claimed)


def test_never_seen_and_detected_wrongly_by_what_was_looked_at_and_logged(memory):
    outside = diagnosed(memory, Expected("bed", np.array([9.0, 9.0, 0.4])))
    assert outside.stage is Stage.NEVER_SEEN and "never looked at" in outside.why
    missed = diagnosed(memory, Expected("bowl", np.array([0.3, 0.0, 0.9])))
    assert missed.stage is Stage.DETECTED_WRONG and "nothing was detected" in missed.why
    mistaken = diagnosed(memory, Expected("lamp", LAMP))
    assert mistaken.stage is Stage.DETECTED_WRONG and "vase" in mistaken.why


@pytest.mark.parametrize("way", ["moved", "renamed", "merged"])
def test_stored_wrongly_by_what_the_log_says_otherwise(memory, way):
    mug, table_ = memory.find("mug")[0], memory.find("table")[0]
    if way == "moved":
        memory.move(mug.id, mug.box.center + np.array([2.0, 0.0, 0.0]), "broken on purpose")
    elif way == "renamed":
        memory.relabel(mug.id, "teapot", "broken on purpose")
    else:
        memory.merge_objects(table_.id, mug.id, "broken on purpose")
    found = diagnosed(memory, Expected("mug", MUG), retrieved=[mug.id])
    assert found.stage is Stage.STORED_WRONG and "as mug" in found.why
    word = {"moved": "stored at", "renamed": "teapot", "merged": "table"}[way]
    assert word in found.why


def test_a_thing_stored_twice_is_an_extra_one(memory):
    mug = memory.find("mug")[0]
    vase = memory.find("vase")[0]
    memory.relabel(vase.id, "mug", "broken on purpose")
    memory.move(vase.id, mug.box.center + np.array([0.1, 0.0, 0.0]), "broken on purpose")
    found = diagnosed(memory, Expected("mug", mug.box.center), retrieved=[mug.id], claimed=[mug.id, vase.id])
    assert found.stage is Stage.STORED_WRONG and "stored twice" in found.why


def test_not_retrieved_and_not_used_when_all_is_stored(memory):
    mug = memory.find("mug")[0]
    hidden = diagnosed(memory, Expected("mug", MUG))
    assert hidden.stage is Stage.NOT_RETRIEVED and str(mug.id) in hidden.why
    ignored = diagnosed(memory, Expected("mug", MUG), retrieved=[mug.id])
    assert ignored.stage is Stage.NOT_USED and ignored.findings[0].object_id == mug.id


def test_the_first_stage_that_lost_something_counts(memory):
    bed = Expected("bed", np.array([9.0, 9.0, 0.4]))
    both = diagnosed(memory, Expected("lamp", LAMP), bed)
    assert both.stage is Stage.NEVER_SEEN and both.findings[0].stage is Stage.DETECTED_WRONG


def test_gone_things_that_nobody_looked_for_again(memory):
    assert diagnosed(memory, Expected("mug", MUG, gone=True)).stage is Stage.NEVER_SEEN
    late = Expected("mug", MUG, gone=True, since_ns=1)
    assert diagnosed(memory, late).stage is Stage.DETECTED_WRONG


def test_consultation_asks_again_and_follows_the_calls(memory):
    told, found = consult(memory, "where is the mug?", [parse_expected("bed @ 9,9,0.4")], memory.last_stamp_ns)
    assert told.startswith("The mug is") and found.stage is Stage.NEVER_SEEN
    _, found = consult(memory, "where is the vase?", [parse_expected("mug @ -0.3,0.0")], memory.last_stamp_ns)
    assert found.stage is Stage.NOT_RETRIEVED
    _, found = consult(memory, "where is the mug?", [parse_expected("mug")], memory.last_stamp_ns)
    assert found.stage is Stage.NOT_USED
    _, found = consult(memory, "why is the sky blue tomorrow?", [parse_expected("mug")], memory.last_stamp_ns)
    assert found.stage is Stage.NOT_RETRIEVED


def test_expected_texts():
    full = parse_expected("red mug in the living room @ 1.2, -3,0.5 gone")
    assert (full.label, full.room, full.gone) == ("red mug", "living room", True)
    assert full.position_m.tolist() == [1.2, -3.0, 0.5] and str(full).startswith("red mug in living room at (1.2")
    assert parse_expected("mug").position_m is None and len(parse_expected("mug @ 1 2").position_m) == 2
    for bad in ("", "mug @ 1", "mug @ 1,2,3,4", "mug @ x"):
        with pytest.raises(BadInputError, match="LABEL"):
            parse_expected(bad)


def test_shares_of_a_table_sum_to_one():
    shares = table([Stage.NOT_USED, Stage.NEVER_SEEN, Stage.NOT_USED])
    assert shares["not_used"] == pytest.approx(2 / 3) and sum(shares.values()) == pytest.approx(1.0)
    assert set(shares) == {str(stage) for stage in Stage} and sum(table([]).values()) == 0.0
