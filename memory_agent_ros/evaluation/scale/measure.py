"""What a memory of a size costs, measured in a process of its own.

``python -m memory_agent_ros.evaluation.scale.measure ours 1000 0`` prints one line of JSON.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from memory_agent_ros.evaluation.scale import peers
from memory_agent_ros.evaluation.scale.shelves import COLOURS, LABELS, NOUNS, PER_SHELF, Building
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.memory.storage.bulk import write_map
from memory_agent_ros.records.region import Region

#: Looks at a shelf before the robot goes on to the next one, and shelves visited.
LOOKS, VISITS, WARM_UP = 5, 12, 2
QUERIES = 120


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("arm", choices=["ours", *peers.PEERS])
    parser.add_argument("objects", type=int)
    parser.add_argument("seed", type=int)
    parser.add_argument("--code", type=Path, help="checkout of the peer")
    arguments = parser.parse_args()
    building = Building(arguments.objects, arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        if arguments.arm == "ours":
            found = ours(building, Path(folder))
        else:
            found = peers.PEERS[arguments.arm](building, Path(folder), arguments.code)
    print(json.dumps(found))


def ours(building: Building, folder: Path) -> dict[str, float]:
    """Update and query times, milliseconds, and memory, mebibytes, of this package."""
    path = folder / "building.map"
    started = time.perf_counter()
    write_map(path, building.batches)
    built, size = time.perf_counter() - started, path.stat().st_size
    gc.collect()
    started = time.perf_counter()
    with SpatialMemory.open(path) as memory:
        opened = time.perf_counter() - started
        updates = observe(building, memory)
        started = time.perf_counter()
        memory.find(like=1, limit=1)
        indexed = time.perf_counter() - started
        queries = ask(building, memory)
        peak = resident_mb()
    return {
        "update_ms": float(np.median(updates)),
        "update_p95_ms": float(np.quantile(updates, 0.95)),
        "query_p95_ms": float(np.quantile(np.concatenate(list(queries.values())), 0.95)),
        **{f"query_p95_ms.{kind}": float(np.quantile(times, 0.95)) for kind, times in queries.items()},
        "rss_mb": peak,
        "file_mb": size / 2**20,
        "open_s": opened,
        "build_s": built,
        "first_like_s": indexed,
    }


def observe(building: Building, memory: SpatialMemory) -> list[float]:
    """Milliseconds of each frame of a robot that goes from shelf to shelf."""
    rng, times = np.random.default_rng([building.seed, 5]), []
    stamp = memory.last_stamp_ns or 0
    first = int(rng.integers(max(building.shelves - VISITS, 1)))
    for visit in range(VISITS):
        shelf = (first + visit) % building.shelves
        for _ in range(LOOKS):
            stamp += 200_000_000
            frame, seen = building.look(shelf, stamp, rng)
            started = time.perf_counter()
            memory.observe(frame, seen)
            elapsed = (time.perf_counter() - started) * 1e3
            if visit >= WARM_UP:
                times.append(elapsed)
    if set(memory.assignments) != set(range(shelf * PER_SHELF + 1, (shelf + 1) * PER_SHELF + 1)):
        raise RuntimeError("detections went to other objects than the shelf's own: the times would mean nothing")
    return times


def ask(building: Building, memory: SpatialMemory) -> Mapping[str, list[float]]:
    """Milliseconds of queries by kind, evidence attached; every kind must find something."""
    rng, last = np.random.default_rng([building.seed, 6]), memory.last_stamp_ns or 0

    def region() -> Region:
        center = building.shelf_at(int(rng.integers(building.shelves)))
        return Region(center - 1.5, center + 1.5)

    def wide_region() -> Region:
        center = building.shelf_at(int(rng.integers(building.shelves)))
        return Region(center - 12.0, center + 12.0)

    def thing() -> int:
        return 1 + int(rng.integers(building.objects))

    def stamps() -> dict[str, int]:
        since = int(rng.uniform(0, max(last - 3_000_000_000, 1)))
        return {"since_ns": since, "until_ns": min(since + 3_000_000_000, last)}

    def word(words: tuple[str, ...]) -> str:
        return words[int(rng.integers(len(words)))]

    kinds: dict[str, Callable[[], dict[str, Any]]] = {
        "label": lambda: {"label": word(LABELS)},
        "text": lambda: {
            "text": f"the {word(COLOURS)} {word(NOUNS)}" if rng.random() < 0.6 else f"some {word(NOUNS)}s"
        },
        "region": lambda: {"region": region()},
        "time": lambda: stamps(),
        "like": lambda: {"like": thing()},
        "like_combined": lambda: {"like": thing(), "text": word(NOUNS), "region": wide_region()},
        "combined": lambda: {"text": word(NOUNS), "region": region(), "since_ns": 0},
    }
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    found: dict[str, int] = dict.fromkeys(kinds, 0)
    for n in range(QUERIES * len(kinds)):
        kind = list(kinds)[n % len(kinds)]
        query = kinds[kind]()
        started = time.perf_counter()
        objects = memory.find(**query)
        times[kind].append((time.perf_counter() - started) * 1e3)
        found[kind] += sum(bool(o.evidence) for o in objects)
    if not all(found.values()):
        raise RuntimeError(f"a kind of query found nothing with evidence: {found}")
    return times


def resident_mb() -> float:
    """Most memory this process has had, mebibytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
