"""The ``fuzz`` benchmark: hostile input at every border, in child processes.

A case is one damaged file, message, request, question or command line, made by mutation of a sound one. It may be
accepted or refused by an error of our own. Finds are: any other error or the end of the process (``crashes``), a case
that takes longer than its limit (``hangs``), a refusal that changed the map or a file (``partial_writes``), and an
accepted input that leaves a map which then cannot be used (``unsound``). A case can be repeated by its number::

    python -m memory_agent_ros.evaluation.fuzzing.worker TARGET --seeds 0:10 --first N --last N+1

What was tried is kept by target in the user's cache folder, so that a run that was cut short goes on where it was.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from memory_agent_ros.evaluation.fuzzing.target import Target, targets
from memory_agent_ros.evaluation.fuzzing.watch import Tally, fuzz
from memory_agent_ros.evaluation.hardware import commit
from memory_agent_ros.evaluation.outcome import Outcome
from memory_agent_ros.evaluation.statistics import Figure, Goal
from memory_agent_ros.records.errors import BadInputError

CASES = 100_000
#: Cases that each target gets at least, however slow it is, if there are enough in all.
LEAST = 1500
#: The targets that need neither ROS 2 nor the command line.
CORE = "memory_agent_ros.evaluation.fuzzing.core"
_KINDS = {
    "crashes": ("crash", "died"),
    "hangs": ("hang",),
    "partial_writes": ("partial_write",),
    "unsound": ("unsound",),
}


def bench(split: str, seeds: range, jobs: int, options: Mapping[str, Any]) -> Outcome:
    """Run the benchmark.

    Args:
        split: of no meaning here.
        seeds: of the random numbers; case i draws from one of them in turn.
        jobs: of no meaning here: one process at a time.
        options: ``cases`` in all; ``minutes`` at most, the rest another time; ``arms``: these targets only;
            ``modules``: further modules with targets; ``folder``: keeps what was tried; ``progress``.
    """
    modules = (CORE, *options.get("modules", ()))
    chosen = _chosen(targets(modules), options.get("arms"))
    folder = Path(options.get("folder") or _default_folder(seeds))
    wanted = _cases(chosen, int(options.get("cases") or CASES))
    minutes = float(options.get("minutes") or float("inf"))
    begun, tallies = time.monotonic(), []
    with tqdm(total=sum(wanted.values()), desc="fuzz", disable=not options.get("progress", False)) as bar:
        for index, target in enumerate(chosen):
            left_s = minutes * 60.0 - (time.monotonic() - begun)
            share = target.share / sum(t.share for t in chosen[index:])
            bar.set_postfix_str(target.name)
            until_s = time.monotonic() + max(left_s, 0.0) * share
            tallies.append(fuzz(target, modules, seeds, wanted[target.name], folder, until_s, bar.update))
            bar.n = sum(t.cases for t in tallies)
            bar.refresh()
    figures = _figures(tallies)
    figures["cases"] = Figure(figures["cases"].value, float("nan"), float("nan"), "", Goal("min", CASES))
    for name in _KINDS:
        figures[name] = Figure(figures[name].value, float("nan"), float("nan"), "", Goal("max", 0.0))
    arms = {tally.target: _figures([tally]) for tally in tallies}
    return Outcome(figures, arms, [{"target": t.target, **find} for t in tallies for find in t.finds])


def _chosen(known: Mapping[str, Target], names: Sequence[str] | None) -> list[Target]:
    unknown = set(names or ()) - set(known)
    if unknown:
        raise BadInputError("arms", f"no target {', '.join(sorted(unknown))}; there are: {', '.join(sorted(known))}")
    return [known[name] for name in names or known]


def _cases(chosen: Sequence[Target], cases: int) -> dict[str, int]:
    """How many cases each target gets, by its share; at least so many in all, and in long runs of each."""
    total = sum(target.share for target in chosen)
    least = min(LEAST, cases // len(chosen))
    return {target.name: max(least, -int(-cases * target.share // total)) for target in chosen}


def _default_folder(seeds: range) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "memory_agent_ros" / "fuzz" / f"{commit() or 'installed'}_{seeds.start}_{seeds.stop}"


def _figures(tallies: Sequence[Tally]) -> dict[str, Figure]:
    cases = sum(t.cases for t in tallies)
    figures = {"cases": _plain(cases)}
    figures |= {name: _plain(sum(t.kinds.get(k, 0) for t in tallies for k in kinds)) for name, kinds in _KINDS.items()}
    figures["causes"] = _plain(sum(len({f["signature"] for f in t.finds}) for t in tallies))
    figures["accepted"] = _plain(sum(t.accepted for t in tallies) / cases if cases else float("nan"))
    figures["ms_a_case"] = _plain(1e3 * sum(t.seconds for t in tallies) / cases if cases else float("nan"), "ms")
    return figures


def _plain(value: float, unit: str = "") -> Figure:
    return Figure(float(value), float("nan"), float("nan"), unit)
