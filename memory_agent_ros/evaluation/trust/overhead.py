"""What the ledger costs: the same frames, in turn, into a map with its ledger and into one whose ledger was taken away.

A robot explores an apartment at its usual rate, as in the ``map`` benchmark. Each of its frames goes into two maps in
files, in an order that changes from frame to frame, and the processor's time of both updates is taken: association,
merging, pictures and the commit. Checkpoints are left out: one is signed every 4096 records. Named beforehand:
``append_overhead`` is the median over blocks of frames of what the ledger adds, at most 5 %.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from memory_agent_ros.evaluation.episode import Episode, EpisodeConfig, make_simulation
from memory_agent_ros.evaluation.parallel import spread
from memory_agent_ros.evaluation.phase import Tick
from memory_agent_ros.evaluation.statistics import Figure, Goal, figure, mean, median
from memory_agent_ros.memory.ledger.recorder import PLAIN, Recorder
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.memory.storage.sqlite_store import SqliteStore
from memory_agent_ros.memory.storage.store import Cursor

#: Frames of a block, and simulated seconds of an exploration, at most.
BLOCK, EXPLORE_S = 20, 120.0


@dataclass(frozen=True)
class Cost:
    """One apartment: milliseconds of each frame with the ledger and without, and its detections."""

    seed: int
    with_ledger: list[float]
    without: list[float]
    detections: list[int]


class _NoRecorder(Recorder):
    """Stores fresh keys, as any recorder does, and records nothing."""

    def seal(self, cursor: Cursor, kind: str = PLAIN, body: Mapping[str, Any] | None = None) -> None:
        """Store the keys made since the last commit."""
        self._keys.save(cursor)


def overhead(seeds: range, jobs: int, options: Mapping[str, Any]) -> tuple[dict[str, Figure], list[dict[str, Any]]]:
    """Figures and details of what the ledger costs.

    Args:
        seeds: apartments.
        jobs: processes; times are of each process's own processor.
        options: ``progress`` (bool), ``split`` (of the apartments), ``scene`` (:class:`EpisodeConfig`),
            ``explore_s`` (:data:`EXPLORE_S`).
    """
    progress, split = bool(options.get("progress", False)), str(options.get("split", "val"))
    scene, limit_s = options.get("scene") or EpisodeConfig(), float(options.get("explore_s") or EXPLORE_S)
    calls = [(split, seed, scene, limit_s) for seed in seeds]
    costs = sorted(spread(cost_of, calls, jobs, "overhead", "apartment", progress=progress), key=lambda c: c.seed)
    blocks = [block for cost in costs for block in _blocks(cost)]
    return {
        "append_overhead": figure([[a / b - 1.0] for a, b in blocks], median, "", Goal("max", 0.05)),
        "update_with_ledger_ms": figure([[a] for a, _ in blocks], mean, "ms"),
        "update_without_ledger_ms": figure([[b] for _, b in blocks], mean, "ms"),
        "update_detections": figure([[float(np.mean(c.detections))] for c in costs], mean),
    }, [vars(cost) for cost in costs]


def _blocks(cost: Cost) -> Sequence[tuple[float, float]]:
    """Mean milliseconds of a frame with and without, block by block; what is left over at the end goes."""
    whole = len(cost.without) // BLOCK * BLOCK
    pairs = np.array([cost.with_ledger[:whole], cost.without[:whole]]).reshape(2, -1, BLOCK).mean(axis=2)
    return [(float(a), float(b)) for a, b in pairs.T]


def cost_of(split: str, seed: int, scene: EpisodeConfig, limit_s: float) -> Cost:
    """Explore one apartment; its frames go into both maps."""
    cost = Cost(seed, [], [], [])
    with ExitStack() as stack:
        simulation = make_simulation(split, seed, scene)
        stack.callback(simulation.close)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        driver = stack.enter_context(SpatialMemory.open(None, scene.memory))
        memories = [
            stack.enter_context(SpatialMemory.open(folder / f"{n}.map", scene.memory)) for n in ("with", "without")
        ]
        take_ledger_away(memories[1])

        def both(tick: Tick) -> None:
            turn = len(cost.detections) % 2
            for memory, times in list(zip(memories, (cost.with_ledger, cost.without), strict=True))[:: 1 - 2 * turn]:
                times.append(_update_ms(memory, tick))
            cost.detections.append(len(tick.perception.observations))

        Episode(simulation, driver, scene, seed).run_phase("explore", limit_s, both)
    return cost


def _update_ms(memory: SpatialMemory, tick: Tick) -> float:
    started = time.thread_time()
    memory.observe(tick.frame, tick.perception.observations)
    return (time.thread_time() - started) * 1e3


def take_ledger_away(memory: SpatialMemory) -> None:
    """Let a map that is thrown away go on without its ledger: no trigger, no commitment, no record, no signature."""
    store = memory._store
    assert isinstance(store, SqliteStore)
    for (name,) in store.rows("SELECT name FROM temp.sqlite_master WHERE type = 'trigger'"):
        store.connection.execute(f"DROP TRIGGER temp.{name}")
    store.ledger = _NoRecorder(store, store.keys)
