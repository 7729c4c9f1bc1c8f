"""Peers' own code on the same data: it is no part of this package, a path to it is given or the arm is not measured."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from memory_agent_ros.evaluation.scale.concept_graphs import conceptgraphs
from memory_agent_ros.evaluation.scale.shelves import LABELS, PER_SHELF, Building

_WRITES, _QUERIES = 30, 60


def emem(building: Building, folder: Path, code: Path | None) -> dict[str, float]:
    """EMEM's store (package ``emem``): what twenty observations cost to add, and queries by meaning, place and time.

    Its store keeps observations, not objects: association is left to the caller, so its update does less than ours.
    """
    if code is not None:
        sys.path.insert(0, str(code))
    store_module: Any = importlib.import_module("emem.store")
    config_module: Any = importlib.import_module("emem.config")
    types: Any = importlib.import_module("emem.types")
    words = np.random.default_rng([building.seed, 9]).normal(size=(len(LABELS), building.dimension)).astype(np.float32)

    class ByLabel:
        """Text embeddings that cost nothing, so that only the store is measured."""

        dim = building.dimension

        def embed(self, texts: list[str]) -> np.ndarray[Any, Any]:
            """One vector a known label."""
            return words[[LABELS.index(text) for text in texts]]

    config = config_module.SpatioTemporalMemoryConfig(
        db_path=str(folder / "emem.db"), hnsw_path=str(folder / "emem.hnsw.bin"),
        hnsw_max_elements=building.objects + PER_SHELF * (_WRITES + 1), embedding_dim=building.dimension,
    )  # fmt: skip
    store = store_module.MemoryStore(config, ByLabel())

    def nodes(shelf: int, stamp: float) -> list[Any]:
        first = shelf * PER_SHELF
        return [
            types.ObservationNode(
                LABELS[building.labels[first + k]], center, stamp, embedding=building.embedding(first + k)
            )
            for k, center in enumerate(building.centers(shelf))
        ]

    for shelf in range(building.shelves):
        store.add_observations_batch(nodes(shelf, float(shelf)))
    rng, updates = np.random.default_rng([building.seed, 10]), []
    for write in range(_WRITES):
        batch = nodes(int(rng.integers(building.shelves)), building.shelves + float(write))
        updates.append(_ms(partial(store.add_observations_batch, batch)))

    def place() -> np.ndarray[Any, Any]:
        return building.shelf_at(int(rng.integers(building.shelves)))

    def stamps() -> tuple[float, float]:
        since = float(rng.integers(max(building.shelves - 3, 1)))
        return since, since + 3.0

    kinds: Mapping[str, Callable[[], Any]] = {
        "text": lambda: store.semantic_search(LABELS[int(rng.integers(len(LABELS)))], n_results=20),
        "region": lambda: store.spatial_query(place(), 1.5, n_results=20),
        "time": lambda: store.temporal_query(time_range=stamps(), n_results=20),
    }
    queries = [_ms(list(kinds.values())[n % len(kinds)]) for n in range(_QUERIES * len(kinds))]
    store.close()
    return {"update_ms": float(np.median(updates)), "query_p95_ms": float(np.quantile(queries, 0.95))}


def _ms(call: Callable[[], Any]) -> float:
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1e3


#: Arm -> measurement of a building, in a folder, with the peer's code.
PEERS: Mapping[str, Callable[[Building, Path, Path | None], dict[str, float]]] = {
    "conceptgraphs": conceptgraphs,
    "emem": emem,
}

#: Arm -> the largest number of objects it is measured with, where more would take it hours.
MOST_OBJECTS: Mapping[str, int] = {"conceptgraphs": 10_000}
