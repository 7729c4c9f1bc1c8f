"""Forgetting, measured: is any trace of a planted thing left, what do others answer, and how long does it take?

In a building of shelves some things carry labels, appearances and paint that occur nowhere else. They are seen, named
in a tip and in a correction, and an adapter beside the map is made from them. Another one is taught where they and some
other things are (see :mod:`recall`). A copy of the map is made with its keys left out. Then they are forgotten, one
after the other. Searched before and after: every file as it is and inside compression, what the program itself can read
with the keys that are there, and the copy, with the keys that are left. After each erasure the ledger is verified, the
other things are asked for, and the adapters too.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from memory_agent_ros.adapters.folders import library_folder
from memory_agent_ros.evaluation.parallel import spread
from memory_agent_ros.evaluation.scale.shelves import PER_SHELF, Building
from memory_agent_ros.evaluation.statistics import Figure, Goal, figure, mean
from memory_agent_ros.evaluation.trust.canaries import Canary, raw_contents, readable, traces
from memory_agent_ros.evaluation.trust.planting import plant
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.memory.storage.bulk import write_map
from memory_agent_ros.reasoning.reasoner import Reasoner
from memory_agent_ros.records.answer import AnswerState
from memory_agent_ros.records.forgetting import ForgetRequest

if TYPE_CHECKING:
    from memory_agent_ros.evaluation.trust.recall import PlantedRecall

#: What a peer's users wait 142 s for.
MEMORIES, BUILDING = 793, 2000
#: Things besides the forgotten that an adapter is taught.
_OTHERS = 4
KINDS = ("label", "embedding", "points", "crop")


@dataclass(frozen=True)
class Erased:
    """What one building gave.

    Attributes:
        before, after: bytes of traces by kind, found by reading with the keys that are there.
        raw_before, raw_after: the same, found in the files as they are.
        copy_after: the same in the copy without keys, read with the keys that are left.
        known: questions about the forgotten that were answered otherwise than *unknown*, of ``asked``.
        changed: answers about other objects that are otherwise than before, after each erasure.
        problems: what ``verify`` finds wrong after each erasure.
        recall: closed book: ``right_before`` of ``taught`` things; ``told_after`` of the forgotten, ``chunks_left`` of
            them, ``others_changed`` of the answers about others.
    """

    seed: int
    before: dict[str, int]
    after: dict[str, int]
    raw_before: dict[str, int]
    raw_after: dict[str, int]
    copy_after: dict[str, int]
    known: int
    asked: int
    changed: int
    problems: list[str]
    recall: dict[str, int]


def forgetting(seeds: range, jobs: int, options: Mapping[str, Any]) -> tuple[dict[str, Figure], list[dict[str, Any]]]:
    """Figures and details of forgetting.

    Args:
        seeds: buildings.
        jobs: processes.
        options: ``progress`` (bool), ``buildings`` (shelves in each of them).
    """
    progress, shelves = bool(options.get("progress", False)), int(options.get("shelves", 3))
    found = list(spread(erase, [(s, shelves) for s in seeds], jobs, "forgetting", "building", progress=progress))
    found.sort(key=lambda e: e.seed)
    times = list(spread(erase_many, [(s,) for s in seeds], 1, "erasing 793", "map", progress=progress))
    left = [sum(e.after.values()) + sum(e.raw_after.values()) + sum(e.copy_after.values()) for e in found]
    figures = {
        "bytes_found_after_forget": figure([[n] for n in left], _total, "B", Goal("max", 0.0)),
        "kinds_found_before_forget": figure(
            [[sum(e.before[k] > 0 for k in KINDS)] for e in found], _least, "", Goal("min", 4.0)
        ),
        "bytes_found_raw_before_forget": figure([[sum(e.raw_before.values())] for e in found], _total, "B"),
        "forgotten_known": figure([[e.known] for e in found], _total, "", Goal("max", 0.0)),
        "others_changed": figure([[e.changed] for e in found], _total, "", Goal("max", 0.0)),
        "problems_after_forget": figure([[len(e.problems)] for e in found], _total, "", Goal("max", 0.0)),
        "recall_right_before": figure(
            [[e.recall["right_before"] / e.recall["taught"]] for e in found], mean, "", Goal("min", 1.0)
        ),
        "recall_after_forget": figure(
            [[e.recall["told_after"] + e.recall["chunks_left"]] for e in found], _total, "", Goal("max", 0.0)
        ),
        "recall_others_changed": figure([[e.recall["others_changed"]] for e in found], _total, "", Goal("max", 0.0)),
        "forget_793_s": figure([[wall] for wall, _ in times], mean, "s", Goal("max", 2.0)),
        "forget_793_cpu_s": figure([[cpu] for _, cpu in times], mean, "s"),
    }
    return figures, [vars(e) for e in found]


def erase(seed: int, shelves: int = 3) -> Erased:
    """Plant, copy, forget and search one building."""
    with tempfile.TemporaryDirectory() as folder:
        home, apart = Path(folder) / "home", Path(folder) / "apart"
        home.mkdir()
        apart.mkdir()
        path = home / "home.map"
        building = Building(shelves * PER_SHELF, seed)
        with SpatialMemory.open(path) as memory:
            canaries = plant(memory, building, home)
            ids = [memory.find(c.label)[0].id for c in canaries]
            others = _answers(memory, set(ids))
            recall = _planted_recall(memory, ids, seed)
            told = recall.answers()
            memory.save()
            memory.save(apart / "copy.map", keys=False)
            shutil.copy(path, apart / "whole.map")
            before, raw_before = _read(canaries, apart / "whole.map"), traces(canaries, raw_contents(home))
            changed, problems = 0, list[str]()
            for number, (object_id, canary) in enumerate(zip(ids, canaries, strict=True)):
                request = ForgetRequest(label=canary.label, never_again=True, reason="asked to")
                memory.forget(request if number else ForgetRequest(object_ids=(object_id,)))
                said = _answers(memory, set(ids))
                changed += sum(said.get(i) != answer for i, answer in others.items())
                problems += memory.verify()
            open_after = traces(canaries, raw_contents(home))
            known, asked = _known(memory, canaries, ids)
        shutil.copy(path, apart / "after.map")
        copied = traces(canaries, readable(apart / "copy.map", keys_of=apart / "after.map"))
        copied += traces(canaries, raw_contents_of(apart / "copy.map"))
        return Erased(
            seed, before, _read(canaries, apart / "after.map"), dict(raw_before),
            dict(open_after + traces(canaries, raw_contents(home))), dict(copied), known, asked, changed, problems,
            _recalled(recall, told, ids),
        )  # fmt: skip


def _planted_recall(memory: SpatialMemory, ids: list[int], seed: int) -> PlantedRecall:
    """An adapter beside the map, taught where the canaries and some things of other names are."""
    from memory_agent_ros.evaluation.trust.recall import PlantedRecall

    assert memory.path is not None
    names = {i: memory.get(i).label for i in ids}
    for thing in memory.objects():
        if len(names) < len(ids) + _OTHERS and thing.label not in names.values():
            names[thing.id] = thing.label
    return PlantedRecall(library_folder(memory.path), names, seed)


def _recalled(recall: PlantedRecall, told: Mapping[int, Any], ids: list[int]) -> dict[str, int]:
    after = recall.answers()
    return {
        "taught": len(told),
        "right_before": recall.right(told),
        "told_after": sum(after[i] is not None for i in ids),
        "chunks_left": recall.chunks_of(ids),
        "others_changed": sum(after[i] != answer for i, answer in told.items() if i not in ids),
    }


def raw_contents_of(path: Path) -> list[bytes]:
    """One file, and what is packed inside it."""
    alone = path.parent / "alone"
    alone.mkdir()
    shutil.copy(path, alone)
    return list(raw_contents(alone))


def erase_many(seed: int) -> tuple[float, float]:
    """Seconds, and those of the processor, to erase 793 of 2000 memories (a hundred pictures), until all is on disk."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "building.map"
        write_map(path, Building(BUILDING, seed).batches, MemoryConfig())
        ids = np.random.default_rng([seed, 9]).permutation(BUILDING)[:MEMORIES] + 1
        with SpatialMemory.open(path) as memory:
            started, worked = time.perf_counter(), time.process_time()
            gone = memory.forget(ForgetRequest(object_ids=tuple(int(i) for i in ids)))
            elapsed = time.perf_counter() - started, time.process_time() - worked
            if len(gone) != MEMORIES or len(memory.labels()) == 0:
                raise RuntimeError("not all was erased: the time would mean nothing")
        return elapsed


