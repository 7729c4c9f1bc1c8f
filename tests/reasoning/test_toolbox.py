"""What every tool gives, over real memories."""

from __future__ import annotations

import pytest

from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.reasoning.calls import CallError, parse_call
from memory_agent_ros.reasoning.results import Result, ResultKind
from memory_agent_ros.reasoning.toolbox import Toolbox
from memory_agent_ros.records.answer import Answer, AnswerState
from memory_agent_ros.records.map_object import MapObject
from tests.reasoning.room import SECOND, Room


def run(world: tuple[SpatialMemory, Room], *lines: str) -> Answer:
    memory, room = world
    return Toolbox(memory, room.stamp_ns).run([parse_call(line) for line in lines])[0]


def results(world: tuple[SpatialMemory, Room], *lines: str) -> list[Result]:
    memory, room = world
    box, found = Toolbox(memory, room.stamp_ns), []
    for line in lines:
        found.append(box.execute(parse_call(line), found))
    return found


def labels(things: list[MapObject] | tuple[MapObject, ...]) -> list[str]:
    return sorted(o.label for o in things)


@pytest.mark.parametrize("name", ["mug", "mugs", "Mug", "the_mug"])
def test_a_label_is_found_in_any_form(before, name: str) -> None:
    (found,) = results(before, f"find({name})")
    assert labels(found.things) == ["mug", "mug"] and found.state is AnswerState.SEEN
    assert found.short == "2 mug present" and found.name == "mug"


def test_anything_and_nothing(before) -> None:
    everything, nothing, unheard = results(before, "find(anything)", "find(nothing)", "find(piano)")
    assert labels(everything.things) == ["book", "chair", "mug", "mug", "shelf", "table"]
    for result in (nothing, unheard):
        assert result.things == () and result.state is AnswerState.UNKNOWN and result.short == "never seen"


def test_gone_things_are_told_apart(after) -> None:
    books, here, gone, mugs = results(
        after, "find(book)", "find(book, state=present)", "find(book, state=gone)", "find(mug, state=gone)"
    )
    assert books.state is AnswerState.GONE and books.short == "1 book gone"
    assert here.things == () and here.state is AnswerState.SEEN and here.cited
    assert labels(gone.counted) == ["book"]
    assert mugs.things == () and mugs.state is AnswerState.SEEN and mugs.short == "none gone"


def test_rooms(before) -> None:
    memory, _ = before
    (room,) = memory.rooms()
    inside, all_rooms, stands = results(before, f"find(mug, in={room.name})", "rooms()", "relation(in, $2, thing=mug)")
    assert labels(inside.things) == labels(stands.things) == ["mug", "mug"]
    assert [r.id for r in all_rooms.rooms] == [room.id] and all_rooms.kind is ResultKind.ROOMS
    with pytest.raises(CallError, match="no room attic"):
        results(before, "find(mug, in=attic)")


def test_near_and_relation(before) -> None:
    _, near, mugs, far, on, bowl, unheard = results(
        before, "find(table)", "near($1, 0.3)", "near($1, 3, thing=mug)", "near($1, 0.01, thing=chair)",
        "relation(on, $1)", "relation(on, $1, thing=shelf)", "near($1, thing=piano)",
    )  # fmt: skip
    assert labels(near.things) == ["book", "mug"] and near.where == "within 0.3 m of the table"
    assert labels(mugs.things) == ["mug", "mug"]
    table_mug = next(o for o in mugs.things if o.box.center[1] < 1.0)
    assert mugs.things[0].id == table_mug.id
    assert far.things == () and far.state is AnswerState.SEEN
    assert labels(on.things) == ["book", "mug"] and on.where == "on the table"
    assert bowl.things == () and bowl.state is AnswerState.SEEN
    assert unheard.state is AnswerState.UNKNOWN


def test_around_a_gone_thing_there_is_nothing(after) -> None:
    *_, near = results(after, "find(book)", "near($1)")
    assert near.things == () and near.state is AnswerState.GONE and near.short == "book is gone"


def test_pick_measure_compare(before) -> None:
    found = results(
        before, "find(mug)", "find(chair)", "pick(nearest, $1, $2)", "pick(farthest, $1, $2)",
        "measure(distance, $1, $2)", "measure(height, $2)", "find(table)", "compare(larger, $7, $2)",
        "compare(more, $1, $2)", "compare(fewer, $1, $2)", "compare(equal, $2, $7)", "pick(largest, $1)",
        "measure(above_floor, $3)", "find(nothing)", "compare(more, $1, $14)", "compare(taller, $7, $2)",
    )  # fmt: skip
    mugs, _chairs, nearest, farthest, gap, height, _, larger, more, fewer, equal, _, above, _, unheard, taller = found
    assert {nearest.things[0].id, farthest.things[0].id} == {o.id for o in mugs.things}
    assert nearest.things[0].box.center[1] < 1.0 < farthest.things[0].box.center[1]
    assert {o.id for o in mugs.things} <= {o.id for o in nearest.cited}, "it rests on all that it chose from"
    assert gap.number == pytest.approx(1.38, abs=0.1) and gap.short.endswith(" m")
    assert height.number == pytest.approx(0.8, abs=0.05)
    assert larger.truth is True and larger.things[0].label == "table" and larger.short == "yes: table"
    assert (more.truth, fewer.truth, equal.truth) == (True, False, True)
    assert more.name == "mug" and fewer.name == "chair"
    assert above.number == pytest.approx(0.7, abs=0.05)
    assert unheard.state is AnswerState.UNKNOWN
    assert taller.truth is False and taller.things[0].label == "chair"
    with pytest.raises(CallError, match="second result"):
        results(before, "find(mug)", "pick(nearest, $1)")


