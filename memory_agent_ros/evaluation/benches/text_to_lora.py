"""The ``text_to_lora`` benchmark: adapters written from the description of a task that no training held.

``--seeds`` are training seeds: each trains a frozen model, a library's draw and every arm anew (the embedded model is
the same one each time). The held-out tasks of a split are the same for all of them: new combinations of values, and
reports of fields that no trained task asks for, all under new wordings. ``score`` is the share of whole answers that
are right, over all held-out tasks; ``score_trained`` asks trained tasks under new wordings.

Primary contrast, named beforehand: ``score`` of ``generated`` less that of ``multi_task_described``, one LoRA for all
tasks with the description in the prompt, on held-out tasks (``score_over_multi_task_described``). Intervals are over
training seeds and tasks; the other contrasts are widened for their number.

Runs are kept, so an interrupted benchmark goes on where it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.outcome import Outcome
from memory_agent_ros.evaluation.parallel import spread
from memory_agent_ros.evaluation.statistics import Figure, Goal, crossed_figure

#: Kinds of held-out tasks, together what ``score`` is over.
HELD_OUT = ("combination", "attribute")
_PRIMARY = "multi_task_described"
_OTHERS = ("base", "base_described", "multi_task", "shuffled", "reconstruction")

Runs = Sequence[Mapping[str, Any]]


def bench(split: str, seeds: range, jobs: int, options: Mapping[str, Any]) -> Outcome:
    """Run the benchmark.

    Args:
        split: of the held-out tasks, ``val`` or ``test``.
        seeds: training seeds.
        jobs: processes, each for one seed at a time.
        options: ``progress`` (bool), ``size`` (``tiny`` or ``embedded``), ``minutes`` (longest time of each training),
            ``comparison`` (:class:`~memory_agent_ros.evaluation.adapters.text_runs.TextComparison`).
    """
    from memory_agent_ros.evaluation.adapters.text_runs import ARMS, cached_run, comparison_of

    size, minutes = str(options.get("size") or "tiny"), options.get("minutes")
    comparison = options.get("comparison") or comparison_of(size, split, minutes)
    progress = bool(options.get("progress", False))
    calls = [(seed, comparison, progress and jobs == 1) for seed in seeds]
    found = spread(cached_run, calls, jobs, f"text_to_lora {split}", "seed", progress=progress)
    runs = sorted(found, key=lambda run: run["seed"])
    arms = {arm: _figures(runs, arm) for arm in ARMS}
    return Outcome(arms["generated"] | _contrasts(runs), arms, [dict(run) for run in runs])


def _figures(runs: Runs, arm: str) -> dict[str, Figure]:
    out = {"score": crossed_figure(_table(runs, arm, HELD_OUT))}
    return out | {f"score_{kind}": crossed_figure(_table(runs, arm, (kind,))) for kind in (*HELD_OUT, "trained")}


def _contrasts(runs: Runs) -> dict[str, Figure]:
    """Differences on the same held-out tasks and training seeds, ``generated`` less the other."""
    own = _table(runs, "generated", HELD_OUT)
    out = {f"score_over_{_PRIMARY}": crossed_figure(own - _table(runs, _PRIMARY, HELD_OUT), "", Goal("min", 0.0))}
    for other in _OTHERS:
        difference = own - _table(runs, other, HELD_OUT)
        out[f"score_over_{other}"] = crossed_figure(difference, comparisons=len(_OTHERS))
    return out


def _table(runs: Runs, arm: str, kinds: Sequence[str]) -> NDArray[np.float64]:
    """(training seeds, tasks) scores."""
    return np.array([[score for kind in kinds for score in run["arms"][arm][kind]] for run in runs])
