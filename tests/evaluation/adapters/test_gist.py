"""Questions about the gist of a map: answers are those of the map; other names do not change the truth."""

import dataclasses

import numpy as np
import pytest

from memory_agent_ros.adapters.memory_reading import Change, ChunkReading, Link
from memory_agent_ros.evaluation.adapters import gist as g
from memory_agent_ros.evaluation.adapters.gist_worlds import GistSize, example
from memory_agent_ros.evaluation.adapters.look_bank import LookBank
from memory_agent_ros.records.event import EventKind
from memory_agent_ros.records.relation import RelationKind
from tests.adapters.test_memory import HOUR_NS, thing

LOOKS = LookBank(np.eye(4, dtype=np.float32), np.array([3, 3, 7, 7]))


def kitchen() -> ChunkReading:
    """Two mugs on a table, a plate that moved, a fork that is gone, a spoon that is new."""
    table = thing(9, "table", 1.0)
    box = dataclasses.replace(table.box, size=np.array([1.0, 1.0, 0.8]), center=np.array([1.0, 2.0, 0.4]))
    objects = (
        thing(1, "mug", 1.0), thing(2, "mug", 1.2), thing(3, "plate", 1.4), thing(4, "fork", 1.6, gone=True),
        thing(5, "spoon", 1.8, hours=3.0), dataclasses.replace(table, box=box),
    )  # fmt: skip
    links = tuple(Link(RelationKind.ON, name, "table") for name in ("mug", "mug", "plate"))
    moved = Change(EventKind.MOVED, "plate", "study", "kitchen", 2 * HOUR_NS)
    return ChunkReading("room 1", "kitchen", objects, ("kitchen",) * 6, links, (moved,), np.zeros(3))


def test_the_truth_is_read_off_a_chunk() -> None:
    found = g.gist_of(kitchen(), {3: "red", 1: "blue"})
    assert found["mug"] == g.KindGist(2, "table")
    assert found["plate"] == g.KindGist(1, "table", g.MOVED, "red")
    assert found["fork"] == g.KindGist(0, None, g.GONE)
    assert found["spoon"] == g.KindGist(1, None, g.NEW)


def test_questions_have_the_answers_of_the_truth() -> None:
    gist = {"kitchen": g.gist_of(kitchen(), {}), "study": {"mug": g.KindGist(1)}}
    asked = {q.text: q.answer for q in g.ask(gist, np.random.default_rng(0), held_out=True)}
    assert asked["the kitchen holds how many mug?"] == "two" and asked["the study holds how many fork?"] == "zero"
    assert asked["the mug is usually in which room?"] == "kitchen"
    assert asked["the mug in the kitchen is on what?"] == "table"
    assert asked["the spoon in the kitchen became what?"] == g.NEW
    assert "the fork is usually in which room?" not in asked


def test_text_tells_no_colours_unless_asked_to() -> None:
    gist = {"kitchen": {"mug": g.KindGist(1, "table", g.STAYED, "red")}}
    assert g.tell(gist) == "kitchen mug one. kitchen mug on table. kitchen mug stayed."
    assert g.tell(gist, colours=True) == "kitchen mug one. kitchen mug on table. kitchen mug stayed. kitchen mug red."


def test_answers_and_words_are_closed_sets() -> None:
    known, rng = set(g.words()), np.random.default_rng(1)
    for _ in range(20):
        gist = g.random_gist(rng, 2, (1, 4))
        told = g.tell(gist, colours=True).replace(".", " . ").split()
        assert set(told) <= known
        for question in g.ask(gist, rng, limit=8):
            assert question.answer in g.CANDIDATES[question.kind]
            assert set(question.text.replace("?", " ? ").split()) <= known


@pytest.mark.parametrize("seed", range(5))
def test_examples_have_other_names_and_the_same_truth(seed: int) -> None:
    rng = np.random.default_rng(seed)
    world = example([kitchen()], rng, LOOKS, GistSize(1, 6))
    (reading,) = world.readings
    assert "table" not in reading.labels  # furniture is stood on, not asked about
    assert {o.label for o in reading.objects} <= set(g.THINGS) and reading.name in g.ROOMS
    assert world.gist.keys() == {reading.name}
    present = [o for o in reading.objects if o.presence > 0.5]
    assert sum(k.count for k in world.gist[reading.name].values()) == len(present) == 4
    for kind in world.gist[reading.name].values():
        assert kind.support is None or kind.support in g.FURNITURE
        assert kind.colour in (None, g.COLOURS[3], g.COLOURS[7])
    rows = [np.asarray(o.embedding) for o in present]
    assert all(any(np.array_equal(r, e) for e in LOOKS.embeddings) for r in rows)
