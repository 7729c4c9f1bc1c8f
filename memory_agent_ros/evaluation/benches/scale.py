"""The ``scale`` benchmark: what a map of 100 to 100 000 objects costs, and what a day leaves on disk.

Every size runs in a process of its own. ``update_ms@N`` is the median time of a frame with twenty detections, commit
included; ``query_p95_ms@N`` that of queries by label, text, region, time, likeness and by several of them, evidence
attached.
``rss_mb`` is the most memory that any of these processes had, ``disk_mb`` the file of an apartment after ten thousand
frames. Peers run where their code is: options ``emem`` and ``conceptgraphs``, or MEMORY_AGENT_EMEM and
MEMORY_AGENT_CONCEPTGRAPHS, name it; a figure that was not measured is null.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tqdm import tqdm

from memory_agent_ros.evaluation.outcome import Outcome
from memory_agent_ros.evaluation.scale.peers import MOST_OBJECTS, PEERS
from memory_agent_ros.evaluation.statistics import Figure, Goal, figure, median, ratio_of_sums
from memory_agent_ros.records.errors import BadInputError

SIZES = (100, 1_000, 10_000, 100_000)
_ARMS = ("ours", "conceptgraphs", "emem")
#: The largest size is built once a seed for this many seeds, and so many days are lived: both take their time.
_LARGE, _LARGE_SEEDS, _DAYS = 100_000, 2, 1
_MODULE = "memory_agent_ros.evaluation.scale"
Rows = dict[tuple[str, int], list[dict[str, float]]]


def bench(split: str, seeds: range, jobs: int, options: Mapping[str, Any]) -> Outcome:
    """Run the benchmark.

    Args:
        split: split of the apartment whose day is lived; the large maps are synthetic.
        seeds: worlds; the largest size is built for the first two, the day is lived in the first.
        jobs: processes; times are only worth something with one.
        options: ``sizes``, ``emem``, ``conceptgraphs`` (paths), ``day_frames``, ``progress``.
    """
    sizes = tuple(options.get("sizes") or SIZES)
    peers = {arm: path for arm in PEERS if (path := _code(arm, options)) is not None}
    plan = [
        (arm, size, seed)
        for arm in ("ours", *peers)
        for size in sizes
        if size <= MOST_OBJECTS.get(arm, size)
        for seed in _seeds(size, seeds)
    ]
    calls = [
        [f"{_MODULE}.measure", arm, str(size), str(seed), *(["--code", peers[arm]] if peers.get(arm) else [])]
        for arm, size, seed in plan
    ]
    frames = str(options.get("day_frames") or 10_000)
    calls += [[f"{_MODULE}.day", split, str(seed), "--frames", frames] for seed in list(seeds)[:_DAYS]]
    with ThreadPoolExecutor(max(jobs, 1)) as pool:
        shown = tqdm(pool.map(_run, calls), total=len(calls), disable=not options.get("progress", True))
        found = list(shown)
    measured: Rows = {}
    for (arm, size, _), result in zip(plan, found, strict=False):
        measured.setdefault((arm, size), []).append(result)
    days = found[len(plan) :]
    details = [{"arm": a, "objects": n, "seed": s, **r} for (a, n, s), r in zip(plan, found, strict=False)]
    return Outcome(
        _figures(measured, sizes, days),
        {arm: _of_arm(arm, measured, sizes, days) for arm in _ARMS},
        [*details, *({"day": True, **d} for d in days)],
    )


def _seeds(size: int, seeds: range) -> Sequence[int]:
    return list(seeds)[:_LARGE_SEEDS] if size >= _LARGE else list(seeds)


def _code(arm: str, options: Mapping[str, Any]) -> str | None:
    """Path of a peer's code, "" if it is installed, None if there is none."""
    path = options.get(arm) or os.environ.get(f"MEMORY_AGENT_{arm.upper()}")
    if path and not Path(str(path)).is_dir():
        raise BadInputError("peer_path", f"{path} is no folder; give the folder that holds the code of {arm}")
    if path:
        return str(path)
    return "" if importlib.util.find_spec(arm) else None


def _run(call: Sequence[str]) -> dict[str, float]:
    done = subprocess.run([sys.executable, "-m", *call], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(call)} failed:\n{done.stderr[-2000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _figures(measured: Rows, sizes: Sequence[int], days: Sequence[Mapping[str, float]]) -> dict[str, Figure]:
    """What ships, with goals."""
    goals = {f"update_ms@{_LARGE}": Goal("max", 20.0), f"query_p95_ms@{_LARGE}": Goal("max", 5.0)}
    goals |= {"rss_mb": Goal("max", 1024.0), "disk_mb": Goal("max", 50.0)}
    figures = _of_arm("ours", measured, sizes, days, goals)
    small, large = measured["ours", min(sizes)], measured["ours", max(sizes)]
    pairs = [[b["update_ms"], a["update_ms"]] for a, b in zip(small, large, strict=False)]
    figures[f"update_ratio@{max(sizes)}"] = figure(pairs, ratio_of_sums, "", Goal("max", 2.0))
    return figures


def _of_arm(
    arm: str,
    measured: Rows,
    sizes: Sequence[int],
    days: Sequence[Mapping[str, float]],
    goals: Mapping[str, Goal] | None = None,
) -> dict[str, Figure]:
    goals = goals or {}
    figures = {}
    for name in ("update_ms", "query_p95_ms"):
        for size in sizes:
            rows = [[r[name]] for r in measured.get((arm, size), [])]
            figures[f"{name}@{size}"] = _figure(rows, "ms", goals.get(f"{name}@{size}"))
    own = [r for (a, _), rows in measured.items() if a == arm for r in rows]
    peaks = [r["rss_mb"] for r in [*own, *(days if arm == "ours" else [])] if "rss_mb" in r]
    figures["rss_mb"] = _figure([[max(peaks)]] if peaks else [], "MiB", goals.get("rss_mb"))
    disks = [[d["disk_mb"]] for d in days] if arm == "ours" else []
    figures["disk_mb"] = _figure(disks, "MiB", goals.get("disk_mb"))
    return figures


def _figure(rows: Sequence[Sequence[float]], unit: str, goal: Goal | None) -> Figure:
    """Median over worlds; NaN if none was measured."""
    return figure(rows, median, unit, goal) if rows else Figure(float("nan"), float("nan"), float("nan"), unit, goal)