def _read(canaries: list[Canary], path: Path) -> dict[str, int]:
    return dict(Counter(dict.fromkeys(KINDS, 0)) | traces(canaries, readable(path)))


def _answers(memory: SpatialMemory, without: set[int]) -> dict[int, tuple[Any, ...]]:
    """What the memory says of each object but those forgotten: a change of any of it is a change of its answers."""
    said = {}
    for found in memory.objects():
        if found.id not in without:
            events = [(e.id, str(e.kind), e.label) for e in memory.history(found.id) if e.other_id not in without]
            evidence = tuple((e.observation_id, e.keyframe_id) for e in memory.get(found.id).evidence)
            vector = None if found.embedding is None else found.embedding.tobytes()
            said[found.id] = (
                found.label, str(found.state), found.observations, found.box.center.tobytes(), vector, evidence,
                tuple(events), found.id in {o.id for o in memory.find(found.label, limit=1000)},
            )  # fmt: skip
    return said


def _known(memory: SpatialMemory, canaries: list[Canary], ids: list[int]) -> tuple[int, int]:
    """How many questions about the forgotten are answered otherwise than *unknown*, and how many were asked."""
    reasoner, known, asked = Reasoner(memory, think="never"), 0, 0
    for canary, object_id in zip(canaries, ids, strict=True):
        for question in (f"Where is the {canary.label}?", f"When did you last see the {canary.label}?"):
            known += reasoner.answer(question).state is not AnswerState.UNKNOWN
        same = [o for o in memory.find(like=canary.vectors[0], limit=3) if o.relevance > 0.9]
        told = [e for e in memory.changes() if e.object_id == object_id and str(e.kind) != "forgotten"]
        tips = [t for domain in memory.tips.domains() for t in memory.tips.of(domain) if canary.label in t.text]
        queries: tuple[Any, ...] = (
            memory.find(canary.label), memory.find(text=canary.label), memory.last_seen(canary.label),
            memory.count(canary.label), same, told, tips,
        )  # fmt: skip
        known += sum(bool(q) for q in queries)
        asked += 2 + len(queries)
    return known, asked


def _total(data: np.ndarray) -> float:
    return float(data.sum())


def _least(data: np.ndarray) -> float:
    return float(data.min())
