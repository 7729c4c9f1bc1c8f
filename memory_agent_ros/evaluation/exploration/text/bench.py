"""``bench empo2 --env scienceworld`` and ``--env textworld``: EMPO2 against GRPO where nobody here wrote the world.

Exploratory: few games, few seeds, few environment steps, equal for both arms. ``score`` is the environment's, 0 to 1;
``success`` the full score. Intervals are over training seeds and held-out games. Figures of a task carry its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memory_agent_ros.evaluation.exploration.text.comparison import ARMS, TextComparison, run, table
from memory_agent_ros.evaluation.exploration.text.make import TASKS
from memory_agent_ros.evaluation.outcome import Outcome
from memory_agent_ros.evaluation.parallel import spread
from memory_agent_ros.evaluation.statistics import Figure, crossed_figure
from memory_agent_ros.records.errors import BadInputError

TRAINING_SEEDS = 2

#: (task, arm) -> training seed -> what :func:`run` gave.
Runs = dict[tuple[str, str], dict[int, dict[str, Any]]]


def bench_text(kind: str, split: str, seeds: range, jobs: int, options: Mapping[str, Any]) -> Outcome:
    """Run the benchmark on a text environment.

    Args:
        kind: ``scienceworld`` or ``textworld``.
        split: of the held-out games; ``train`` is what is practised.
        seeds: held-out games, by position in the split.
        jobs: processes.
        options: ``progress`` (bool), ``training_seeds`` (how many), ``decisions`` (environment steps of a training).

    Raises:
        BadInputError: ``environment_unknown``, ``split_unknown``.
        MissingExtraError: the environment, Java, torch or the text encoder is not installed.
    """
    if kind not in TASKS:
        raise BadInputError("environment_unknown", f"no text environment {kind!r}; there are: {', '.join(TASKS)}")
    steps = int(options.get("decisions") or 0)
    wanted = [
        (arm, seed, TextComparison(kind, task, split, tuple(seeds), decisions=steps))
        for task in TASKS[kind]
        for seed in range(int(options.get("training_seeds") or TRAINING_SEEDS))
        for arm in ARMS
    ]
    runs: Runs = {(task, arm): {} for task in TASKS[kind] for arm in ARMS}
    progress = bool(options.get("progress", False))
    for one in spread(run, wanted, jobs, f"empo2 {kind} {split}", "training", progress=progress):
        runs[one["task"], one["arm"]][one["seed"]] = one
    arms = {arm: _merged(runs, arm, TASKS[kind]) for arm in ARMS}
    figures = {**arms["full"]}
    for task in TASKS[kind]:
        for what in ("score", "success"):
            full, grpo = (table(runs[task, arm], "off", what) for arm in ("full", "grpo"))
            figures[f"{task}_{what}_tips_off_over_grpo"] = crossed_figure(full - grpo)
    return Outcome(figures, arms, [one for by_seed in runs.values() for _, one in sorted(by_seed.items())])


def _merged(runs: Runs, arm: str, tasks: tuple[str, ...]) -> dict[str, Figure]:
    out = {}
    for task in tasks:
        for tips in ("off", "on") if arm != "grpo" else ("off",):
            for what in ("score", "success"):
                out[f"{task}_{what}_tips_{tips}"] = crossed_figure(table(runs[task, arm], tips, what))
    return out
