"""The ``qa`` benchmark: questions about apartments that were walked through twice, with changes in between.

Fifteen questions an apartment, of ten classes in turn, half of them from families of sentences that no reader was
trained on, and eight in the manner of OpenEQA's categories, a row of their own. Answers are typed values that code
compares with the simulator's truth; no model judges. A question is asked only if its answer hangs neither on a glimpse
nor on a few centimetres. Arms: see :mod:`memory_agent_ros.evaluation.qa.arms`; those that need weights which are not
there are left out. Primary contrast, named beforehand: accuracy of ``full`` less ``rule_parser`` on held-out families.

``p95_s`` is over questions that the language model worked on with up to three tool calls, ``p95_long_s`` over the
others, ``p95_tool_s`` over those that tools alone answered. ``valid_citations``: recomputed from the cited observations
alone the answer is the same. ``accuracy@in_store`` is over questions that the right calls on the memory answer,
``accuracy@nowhere`` over those that nobody can answer; ``aurc`` is the area under risk against coverage.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.calibration import expected_calibration_error, reliability
from memory_agent_ros.evaluation.outcome import Outcome
from memory_agent_ros.evaluation.parallel import spread
from memory_agent_ros.evaluation.qa.arms import ARMS, available, run_apartment, with_needed
from memory_agent_ros.evaluation.qa.families.family import CLASSES
from memory_agent_ros.evaluation.qa.knowing import area_under, cell_of, risk_coverage
from memory_agent_ros.evaluation.qa.marks import Apartment, Mark, TaskMarks
from memory_agent_ros.evaluation.statistics import Figure, Goal, figure, ratio_of_sums

_Which = Callable[[TaskMarks], bool]
#: Tool calls up to which an answer is meant to come within the goal.
_SHORT = 3


def bench(split: str, seeds: range, jobs: int, options: Mapping[str, Any]) -> Outcome:
    """Run the benchmark.

    Args:
        split: split of the apartments.
        seeds: apartments.
        jobs: processes.
        options: ``progress`` (bool), ``arms`` (names, all that can run by default), ``memory``
            (:class:`~memory_agent_ros.memory.config.MemoryConfig`), ``budget_s`` (wall seconds for a question).
    """
    chosen = with_needed(options.get("arms") or ARMS)
    calls = [(split, seed, chosen, options.get("memory"), float(options.get("budget_s", 20.0))) for seed in seeds]
    progress = bool(options.get("progress", False))
    found = spread(run_apartment, calls, jobs, f"qa {split}", "apartment", progress=progress, tell=_tell)
    runs = sorted(found, key=lambda r: r.seed)
    ran = [a for a in ARMS if a in chosen and a in available()]
    main = "full" if "full" in ran else None
    figures = _figures(runs, main, goals=True) | _contrasts(runs, ran) if main else {}
    figures |= {"tasks": figure([[sum(not t.openeqa for t in r.tasks)] for r in runs], _total)}
    return Outcome(figures, {arm: _figures(runs, arm, goals=False) for arm in ran}, [_details(r) for r in runs])


def _figures(runs: Sequence[Apartment], arm: str, goals: bool) -> dict[str, Figure]:
    def goal(kind: str, limit: float) -> Goal | None:
        return Goal(kind, limit) if goals else None

    out = {"accuracy": _accuracy(runs, arm, _ours)}
    for klass in CLASSES:
        out[f"accuracy@{klass}"] = _accuracy(runs, arm, _of_class(klass))
    for cell in ("in_store", "nowhere"):
        out[f"accuracy@{cell}"] = _accuracy(runs, arm, _of_cell(cell))
    out["accuracy_seen_families"] = _accuracy(runs, arm, _seen_family)
    out["accuracy_held_out_families"] = _accuracy(runs, arm, _held_out_family)
    out["accuracy_openeqa_manner"] = _accuracy(runs, arm, lambda t: t.openeqa)
    out["abstain_unanswerable"] = _share(runs, arm, _unknowable, _abstained, goal("min", 0.90))
    out["abstain_answerable"] = _share(runs, arm, _knowable, _abstained, goal("max", 0.05))
    if any(m.cites is not None for m in _marks(runs, arm)):
        out["valid_citations"] = _citations(runs, arm, goal("min", 1.0))
    if goals:
        out["accuracy_where_held"] = _accuracy(runs, arm, lambda t: _knowable(t) and _held(t), Goal("min", 0.85))
        out["aurc"] = figure(_sure_and_right(runs, arm), _area)
        out["ece"] = figure([_bins(r, arm) for r in runs], _pooled_ece)
        out["p95_s"] = _p95(runs, arm, lambda m: m.route == "think" and m.steps <= _SHORT, Goal("max", 5.0))
        out["p95_long_s"] = _p95(runs, arm, lambda m: m.route == "think" and m.steps > _SHORT, None)
        out["p95_tool_s"] = _p95(runs, arm, lambda m: m.route == "no_think", Goal("max", 0.3))
    return {name: f for name, f in out.items() if np.isfinite(f.value)}


def _contrasts(runs: Sequence[Apartment], ran: Sequence[str]) -> dict[str, Figure]:
    """Full less other arms on the same questions, and what else is promised of it."""
    out: dict[str, Figure] = {}
    if "rule_parser" in ran:
        held = _pairs(runs, "full", "rule_parser", _held_out_family)
        out["held_out_over_rule_parser"] = figure(held, _gap, "", Goal("min", 0.0))
    if "oracle" in ran:
        out["accuracy_of_oracle"] = figure(_pairs(runs, "full", "oracle", _ours), _quotient, "", Goal("min", 0.90))
    if "blind" in ran:
        out["accuracy_over_blind"] = figure(_pairs(runs, "full", "blind", _ours), _gap, "", Goal("min", 0.40))
    rows = [[*_counts(r, "full", _seen_family), *_counts(r, "full", _held_out_family)] for r in runs]
    out["seen_less_held_out"] = figure(rows, _gap, "", Goal("max", 0.05))
    return out


def _ours(task: TaskMarks) -> bool:
    return not task.openeqa


def _of_class(klass: str) -> _Which:
    return lambda task: _ours(task) and task.klass == klass


def _of_cell(cell: str) -> _Which:
    return lambda task: _ours(task) and cell_of(task.unanswerable, _held(task)) == cell


def _seen_family(task: TaskMarks) -> bool:
    return _ours(task) and not task.held_out


def _held_out_family(task: TaskMarks) -> bool:
    return _ours(task) and task.held_out


def _unknowable(task: TaskMarks) -> bool:
    return _ours(task) and task.unanswerable


def _knowable(task: TaskMarks) -> bool:
    return _ours(task) and not task.unanswerable


def _abstained(mark: Mark) -> bool:
    return mark.abstained


def _held(task: TaskMarks) -> bool:
    """Whether the right calls on the real memory give the right answer."""
    return "gold_tool_call" in task.marks and task.marks["gold_tool_call"].right


def _marks(runs: Sequence[Apartment], arm: str, which: _Which = _ours) -> list[Mark]:
    return [t.marks[arm] for r in runs for t in r.tasks if arm in t.marks and which(t)]


def _counts(run: Apartment, arm: str, which: _Which, of: Callable[[Mark], bool] = lambda m: m.right) -> list[float]:
    marks = _marks([run], arm, which)
    return [float(sum(of(m) for m in marks)), float(len(marks))]


def _accuracy(runs: Sequence[Apartment], arm: str, which: _Which, goal: Goal | None = None) -> Figure:
    return _share(runs, arm, which, lambda m: m.right, goal)


def _share(
    runs: Sequence[Apartment], arm: str, which: _Which, of: Callable[[Mark], bool], goal: Goal | None
) -> Figure:  # fmt: skip
    return figure([_counts(r, arm, which, of) for r in runs], ratio_of_sums, "", goal)


def _citations(runs: Sequence[Apartment], arm: str, goal: Goal | None) -> Figure:
    cited = [[m.cites for m in _marks([r], arm, lambda t: True) if m.cites is not None] for r in runs]
    return figure([[float(sum(c)), float(len(c))] for c in cited], ratio_of_sums, "", goal)


def _bins(run: Apartment, arm: str) -> list[float]:
    marks = _marks([run], arm)
    told = np.array([m.confidence for m in marks]), np.array([m.right for m in marks], dtype=bool)
    return reliability(*told).ravel().tolist() if marks else [0.0] * 30


def _pooled_ece(data: NDArray[np.float64]) -> float:
    return expected_calibration_error(data.sum(axis=0).reshape(-1, 3))


def _sure_and_right(runs: Sequence[Apartment], arm: str) -> list[list[float]]:
    """Confidence and whether it was right of each question of an apartment, one after the other."""
    rows = [[v for m in _marks([r], arm) for v in (m.confidence, float(m.right))] for r in runs]
    widest = max((len(row) for row in rows), default=0)
    return [[*row, *[np.nan] * (widest - len(row))] for row in rows]


def _area(data: NDArray[np.float64]) -> float:
    pairs = data.reshape(-1, 2)
    pairs = pairs[np.isfinite(pairs[:, 0])]
    return area_under(*risk_coverage(pairs[:, 0], pairs[:, 1] > 0.5))


def _p95(runs: Sequence[Apartment], arm: str, which: Callable[[Mark], bool], goal: Goal | None) -> Figure:
    times = [[m.seconds for m in _marks([r], arm, lambda t: True) if which(m)] for r in runs]
    widest = max((len(t) for t in times), default=0)
    rows = [[*t, *[np.nan] * (widest - len(t))] for t in times]
    return figure(rows, _percentile, "s", goal) if widest else Figure(np.nan, np.nan, np.nan)


def _percentile(data: NDArray[np.float64]) -> float:
    return float(np.nanpercentile(data, 95)) if np.isfinite(data).any() else float("nan")


def _pairs(runs: Sequence[Apartment], a: str, b: str, which: _Which) -> list[list[float]]:
    return [[*_counts(r, a, which), *_counts(r, b, which)] for r in runs]


def _gap(data: NDArray[np.float64]) -> float:
    a, n, b, m = data.sum(axis=0)
    return float(a / n - b / m) if n and m else float("nan")


def _quotient(data: NDArray[np.float64]) -> float:
    a, _, b, _ = data.sum(axis=0)
    return float(a / b) if b else float("nan")


def _total(data: NDArray[np.float64]) -> float:
    return float(data.sum())


def _tell(bar: Any, run: Apartment) -> None:
    arms = {a: [t.marks[a].right for t in run.tasks if a in t.marks and not t.openeqa] for a in ARMS}
    told = ", ".join(f"{a} {sum(r)}/{len(r)}" for a, r in arms.items() if r)
    bar.write(f"seed {run.seed}: {told}")


def _details(run: Apartment) -> dict[str, Any]:
    return dataclasses.asdict(run)
