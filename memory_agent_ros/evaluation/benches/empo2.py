"""The ``empo2`` benchmark: what each part of EMPO2 adds, at equal environment steps.

Every arm trains a policy of its own on ``train`` apartments in the twin, once per training seed, and is measured on
searches in the apartments of ``--seeds``. Primary contrast, named beforehand: success of ``full`` less that of
``grpo``, both with tips off (``success_tips_off_over_grpo``); intervals are over training seeds and apartments. The
other contrasts are widened for their number. ``success@trialN``: on a kind of apartment that no policy was trained on,
each search tried ten times, with tips of its own trials and no update of the weights; spatial memory is reset at each
trial. ``rise`` is mean success of trials 6 to 10 less that of trial 1.

Runs are kept, so an interrupted benchmark goes on where it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.exploration.empo2_runs import (
    ARMS,
    CHANGES,
    TIPS,
    TRAINED_AS,
    TRIALS,
    Comparison,
    cached_run,
    table,
)
from memory_agent_ros.evaluation.outcome import Outcome
from memory_agent_ros.evaluation.parallel import spread
from memory_agent_ros.evaluation.statistics import Figure, Goal, crossed_figure, figure, mean

TRAINING_SEEDS = 8

Runs = dict[str, dict[int, dict[str, Any]]]


def bench(split: str, seeds: range, jobs: int, options: Mapping[str, Any]) -> Outcome:
    """Run the benchmark.

    Args:
        split: split of the apartments.
        seeds: apartments; those with too few rooms are left out.
        jobs: processes, each for one training at a time.
        options: ``progress`` (bool), ``training_seeds`` (how many), ``comparison``
            (:class:`~memory_agent_ros.evaluation.exploration.empo2_runs.Comparison`), ``env`` (a text environment
            instead, see :mod:`memory_agent_ros.evaluation.exploration.text.bench`).
    """
    if options.get("env"):
        from memory_agent_ros.evaluation.exploration.text.bench import bench_text

        return bench_text(str(options["env"]), split, seeds, jobs, options)
    comparison = replace(options.get("comparison") or Comparison(), split=split, seeds=tuple(seeds))
    count = int(options.get("training_seeds") or TRAINING_SEEDS)
    runs = _runs(comparison, count, jobs, bool(options.get("progress", False)))
    arms = {arm: _figures(runs, arm) for arm in ARMS}
    return Outcome(arms["full"] | _contrasts(runs) | _trials(runs["full"]), arms, _details(runs))


def _runs(comparison: Comparison, count: int, jobs: int, progress: bool) -> Runs:
    """Seed by seed, so that an interruption leaves whole seeds."""
    wanted = [(arm, seed, comparison) for seed in range(count) for arm in CHANGES]
    runs: Runs = {arm: {} for arm in CHANGES}
    for run in spread(cached_run, wanted, jobs, f"empo2 {comparison.split}", "training", progress=progress):
        runs[run["arm"]][run["seed"]] = run
    return runs


def _figures(runs: Runs, arm: str) -> dict[str, Figure]:
    own = runs[TRAINED_AS[arm]]
    out = {
        "success_tips_off": crossed_figure(table(own, "off", "success")),
        "spl": crossed_figure(table(own, "off", "spl")),
    }
    if arm not in ("grpo", "grpo_novelty"):  # these two never read tips
        out["success_tips_on"] = crossed_figure(table(own, "on", "success"))
    return out


def _contrasts(runs: Runs) -> dict[str, Figure]:
    """Differences on the same apartments and training seeds, ``full`` less the other."""
    full = runs["full"]
    out = {
        "success_tips_off_over_grpo": crossed_figure(
            table(full, "off", "success") - table(runs["grpo"], "off", "success"), "", Goal("min", 0.0)
        )
    }
    others = [name for name in CHANGES if name not in ("full", "grpo")]
    for other in others:
        difference = table(full, "off", "success") - table(runs[other], "off", "success")
        out[f"success_tips_off_over_{other}"] = crossed_figure(difference, comparisons=len(others) + 1)
    shown = table(full, "off", "success") - table(runs["grpo"], "on", "success")
    out["success_tips_off_over_tips_at_test"] = crossed_figure(shown, comparisons=len(others) + 1)
    return out


def _trials(full: Mapping[int, Mapping[str, Any]]) -> dict[str, Figure]:
    """Success at each trial over all searches of the unknown kind, by kind of tips."""
    out: dict[str, Figure] = {}
    by_tips = {tips: _by_apartment(full, tips) for tips in TIPS}
    for tips, values in by_tips.items():
        prefix = "" if tips == "own" else f"{tips}_tips_"
        for trial in range(TRIALS):
            out[f"{prefix}success@trial{trial + 1}"] = figure(values[:, trial : trial + 1].tolist(), mean)
    rise = {tips: values[:, 5:].mean(axis=1) - values[:, 0] for tips, values in by_tips.items()}
    out["rise"] = figure(rise["own"][:, None].tolist(), mean, "", Goal("min", 0.0))
    for tips in TIPS[1:]:
        later = (by_tips["own"] - by_tips[tips])[:, 1:].mean(axis=1)
        out[f"later_trials_over_{tips}_tips"] = figure(later[:, None].tolist(), mean)
    return out


def _by_apartment(full: Mapping[int, Mapping[str, Any]], tips: str) -> NDArray[np.float64]:
    """(training seeds x apartments, trials) mean success over an apartment's searches."""
    rows = []
    for seed in sorted(full):
        apartments, values = np.array(full[seed]["unknown"]), np.array(full[seed]["trials"][tips])
        rows += [values[apartments == a].mean(axis=0) for a in np.unique(apartments)]
    return np.array(rows)


def _details(runs: Runs) -> list[dict[str, Any]]:
    return [run for by_seed in runs.values() for _, run in sorted(by_seed.items())]
