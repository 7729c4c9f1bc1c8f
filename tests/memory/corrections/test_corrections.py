"""Corrections by hand: what they do, that detections do not overrule them, and that they can be undone."""

from pathlib import Path

import numpy as np
import pytest
from driving import at_desk, at_table, mapped_kitchen, only, present, watch
from synthetic import World, kitchen

from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.correction import CorrectionKind
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.map_object import MapObject, ObjectState
from memory_agent_ros.records.region import Region

WHO = {"author": "an operator", "reason": "a test"}


def seen_table() -> tuple[SpatialMemory, World]:
    """A memory that has looked at the table only."""
    memory, world = SpatialMemory.open(None), kitchen()
    watch(memory, world, at_table())
    return memory, world


def summary(memory: SpatialMemory) -> list[tuple[object, ...]]:
    """What the memory answers, object by object."""
    return [
        (o.id, o.label, o.state, o.observations, len(o.points_map), o.box.center.round(5).tolist(), len(o.evidence))
        for o in map(memory.get, [o.id for o in memory.objects()])
    ]


def mug_of(memory: SpatialMemory) -> MapObject:
    return only(memory.find("mug"))


def test_every_correction_says_who_and_why() -> None:
    memory, _ = seen_table()
    mug, bowl = mug_of(memory), only(memory.find("bowl"))
    book = memory.corrections
    book.relabel(mug.id, "cup", author="Ada", reason="it has two handles")
    moved = book.move(mug.id, mug.box.center + np.array([0.0, 0.0, 0.5]), author="Bo", reason="the map is low here")
    assert "Bo" in moved.event.detail and "the map is low here" in moved.event.detail
    book.merge(mug.id, bowl.id, author="Cy", reason="one set")
    kinds = [(c.kind, c.author, c.reason) for c in book.all()]
    assert kinds == [
        (CorrectionKind.RELABEL, "Ada", "it has two handles"),
        (CorrectionKind.MOVE, "Bo", "the map is low here"),
        (CorrectionKind.MERGE, "Cy", "one set"),
    ]
    first, second, third = book.all(bowl.id)
    assert (first.previous_label, first.label, third.other_id) == ("mug", "cup", bowl.id)
    assert second.position_m is not None and second.previous_position_m is not None
    assert np.allclose(second.position_m - second.previous_position_m, (0, 0, 0.5))
    for author, reason, code in [("", "x", "author_empty"), ("x", " ", "reason_empty"), ("x" * 129, "x", "text_too")]:
        with pytest.raises(BadInputError) as caught:
            book.delete(mug.id, author=author, reason=reason)
        assert caught.value.reason.startswith(code)
    assert len(book.all()) == 3


def test_relabels_are_undone_in_any_order() -> None:
    memory, world = seen_table()
    mug, book = mug_of(memory), memory.corrections
    first = book.relabel(mug.id, "cup", **WHO).correction
    second = book.relabel(mug.id, "grail", **WHO).correction
    book.undo(first.id, **WHO)
    assert memory.get(mug.id).label == "grail"
    watch(memory, world, at_table(3))
    undone = book.undo(second.id, **WHO)
    assert memory.get(mug.id).label == "mug" and memory.find("grail") == []
    assert "undone" in undone.event.detail
    assert [c.undone_by for c in book.all()][:2] == [3, 4]
    for wrong, code in [(second.id, "correction_undone"), (3, "correction_undone"), (99, "unknown_correction")]:
        with pytest.raises(BadInputError) as caught:
            book.undo(wrong, **WHO)
        assert caught.value.reason == code


def test_a_place_given_by_hand_outlasts_looks_that_contradict_it() -> None:
    memory, world = seen_table()
    mug = mug_of(memory)
    there = mug.box.center + np.array([0.0, 0.6, 0.0])  # in view, and empty
    correction = memory.corrections.move(mug.id, there, **WHO).correction
    for _ in range(3):
        watch(memory, world, at_table(), skip=("mug",))
    held = memory.get(mug.id)
    assert held.state is ObjectState.PRESENT and np.allclose(held.box.center, there, atol=0.02)
    memory.corrections.undo(correction.id, **WHO)
    assert np.allclose(memory.get(mug.id).box.center, mug.box.center, atol=0.02)
    world.move("mug", (9.0, 9.0, 0.5))
    for _ in range(3):
        watch(memory, world, at_table())
    assert memory.get(mug.id).state is ObjectState.GONE  # nothing holds it any more


