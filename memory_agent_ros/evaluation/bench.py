"""Benchmarks by name, and the one form of their results."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from memory_agent_ros.evaluation import benches
from memory_agent_ros.evaluation.hardware import commit, hardware, peak_rss_mb
from memory_agent_ros.evaluation.outcome import Benchmark, Outcome
from memory_agent_ros.evaluation.statistics import Figure
from memory_agent_ros.records.errors import BadInputError

#: Options of the command line that a result tells, since it is another one without them.
TOLD = ("arms", "env", "training_seeds", "size", "minutes", "ablations")
SCHEMA = "memory-agent-bench/1"
SPLITS = ("train", "val", "test")


def registry() -> dict[str, Benchmark]:
    """All benchmarks by name: the modules of :mod:`memory_agent_ros.evaluation.benches`, each with a ``bench``."""
    return {module.name: _lazy(module.name) for module in pkgutil.iter_modules(benches.__path__)}


def _lazy(name: str) -> Benchmark:
    def bench(split: str, seeds: range, jobs: int, options: Mapping[str, Any]) -> Outcome:
        found: Benchmark = importlib.import_module(f"{benches.__name__}.{name}").bench
        return found(split, seeds, jobs, options)

    return bench


def parse_seeds(text: str) -> range:
    """``"A:B"`` (half-open) or a single number -> range.

    Raises:
        BadInputError: ``seeds``.
    """
    match = re.fullmatch(r"\s*(-?\d+)(?::(-?\d+))?\s*", text)
    if match is None:
        raise BadInputError("seeds", f"seeds must be A:B (half-open) or one number, got {text!r}")
    first = int(match.group(1))
    seeds = range(first, first + 1 if match.group(2) is None else int(match.group(2)))
    if not len(seeds):
        raise BadInputError("seeds", f"{text!r} names no seed; B must be larger than A")
    return seeds


def run(
    name: str,
    split: str = "test",
    seeds: str | range = "0:10",
    jobs: int = 1,
    json_path: Path | str | None = None,
    details_path: Path | str | None = None,
    more: Mapping[str, Benchmark] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Run a benchmark and return (and write) its result.

    Args:
        name: one of :func:`registry`.
        split: "train", "val" or "test".
        seeds: scenes, "A:B" half-open.
        jobs: processes.
        json_path: where to write the result.
        details_path: where to write per-scene numbers.
        more: benchmarks beside those of :func:`registry`, which may need what this room must not import.
        options: of the benchmark.

    Raises:
        BadInputError: ``bench_unknown``, ``split_unknown``, ``seeds``.
    """
    benchmarks = {**registry(), **(more or {})}
    if name not in benchmarks:
        raise BadInputError("bench_unknown", f"no benchmark {name!r}; there are: {', '.join(sorted(benchmarks))}")
    if split not in SPLITS:
        raise BadInputError("split_unknown", f"split must be one of {SPLITS}, got {split!r}")
    chosen = parse_seeds(seeds) if isinstance(seeds, str) else seeds
    started = time.perf_counter()
    outcome = benchmarks[name](split, chosen, max(1, jobs), options)
    result = {
        "schema": SCHEMA,
        "bench": name,
        "split": split,
        "seeds": f"{chosen.start}:{chosen.stop}",
        "options": {name: _told(value) for name, value in options.items() if name in TOLD},
        "commit": commit(),
        "hardware": hardware(),
        "wall_s": round(time.perf_counter() - started, 1),
        "peak_rss_mb": peak_rss_mb(),
        "figures": _dicts(outcome.figures),
        "arms": {arm: _dicts(figures) for arm, figures in outcome.arms.items()},
    }
    _write(json_path, result)
    _write(details_path, outcome.details)
    return result


def _told(value: Any) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _dicts(figures: Mapping[str, Figure]) -> dict[str, Any]:
    return {name: figure.to_dict() for name, figure in figures.items()}


def _write(path: Path | str | None, data: Any) -> None:
    if path is not None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(json.dumps(data, indent=1) + "\n")


def as_text(result: Mapping[str, Any]) -> str:
    """A result as a small table."""
    lines = [f"{result['bench']} on {result['split']} {result['seeds']} ({result['wall_s']} s)"]
    for arm, figures in [("", result["figures"]), *result["arms"].items()]:
        if arm:
            lines.append(f"arm {arm}:")
        for name, entry in figures.items():
            mark = {True: "met", False: "NOT met", None: ""}[entry["met"]]
            goal = f"goal {entry['goal']} {mark}" if entry["goal"] else ""
            value, (low, high) = entry["value"], entry["ci95"]
            span = f"[{low:.3f}, {high:.3f}]" if low is not None else ""
            shown = "not measured" if value is None else f"{value:.3f} {entry['unit']}"
            lines.append(f"  {name:<24}{shown:>14} {span:<20} {goal}".rstrip())
    return "\n".join(lines)
