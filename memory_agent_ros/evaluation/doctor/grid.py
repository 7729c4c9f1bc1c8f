"""Three ways to write a memory down, three ways to retrieve from it (after arXiv 2603.02473), without a language model.

Written: every sighting as a sentence (``raw``), one sentence about each thing (``facts``), one about each room
(``summaries``). Retrieved: by meaning (``dense``), by words (``bm25``), by both ranks fused (``fused``). What was
retrieved is all that is then known: the calls that answer the question are executed over it by code. A thing that only
a summary tells of is known to be in its room, no more; a thing known by an old sighting stands where it stood then.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.doctor.healthy import CLASSES, answered
from memory_agent_ros.evaluation.qa.families.catalogue import of_class
from memory_agent_ros.evaluation.qa.random_worlds import draw_world
from memory_agent_ros.evaluation.qa.sample import Asked, sample_of
from memory_agent_ros.evaluation.qa.scoring import RoomKey, right
from memory_agent_ros.evaluation.qa.truth_memory import TruthMemory
from memory_agent_ros.evaluation.qa.visits import TrueThing
from memory_agent_ros.reasoning import wording
from memory_agent_ros.reasoning.calls import Reference
from memory_agent_ros.reasoning.known import Meaning
from memory_agent_ros.reasoning.retrieval.facts import FactWriter
from memory_agent_ros.reasoning.retrieval.fusion import fused
from memory_agent_ros.reasoning.retrieval.word_index import WordIndex
from memory_agent_ros.reasoning.tools.workspace import Workspace
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.event import EventKind

WRITE = ("raw", "facts", "summaries")
RETRIEVE = ("dense", "bm25", "fused")
#: Documents that are retrieved.
K = 5
_DRAWS = 40


@dataclass(frozen=True, eq=False)
class Document:
    """A sentence and what it lets one know.

    Attributes:
        text: the sentence.
        things: by true id, as it tells of them.
        stamp_ns: when that was so.
    """

    text: str
    things: dict[int, TrueThing]
    stamp_ns: int = 0


@dataclass(frozen=True)
class Cell:
    """One question in one arm: precision and recall of what was retrieved, whether the answer was right."""

    precision: float
    recall: float
    right: bool


def grid(split: str, seed: int, questions: int, meaning: Meaning) -> dict[str, list[Cell]]:
    """Cells by arm of one random world: ``raw_dense`` ... ``summaries_fused``, ``no_memory``, ``oracle``."""
    rng = np.random.default_rng([abs(seed), 33])
    world = draw_world(rng, split)
    asked = _questions(rng, world, questions)
    written = {way: write(world) for way, write in _WRITE.items()}
    found: dict[str, list[Cell]] = {}
    for way, documents in written.items():
        vectors = meaning.embed_texts([d.text for d in documents])
        words = WordIndex([d.text for d in documents])
        for one in asked:
            dense = np.argsort(-(vectors @ meaning.embed_texts([one.question])[0]), kind="stable").tolist()
            bm25 = words.ranked(one.question)
            ranked = {"dense": dense, "bm25": bm25, "fused": list(fused([dense[: 4 * K], bm25[: 4 * K]]))}
            for name in RETRIEVE:
                chosen = [documents[i] for i in ranked[name][:K]]
                found.setdefault(f"{way}_{name}", []).append(_cell(world, one, chosen))
    for one in asked:
        gold = [Document("", {i: world.things[i] for i in _gold(one)})]
        found.setdefault("oracle", []).append(_cell(world, one, gold))
        found.setdefault("no_memory", []).append(_cell(world, one, []))
    return found


def _questions(rng: np.random.Generator, world: TruthMemory, count: int) -> list[Asked]:
    """Questions that rest on things that are there or were."""
    found: list[Asked] = []
    for _ in range(count * _DRAWS):
        families = of_class(CLASSES[int(rng.integers(len(CLASSES)))])
        sample = sample_of(rng, world, families[int(rng.integers(len(families)))])
        if sample is not None and sample.before is None and _gold(sample.asked):
            found.append(sample.asked)
        if len(found) == count:
            break
    return found


def _gold(asked: Asked) -> set[int]:
    """What the answer rests on."""
    of = asked.calls[-1].arguments["of"]
    assert isinstance(of, Reference)
    last = asked.results[of.number - 1]
    return {o.id for o in (*last.things, *last.cited)}


def _cell(world: TruthMemory, asked: Asked, documents: Sequence[Document]) -> Cell:
    gold = _gold(asked)
    things: dict[int, tuple[int, TrueThing]] = {}
    for document in documents:
        for i, thing in document.things.items():
            if i not in things or document.stamp_ns >= things[i][0]:
                things[i] = (document.stamp_ns, thing)
    precision = float(np.mean([bool(gold & set(d.things)) for d in documents])) if documents else 0.0
    known = world.holding({i: thing for i, (_, thing) in things.items()})
    told = answered(known, asked.calls, world.now_ns)
    form = str(asked.calls[-1].arguments["form"])
    is_right = told is not None and right(told[0], asked.truth, form, RoomKey(known.rooms(), world.rooms()))
    return Cell(precision, len(gold & set(things)) / len(gold), is_right)


# -- writing ----------------------------------------------------------------------------------------------------------


def _raw(world: TruthMemory) -> list[Document]:
    """Every sighting, with the place where the thing stood then."""
    documents = []
    for i, thing in world.things.items():
        moves = [e for e in world.changes() if e.object_id == i and e.kind is EventKind.MOVED]
        for sighting in thing.sightings:
            later = next((e for e in moves if e.stamp_ns > sighting.stamp_ns), None)
            before = None if later is None else later.previous_position_m
            stood = thing if before is None else _standing_at(thing, before)
            stood = dataclasses.replace(stood, gone=False)
            room = world.room_at(stood.solid.box.center)
            where = f" in {wording.room_name(room)}" if room is not None else ""
            ago = wording.ago(sighting.stamp_ns, world.now_ns)
            text = f"I saw {wording.with_article(thing.solid.label)}{where} {ago}."
            documents.append(Document(text, {i: stood}, sighting.stamp_ns))
    return documents


def _standing_at(thing: TrueThing, center: NDArray[np.float64]) -> TrueThing:
    solid = thing.solid
    cloud = (solid.cloud + (center - solid.box.center)).astype(np.float32)
    box = OrientedBox(np.asarray(center, dtype=np.float64), solid.box.size, solid.box.yaw)
    return dataclasses.replace(thing, solid=dataclasses.replace(solid, box=box, cloud=cloud))


def _facts(world: TruthMemory) -> list[Document]:
    """One sentence about each thing, as it is now."""
    space = Workspace(world, world.now_ns)
    writer = FactWriter(space)
    return [Document(writer.thing(o).text, {o.id: world.things[o.id]}) for o in space.by_id.values()]


def _summaries(world: TruthMemory) -> list[Document]:
    """One sentence about each room: a thing in it is known to be somewhere in it."""
    space = Workspace(world, world.now_ns)
    writer = FactWriter(space)
    return [
        Document(
            writer.room(room).text,
            {
                i: _standing_at(world.things[i], np.array([*room.center, world.things[i].solid.box.size[2] / 2]))
                for i in room.object_ids
            },
        )
        for room in world.rooms()
    ]


_WRITE: dict[str, Callable[[TruthMemory], list[Document]]] = {"raw": _raw, "facts": _facts, "summaries": _summaries}