def test_a_small_shift_by_hand_is_not_pulled_back_by_detections() -> None:
    memory, world = seen_table()
    mug = mug_of(memory)
    there = mug.box.center + np.array([0.0, 0.12, 0.0])
    memory.corrections.move(mug.id, there, **WHO)
    watch(memory, world, at_table())
    assert np.allclose(memory.get(mug.id).box.center, there, atol=0.005)


def test_once_detections_agree_with_the_place_the_object_may_move_on() -> None:
    memory, world = seen_table()
    mug, bowl = mug_of(memory), only(memory.find("bowl"))
    memory.corrections.move(mug.id, bowl.box.center + np.array([0.0, 0.5, 0.0]), **WHO)
    world.move("mug", tuple((bowl.box.center + np.array([0.0, 0.5, 0.0])).tolist()))
    watch(memory, world, at_table())
    assert only(memory.find("mug")).id == mug.id
    world.move("mug", (9.0, 9.0, 0.5))
    for _ in range(3):
        watch(memory, world, at_table())
    assert memory.get(mug.id).state is ObjectState.GONE


def test_a_merge_is_undone_exactly_if_nothing_was_seen_since(tmp_path: Path) -> None:
    path = tmp_path / "merge.map"
    with SpatialMemory.open(path) as memory:
        world = mapped_kitchen(memory)
        memory.save()
        before = summary(memory)
        mug, bowl = mug_of(memory), only(memory.find("bowl"))
        memory.corrections.merge(mug.id, bowl.id, **WHO)
        assert memory.find("bowl") == []
    with SpatialMemory.open(path) as memory:
        memory.corrections.undo(1, **WHO)
        assert summary(memory) == before and memory.verify() == []
        watch(memory, world, at_table())
        assert only(memory.find("bowl")).id == bowl.id and only(memory.find("mug")).id == mug.id
    with SpatialMemory.open(path, read_only=True) as memory:
        assert {o.id for o in memory.objects()} == {row[0] for row in before}
        assert [c.kind for c in memory.corrections.all()] == ["merge", "undo"]


def test_a_merge_is_undone_though_both_were_seen_since() -> None:
    memory, world = seen_table()
    mug, bowl = mug_of(memory), only(memory.find("bowl"))
    made = memory.corrections.merge(mug.id, bowl.id, **WHO).correction
    watch(memory, world, at_table())
    memory.corrections.undo(made.id, **WHO)
    for old in (mug, bowl):
        again = memory.get(old.id)
        assert again.label == old.label and np.linalg.norm(again.box.center - old.box.center) < 0.08
        assert again.evidence
    watch(memory, world, at_table())
    assert present(memory) == ["bowl", "box", "mug", "table"] and memory.verify() == []


def test_a_split_stays_split_and_is_undone() -> None:
    memory, world = seen_table()
    before = summary(memory)
    table = only(memory.find("table"))
    far = Region(np.array([-9.0, table.box.center[1], -9.0]), np.array([9.0, 9.0, 9.0]))
    made = memory.corrections.split(table.id, far, label="sideboard", **WHO).correction
    part = only(memory.find("sideboard"))
    assert made.other_id == part.id and part.box.center[1] > memory.get(table.id).box.center[1] + 0.1
    assert part.evidence and memory.get(table.id).evidence and memory.verify() == []
    watch(memory, world, at_table())
    assert only(memory.find("sideboard")).id == part.id and only(memory.find("table")).id == table.id
    memory.corrections.undo(made.id, **WHO)
    assert memory.get(part.id).id == table.id and memory.find("sideboard") == []
    assert {row[0] for row in summary(memory)} == {row[0] for row in before} and memory.verify() == []
    with pytest.raises(BadInputError, match="all or nothing"):
        memory.corrections.split(table.id, Region(np.full(3, 50.0), np.full(3, 51.0)), **WHO)
    for place in (np.zeros(5), np.zeros(0), np.full(3, np.nan), np.full(3, 1e9), Region(np.zeros(2), np.ones(2))):
        with pytest.raises(BadInputError):
            memory.corrections.split(table.id, place, **WHO)


