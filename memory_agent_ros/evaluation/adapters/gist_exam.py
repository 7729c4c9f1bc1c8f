"""Arms of the memory-to-LoRA benchmark on one held-out apartment: what each answers, how fast, in how many bytes.

All arms ask the same frozen model the same questions; they differ in what it is given: nothing, the apartment as text,
the few lines of it that share most words with the question, or a generated adapter and no text at all.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from memory_agent_ros.adapters.application import AdaptedModel
from memory_agent_ros.adapters.library import MEMORY, AdapterLibrary
from memory_agent_ros.adapters.memory import MemoryToLora
from memory_agent_ros.adapters.memory_reading import read_chunks
from memory_agent_ros.adapters.prompts import Prompts
from memory_agent_ros.evaluation.adapters.gist import facts
from memory_agent_ros.evaluation.adapters.gist_lessons import GistLesson, generated_rows, ranked
from memory_agent_ros.evaluation.qa.truth_memory import TruthMemory
from memory_agent_ros.reasoning.retrieval.word_index import WordIndex

ARMS = ("no_context", "in_context", "generated", "retrieval")
#: Lines that retrieval gives the model.
_LINES = 3
#: Questions that are timed one by one in each arm.
_TIMED = 6


@dataclass(frozen=True, eq=False)
class Examined:
    """One arm on one apartment.

    Attributes:
        right: kind of question -> 1.0 for each right answer, 0.0 for each wrong one.
        answer_s: seconds of one question, ranked among its closed set, median.
        bytes: that the model is given beside the question: keys and values of text, or the adapter's rows; mean.
    """

    right: dict[str, list[float]]
    answer_s: float
    bytes: float


def examine(
    maker: MemoryToLora, adapted: AdaptedModel, prompts: Prompts, lessons: Sequence[GistLesson]
) -> dict[str, Examined]:
    """All arms on some lessons of one apartment."""
    with torch.no_grad():
        rows = generated_rows(maker, lessons)
    owners = [i for i, one in enumerate(lessons) for _ in one.questions]
    questions = [q for one in lessons for q in one.questions]
    texts = [_lines(one) for one in lessons]
    passages: dict[str, list[str | None]] = {
        "no_context": [None] * len(questions),
        "in_context": [" ".join(texts[i]) for i in owners],
        "generated": [None] * len(questions),
        "retrieval": [_retrieved(texts[i], q.text) for i, q in zip(owners, questions, strict=True)],
    }
    out = {}
    for arm in ARMS:
        asked = list(zip(passages[arm], questions, strict=True))
        mine = rows if arm == "generated" else None
        found = ranked(adapted, prompts, asked, mine, owners if mine is not None else None)
        right: dict[str, list[float]] = {}
        for question, (odds, true) in zip(questions, found, strict=True):
            right.setdefault(question.kind, []).append(float(odds.argmax() == true))
        seconds = []
        for (passage, question), owner in list(zip(asked, owners, strict=True))[:_TIMED]:
            one = None if mine is None else mine.one(owner)
            started = time.perf_counter()
            ranked(adapted, prompts, [(passage, question)], one)
            seconds.append(time.perf_counter() - started)
        tokens = [len(prompts.passage(p)) if p else 0 for p in passages[arm]]
        size = rows.one(0).bytes if mine is not None else float(np.mean(tokens)) * kv_bytes_per_token(adapted)
        out[arm] = Examined(right, float(np.median(seconds)), float(size))
    return out


def kv_bytes_per_token(adapted: AdaptedModel) -> int:
    """Of keys and values in all layers, in the type of the weights."""
    config = adapted.model.config
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    itemsize = next(adapted.model.parameters()).element_size()
    return int(2 * config.num_hidden_layers * config.num_key_value_heads * width * itemsize)


def update_seconds(maker: MemoryToLora, memory: TruthMemory) -> float:
    """From a memory's newest event to its adapter on disk: which chunks it touches, reading, making them, writing."""
    events = [e for e in memory.changes() if e.previous_position_m is not None] or memory.changes()
    with tempfile.TemporaryDirectory() as folder:
        library = AdapterLibrary(Path(folder))
        library.refresh(read_chunks(memory, maker.division), maker)
        chunks = library.get(MEMORY).chunks
        library.drop(MEMORY, next(iter(sorted(maker.touched(memory, events[-1], chunks)))))
        started = time.perf_counter()
        touched = maker.touched(memory, events[-1], chunks)
        library.refresh(read_chunks(memory, maker.division), maker, touched)
        return time.perf_counter() - started


def _lines(lesson: GistLesson) -> list[str]:
    """The apartment as text, a line for each kind of thing in each room; colours are no text."""
    return [" ".join(some) for some in facts(lesson.world.gist)]


def _retrieved(lines: Sequence[str], question: str) -> str | None:
    best = WordIndex(lines).ranked(question)[:_LINES]
    return " ".join(lines[i] for i in best) or None
