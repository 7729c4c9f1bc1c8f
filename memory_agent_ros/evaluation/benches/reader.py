"""The ``reader`` benchmark: the embedded model alone, with the reader's LoRA and without.

Each seed is a random world of the split that nobody trained in. ``calls_seen`` and ``calls_left_out`` are questions of
which every call is right, written under constraint with the true results between them, for families that are trained on
and for one in twelve of the same pool that is not (the benchmark's own held-out families belong to ``qa``).
``reading`` are facts read right by likelihood among the plausible answers, ``reading_free`` in the model's own words.
``question_s`` is the time of all calls of a question. The same call written otherwise counts as wrong.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from memory_agent_ros.evaluation.outcome import Outcome
from memory_agent_ros.evaluation.statistics import Figure, Goal, figure, ratio_of_sums
from memory_agent_ros.evaluation.training.reader_examples import Dialogue, practised
from memory_agent_ros.evaluation.training.reader_figures import drawn_dialogues, drawn_exercises
from memory_agent_ros.perception.embedders.minilm import MiniLmEmbedder
from memory_agent_ros.reasoning.language.model import LanguageModel

#: Questions of each sort in a world, and the most calls of which a question's time is reported.
_PER_WORLD, _FEW_CALLS = 6, 4
_GOALS = {"reading": Goal("min", 0.90), "question_p95_s": Goal("max", 5.0)}
#: By figure: (right, asked) of each world; seconds of each short question.
Counts = dict[str, list[tuple[float, float]]]


def bench(split: str, seeds: range, jobs: int, options: Mapping[str, Any]) -> Outcome:
    """Run the benchmark.

    Args:
        split: of the worlds.
        seeds: worlds.
        jobs: ignored: times are only worth something alone.
        options: ``models`` (by arm, instead of the embedded ones), ``adapter`` (a LoRA file instead of the one that
            comes with this package), ``progress``.
    """
    models = options.get("models") or _embedded(options.get("adapter"))
    found: dict[str, tuple[Counts, list[float]]] = {arm: ({}, []) for arm in models}
    details: list[dict[str, Any]] = []
    meaning = options["meaning"] if "meaning" in options else MiniLmEmbedder.from_package()
    for seed in tqdm(seeds, desc=f"reader {split}", unit="world", disable=not options.get("progress", False)):
        sorts = dict(zip(("calls_seen", "calls_left_out"), practised(), strict=True))
        drawn = {name: drawn_dialogues(f, _PER_WORLD, meaning, seed, split) for name, f in sorts.items()}
        for arm, model in models.items():
            counts, times = found[arm]
            for name, dialogues in drawn.items():
                right = [_played(model, one, times, details, arm) for one in dialogues]
                counts.setdefault(name, []).append((sum(right), len(right)))
            for name, rows in _read(model, seed, split).items():
                counts.setdefault(name, []).append(rows)
    arms = {arm: _figures(*found[arm], goals=arm == "reader") for arm in models}
    return Outcome(arms.pop("reader", {}), arms, details)


def _embedded(adapter: Path | str | None) -> dict[str, LanguageModel]:
    from memory_agent_ros.reasoning.language.embedded import load_embedded, reader_adapter
    from memory_agent_ros.reasoning.language.local import LocalConfig, LocalModel

    chosen = Path(adapter) if adapter else reader_adapter()
    models: dict[str, LanguageModel] = {
        "base": LocalModel(load_embedded(), LocalConfig(instructed=True, by_length=True))
    }
    return models if chosen is None else {"reader": LocalModel(load_embedded(chosen)), **models}


def _played(model: LanguageModel, one: Dialogue, times: list[float], details: list[dict[str, Any]], arm: str) -> bool:
    """Whether every call is right; the first wrong one ends it."""
    transcript, spent = one.opening, 0.0
    for number, call in enumerate(one.calls):
        started = time.perf_counter()
        emission = model.next_call(transcript, one.names)
        spent += time.perf_counter() - started
        if emission.call != call:
            told = {"arm": arm, "family": one.family, "question": one.opening.question, "known": one.opening.known}
            details.append({**told, "wanted": str(call), "got": str(emission.call), "mass": round(emission.mass, 4)})
            return False
        if number < len(one.results):
            transcript = transcript.after(call, one.results[number])
    if len(one.calls) <= _FEW_CALLS:
        times.append(spent)
    return True


def _read(model: LanguageModel, seed: int, split: str) -> dict[str, tuple[float, float]]:
    chosen = written = 0
    asked = drawn_exercises(_PER_WORLD, seed, split)
    for one in asked:
        chosen += model.read(one.facts, one.question, one.choices).text == one.answer
        written += model.read(one.facts, one.question).text == one.answer
    return {"reading": (chosen, len(asked)), "reading_free": (written, len(asked))}


def _figures(counts: Counts, times: Sequence[float], goals: bool) -> dict[str, Figure]:
    shown = _GOALS if goals else {}
    out = {name: figure(rows, ratio_of_sums, "", shown.get(name)) for name, rows in counts.items()}
    if times:
        rows = [[t] for t in times]
        out["question_p50_s"] = figure(rows, lambda a: _percentile(a, 50), "s")
        out["question_p95_s"] = figure(rows, lambda a: _percentile(a, 95), "s", shown.get("question_p95_s"))
    return out


def _percentile(values: NDArray[np.float64], share: float) -> float:
    return float(np.percentile(values, share))