def test_a_split_that_nothing_touched_is_undone_exactly() -> None:
    memory, _ = seen_table()
    mug, bowl = mug_of(memory), only(memory.find("bowl"))
    memory.corrections.merge(mug.id, bowl.id, **WHO)
    before = summary(memory)
    made = memory.corrections.split(mug.id, bowl.box.center, **WHO).correction
    part, rest = memory.get(made.other_id or 0), memory.get(mug.id)
    assert np.linalg.norm(part.box.center - bowl.box.center) < 0.03
    assert np.linalg.norm(rest.box.center - mug.box.center) < 0.03
    assert (part.label, rest.label) == ("bowl", "mug")  # each is called what was detected there
    with pytest.raises(BadInputError) as caught:
        memory.corrections.undo(1, **WHO)
    assert caught.value.reason == "correction_overlaid"
    memory.corrections.undo(made.id, **WHO)
    assert summary(memory) == before
    memory.corrections.undo(1, **WHO)
    assert present(memory) == ["bowl", "box", "mug", "table"] and memory.verify() == []


def test_what_was_deleted_by_hand_stays_away_and_comes_back_when_undone(tmp_path: Path) -> None:
    path = tmp_path / "delete.map"
    with SpatialMemory.open(path) as memory:
        world = mapped_kitchen(memory)
        mug = mug_of(memory)
        made = memory.corrections.delete(mug.id, author="an operator", reason="a reflection").correction
        watch(memory, world, at_table())
        watch(memory, world, at_desk())
    with SpatialMemory.open(path) as memory:
        watch(memory, world, at_table())
        assert memory.find("mug") == [] and memory.count("mug") == 0 and memory.last_seen("mug") is None
        assert mug.id not in {o.id for o in memory.objects(include_tentative=True)}
        with pytest.raises(BadInputError, match="deleted by hand"):
            memory.get(mug.id)
        with pytest.raises(BadInputError, match="undo that"):
            memory.corrections.relabel(mug.id, "cup", **WHO)
        memory.corrections.undo(made.id, **WHO)
        again = mug_of(memory)
        assert again.id == mug.id and again.observations > mug.observations and memory.verify() == []


def test_forgetting_erases_corrections_and_words_about_the_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "secret.map"
    with SpatialMemory.open(path) as memory:
        mapped_kitchen(memory)
        mug, bowl = mug_of(memory), only(memory.find("bowl"))
        memory.corrections.relabel(mug.id, "xyzzymug", author="Quuxauthor", reason="plughreason")
        memory.corrections.relabel(bowl.id, "light", author="Bo", reason="stands by the xyzzymug")
        memory.save()
        memory.forget([mug.id])
        (kept,) = memory.corrections.all()
        assert (kept.object_id, kept.label, kept.reason) == (bowl.id, "light", "(erased)")
        assert memory.verify() == []
    for word in (b"xyzzymug", b"Quuxauthor", b"plughreason"):
        assert word not in path.read_bytes()


def test_corrections_come_along_when_maps_are_merged() -> None:
    mine, theirs = SpatialMemory.open(None), SpatialMemory.open(None)
    world = kitchen()
    watch(mine, world, at_desk())
    watch(theirs, world, at_table())
    mug, bowl = mug_of(theirs), only(theirs.find("bowl"))
    mine.corrections.relabel(mine.objects()[0].id, "thing", **WHO)
    theirs.corrections.relabel(mug.id, "cup", **WHO)
    theirs.corrections.delete(bowl.id, **WHO)
    mine.merge(theirs, np.eye(4))
    assert mine.find("bowl") == [] and [c.id for c in mine.corrections.all()] == [1, 2, 3]
    cup = only(mine.find("cup"))
    assert [c.id for c in mine.corrections.all(cup.id)] == [2]
    watch(mine, world, at_table())
    assert mine.find("bowl") == []
    mine.corrections.undo(2, **WHO)
    assert only(mine.find("mug")).id == cup.id
    with pytest.raises(BadInputError, match="another map"):
        mine.corrections.undo(3, **WHO)
