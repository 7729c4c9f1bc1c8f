"""How well looks are read from what a memory keeps: its evidence boxes and pictures, against the simulator's truth."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.metrics import Thing, match
from memory_agent_ros.evaluation.outcome import Outcome
from memory_agent_ros.evaluation.parallel import spread
from memory_agent_ros.evaluation.statistics import Figure, Goal, figure, ratio_of_sums
from memory_agent_ros.evaluation.vision.balance import MOST, balanced
from memory_agent_ros.evaluation.vision.baselines import ColourHistogramReader
from memory_agent_ros.evaluation.vision.sightings import PLAIN_WALK, TIPPED_WALK, true_looks
from memory_agent_ros.evaluation.walks.replay import Detections
from memory_agent_ros.evaluation.walks.walk import WalkConfig, record_walk
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.reasoning.vision.aspects import QUESTIONS
from memory_agent_ros.reasoning.vision.crops import best_crops
from memory_agent_ros.reasoning.vision.reader import VisionReader
from memory_agent_ros.reasoning.vision.readers import vision_reader
from memory_agent_ros.records.looks import COLOUR, LOOKS, MATERIAL, STATE

EMBEDDED, SHUFFLED, HISTOGRAM, MAJORITY = "embedded", "shuffled_pictures", "colour_histogram", "majority"
ARMS = (EMBEDDED, SHUFFLED, HISTOGRAM, MAJORITY)
_CROPS = 3
#: Apartments as they are, and with twice as many things, so that how they stand or lie is asked often enough.
TIPPED_WALKS = (TIPPED_WALK, dataclasses.replace(TIPPED_WALK, cluttered=True))


@dataclass(frozen=True, eq=False)
class PixelQuestion:
    """A question about a remembered thing.

    Attributes:
        seed: of the apartment; ``label`` of the thing.
        aspect: what is asked; ``answer`` the truth.
        crops: (H, W, 3) uint8 RGB each, the best ones that the memory gives.
    """

    seed: int
    label: str
    aspect: str
    answer: str
    crops: tuple[NDArray[np.uint8], ...]


def pixel_questions(split: str, seed: int, config: WalkConfig, aspects: Sequence[str]) -> list[PixelQuestion]:
    """Questions about every thing that a memory holds after a walk through an apartment and that is truly there."""
    walk = record_walk(split, seed, config)
    found: list[PixelQuestion] = []
    with SpatialMemory.open(None) as memory:
        for step in Detections(walk, seed=seed).replay(which_pass=0):
            memory.observe(step.frame, step.observations)
        things = {o.id: o for o in memory.objects()}
        truth = {t.id: t for t in walk.truth[0] if t.present}
        pairs = match(
            [Thing(o.id, o.label, o.box.center) for o in things.values()],
            [Thing(t.id, t.label, t.box.center) for t in truth.values()],
        )
        for true_id, object_id in sorted(pairs.items()):
            crops = tuple(c.pixels for c in best_crops(memory, object_id, _CROPS))
            looks = true_looks(truth[true_id])
            label = things[object_id].label
            found += [PixelQuestion(seed, label, a, looks[a], crops) for a in aspects if a in looks and crops]
    return found


def balanced_questions(found: Sequence[PixelQuestion], rng: np.random.Generator) -> list[PixelQuestion]:
    """Some of the questions, so that no answer is right of too many of those about its aspect."""
    kept: list[PixelQuestion] = []
    for aspect, most in MOST.items():
        asked = [q for q in found if q.aspect == aspect]
        kept += [asked[i] for i in balanced([q.answer for q in asked], most, rng)]
    return kept


def answered(questions: Sequence[PixelQuestion], reader: VisionReader) -> list[tuple[str, float]]:
    """Answer and confidence of each."""
    readings = [reader.read(q.crops, QUESTIONS[q.aspect], LOOKS[q.aspect]) for q in questions]
    return [(r.text, r.confidence) for r in readings]


def shuffled(questions: Sequence[PixelQuestion], rng: np.random.Generator) -> list[PixelQuestion]:
    """The same questions, each with the pictures of another one about the same aspect."""
    out = list(questions)
    for aspect in LOOKS:
        rows = [i for i, q in enumerate(questions) if q.aspect == aspect]
        order = [rows[i] for i in rng.permutation(len(rows)).tolist()]
        for row, other in zip(order, order[1:] + order[:1], strict=True):
            q = questions[row]
            out[row] = PixelQuestion(q.seed, q.label, q.aspect, q.answer, questions[other].crops)
    return out


def pixel_accuracy(
    split: str,
    seeds: Sequence[int],
    *,
    reader: str | VisionReader = EMBEDDED,
    arms: Sequence[str] = ARMS,
    jobs: int = 1,
    progress: bool = False,
) -> Outcome:
    """Figures ``accuracy`` and ``accuracy@ASPECT`` of a reader and of what it is compared with.

    Colour and material are asked of things that stand as usual; how a thing stands or lies is asked in apartments where
    a third of what can be tipped lies on its side and a third stands upside down, each furnished plainly and with
    twice as many things.

    Args:
        split: of the apartments.
        seeds: apartments.
        reader: who reads in the first arm: a name for :func:`~memory_agent_ros.reasoning.vision.readers.vision_reader`.
        arms: which of :data:`ARMS`.
        jobs: processes that remember apartments.
        progress: show bars.
    """
    walks = ((PLAIN_WALK, (COLOUR, MATERIAL)), *((walk, (STATE,)) for walk in TIPPED_WALKS))
    calls = [(split, seed, *walk) for walk in walks for seed in seeds]
    parts = list(spread(pixel_questions, calls, jobs, f"pixels {split}", "walk", progress=progress))
    found = sorted((q for part in parts for q in part), key=lambda q: (q.aspect, q.seed, q.label, q.answer))
    questions = balanced_questions(found, np.random.default_rng(46))
    used = vision_reader(reader) if isinstance(reader, str) else reader
    told: dict[str, list[tuple[str, float]]] = {}
    for arm in arms:
        told[arm] = _ARMS[arm](questions, used, progress)
    right = {arm: [a == q.answer for (a, _), q in zip(t, questions, strict=True)] for arm, t in told.items()}
    every = {arm: _figures(questions, right[arm], arm) for arm in arms}
    details = [
        {"seed": q.seed, "label": q.label, "aspect": q.aspect, "truth": q.answer}
        | {arm: told[arm][i][0] for arm in arms}
        | {"confidence": round(told[arms[0]][i][1], 4)}
        for i, q in enumerate(questions)
    ]
    figures = dict(every[arms[0]]) | _contrasts(questions, right, arms)
    return Outcome(figures, {arm: every[arm] for arm in arms}, details)


_Told = list[tuple[str, float]]


def _majority(questions: Sequence[PixelQuestion], *_: Any) -> _Told:
    """The commonest answer of each aspect: the best that can be done without looking."""
    counts: dict[str, dict[str, int]] = {}
    for q in questions:
        of_aspect = counts.setdefault(q.aspect, {})
        of_aspect[q.answer] = of_aspect.get(q.answer, 0) + 1
    return [(max(counts[q.aspect], key=lambda a: counts[q.aspect][a]), float("nan")) for q in questions]


_ARMS: Mapping[str, Callable[[Sequence[PixelQuestion], VisionReader, bool], _Told]] = {
    EMBEDDED: lambda questions, reader, _: answered(questions, reader),
    SHUFFLED: lambda questions, reader, _: answered(shuffled(questions, np.random.default_rng(47)), reader),
    HISTOGRAM: lambda questions, _, progress: answered(questions, ColourHistogramReader.of_train(progress=progress)),
    MAJORITY: _majority,
}


def _figures(questions: Sequence[PixelQuestion], right: Sequence[bool], arm: str) -> dict[str, Figure]:
    goal = {EMBEDDED: Goal("min", 0.70), MAJORITY: Goal("max", 0.35)}.get(arm)
    out = {"accuracy": figure(_rows(questions, right), ratio_of_sums, "", goal)}
    for aspect in LOOKS:
        if any(q.aspect == aspect for q in questions):
            out[f"accuracy@{aspect}"] = figure(_rows(questions, right, aspect), ratio_of_sums, "", goal)
    return out


def _contrasts(
    questions: Sequence[PixelQuestion], right: Mapping[str, Sequence[bool]], arms: Sequence[str]
) -> dict[str, Figure]:
    """Differences of accuracy on the same questions, the first arm's less that of each other one."""
    out = {}
    for arm in arms[1:]:
        rows = [[*a, b[0]] for a, b in zip(_rows(questions, right[arms[0]]), _rows(questions, right[arm]), strict=True)]
        out[f"accuracy_over_{arm}"] = figure(rows, lambda d: float((d[:, 0] - d[:, 2]).sum() / d[:, 1].sum()))
    return out


def _rows(questions: Sequence[PixelQuestion], right: Sequence[bool], aspect: str | None = None) -> list[list[float]]:
    """For each apartment: right answers, questions."""
    out: dict[int, list[float]] = {}
    for q, good in zip(questions, right, strict=True):
        if aspect in (None, q.aspect):
            row = out.setdefault(q.seed, [0.0, 0.0])
            row[0] += good
            row[1] += 1
    return [out[s] for s in sorted(out)]