def test_time_and_changes(after) -> None:
    _, room = after
    found = results(
        after, "find(book)", "last_seen($1)", "history($1)", "changes()", "changes(kind=moved)", "changes(kind=gone)",
        "changes(since=40, kind=added)", "changes(thing=mug)", "changes(thing=nothing)", "changes(since=1)",
    )  # fmt: skip
    _, last, history, ever, moved, gone, added, mug, nothing, lately = found
    assert last.number is not None and last.number > 60 and last.state is AnswerState.GONE
    assert [str(e.kind) for e in history.events] == ["added", "gone"]
    assert {(e.label, str(e.kind)) for e in ever.events} == {("book", "gone"), ("chair", "moved")}
    assert labels(moved.things) == ["chair"] and moved.events[0].previous_position_m[0] == pytest.approx(-1.2, abs=0.1)
    assert labels(gone.things) == ["book"] and gone.state is AnswerState.GONE
    assert labels(added.things) == ["bowl"]
    assert mug.events == () and mug.state is AnswerState.SEEN and mug.cited
    assert nothing.state is AnswerState.UNKNOWN
    assert lately.events == () and lately.state is AnswerState.SEEN
    assert room.stamp_ns > 60 * SECOND


def test_counts(after) -> None:
    assert run(after, "find(mug)", "count($1)", "answer(number, $2)").value == 2
    zero = run(after, "find(book)", "count($1)", "answer(number, $2)")
    assert zero.value == 0 and zero.state is AnswerState.GONE and zero.evidence
    never = run(after, "find(piano)", "count($1)", "answer(number, $2)")
    assert never.value == 0 and never.state is AnswerState.UNKNOWN and not never.evidence
    assert run(after, "changes(kind=gone)", "answer(number, $1)").value == 1
    assert run(after, "find(anything, state=gone)", "answer(number, $1)").value == 1


def test_forms(after) -> None:
    where = run(after, "find(chair)", "answer(where, $1)")
    assert where.value[0]["position_m"][0] == pytest.approx(1.6, abs=0.1) and where.state is AnswerState.SEEN
    was = run(after, "find(chair)", "answer(where_before, $1)")
    assert was.value[0]["position_m"][0] == pytest.approx(-1.2, abs=0.1)
    never_moved = run(after, "find(shelf)", "answer(where_before, $1)")
    assert never_moved.state is AnswerState.UNKNOWN and "not noticed that the shelf was moved" in never_moved.text
    book = run(after, "find(book)", "answer(where_before, $1)")
    assert book.state is AnswerState.GONE and book.value[0]["relation"]["label"] == "table"
    yes, no = run(after, "find(mug)", "answer(yes_no, $1)"), run(after, "find(book)", "answer(yes_no, $1)")
    assert yes.value is True and no.value is False and no.state is AnswerState.GONE and "No longer" in no.text
    assert run(after, "find(book, state=gone)", "answer(yes_no, $1)").value is True
    which = run(after, "find(mug)", "find(table)", "pick(nearest, $1, $2)", "answer(which, $3)")
    assert which.value["label"] == "mug" and "on the table" in which.text
    more = run(after, "find(mug)", "find(chair)", "compare(more, $1, $2)", "answer(which, $3)")
    assert more.value == {"label": "mug", "number": 2}
    when = run(after, "find(book)", "last_seen($1)", "answer(when, $2)")
    assert when.value["seconds_ago"] > 60 and when.state is AnswerState.GONE
    moved = run(after, "find(chair)", "history($1)", "answer(changes, $2)")
    assert [e["kind"] for e in moved.value] == ["added", "gone", "moved"]
    on = run(after, "find(table)", "relation(on, $1)", "answer(list, $2)")
    assert sorted(v["label"] for v in on.value) == ["bowl", "mug"] and "on the table" in on.text
    assert run(after, "find(nothing)", "answer(where, $1)").value is None
    for answer in (where, was, book, yes, which, more, when, moved, on):
        assert answer.evidence and answer.text.endswith(".") and answer.calls and 0 < answer.confidence <= 1


def test_pixels_without_a_reader_are_unknown_with_the_reason(before) -> None:
    answer = run(before, "find(mug)", "describe_view($1, colour)", "answer(attribute, $2)")
    assert answer.state is AnswerState.UNKNOWN and "no reader of pictures" in answer.text


def test_pixels_with_a_reader(before) -> None:
    class Red:
        def look(self, obj: MapObject, aspect: str) -> tuple[str, float]:
            assert obj.evidence
            return ("red", 0.9) if aspect == "colour" else ("", 0.0)

    memory, room = before
    box = Toolbox(memory, room.stamp_ns, looker=Red())
    answer, _ = box.run([parse_call(c) for c in ("find(book)", "describe_view($1, colour)", "answer(attribute, $2)")])
    assert answer.value["text"] == "red" and answer.text == "The book is red." and answer.evidence
    dull, _ = box.run([parse_call(c) for c in ("find(book)", "describe_view($1, text)", "answer(attribute, $2)")])
    assert dull.state is AnswerState.UNKNOWN


def test_what_the_dialogue_spoke_of(before) -> None:
    memory, room = before
    things = memory.find("table")
    answer, _ = Toolbox(memory, room.stamp_ns, before=things).run(
        [parse_call(c) for c in ("relation(on, $0)", "answer(list, $1)")]
    )
    assert sorted(v["label"] for v in answer.value) == ["book", "mug"]
    with pytest.raises(CallError, match=r"no result \$0"):
        run(before, "relation(on, $0)", "answer(list, $1)")


def test_calls_that_cannot_be_executed(before) -> None:
    for lines in (["find(mug)", "near($2)"], ["rooms()", "near($1)"], ["find(mug)"], ["rooms()", "answer(when, $1)"]):
        with pytest.raises(CallError):
            run(before, *lines)
