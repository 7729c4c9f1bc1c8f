"""Canaries planted in a memory of a building: seen, named in a tip and a correction, and held by an adapter."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import cv2
import numpy as np

from memory_agent_ros.evaluation.scale.shelves import PER_SHELF, Building
from memory_agent_ros.evaluation.trust.canaries import Canary
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.tip import Tip, TipSource

_LOOKS, _PLANTED = 4, 2
_SYLLABLES = ("zu", "qo", "xi", "vu", "ky", "wo", "ji", "pha", "dre", "gno")


def plant(memory: SpatialMemory, building: Building, folder: Path) -> list[Canary]:
    """Show the building to a memory, with canaries among its things; returns what to search for.

    The last frames end with a change of a canary by hand, a tip that names it and an adapter made from it.
    """
    from memory_agent_ros.adapters.erasure import watch_adapters

    rng = np.random.default_rng([building.seed, 11])
    things = {int(t): _name(rng) for t in rng.permutation(building.objects)[:_PLANTED]}
    paint = {t: rng.integers(0, 256, (8, 8), dtype=np.uint8) for t in things}
    crops: dict[int, np.ndarray] = {}
    stamp = memory.last_stamp_ns or 0
    for shelf in range(building.shelves):
        for _ in range(_LOOKS):
            stamp += 500_000_000
            frame, seen = building.look(shelf, stamp, rng)
            shown = list(seen)
            for k, obs in enumerate(seen):
                thing = shelf * PER_SHELF + k
                if thing in things:
                    x0, y0, x1, y1 = obs.box_xyxy.astype(int)
                    crop = cv2.resize(paint[thing], (x1 - x0, y1 - y0), interpolation=cv2.INTER_NEAREST)
                    frame.rgb[y0:y1, x0:x1] = crop[:, :, None]
                    crops[thing] = np.asarray(crop[4:-4, 4:-4], dtype=np.uint8)
                    name = things[thing]
                    shown[k] = dataclasses.replace(obs, label=name, label_scores={name: 0.9})
            memory.observe(frame, shown)
    memory.save()
    watch_adapters(memory)
    canaries = []
    for thing, name in things.items():
        found = memory.find(name)[0]
        memory.corrections.move(found.id, found.box.center + 0.01, author="bench", reason=f"the {name} was nudged")
        vector = np.asarray(found.embedding, dtype=np.float32)
        _write_tip(memory, name, found.id, vector)
        canaries.append(Canary(name, vector[None], memory.get(found.id).points_map, crops[thing]))
        _write_adapter(memory, folder, name, found.id, vector)
    return canaries


def _name(rng: np.random.Generator) -> str:
    return "".join(rng.choice(_SYLLABLES, 6))


def _write_tip(memory: SpatialMemory, name: str, object_id: int, vector: np.ndarray) -> None:
    source = TipSource("episode", 1, "bench", int(memory.last_stamp_ns or 0), "bench")
    choice = np.array([1.0, 0.0], dtype=np.float32)
    memory.tips.remember(
        [
            Tip(
                "find",
                f"find the {name}",
                vector,
                choice,
                "bench",
                0.5,
                f"the {name} stands on a shelf",
                source,
                (object_id,),
            )
        ]
    )


def _write_adapter(memory: SpatialMemory, folder: Path, name: str, object_id: int, vector: np.ndarray) -> None:
    """An adapter beside the map, of which one chunk is made from the canary; its rows stand for what it learnt."""
    import torch

    from memory_agent_ros.adapters.adapter import Adapter, Chunk
    from memory_agent_ros.adapters.folders import library_folder
    from memory_agent_ros.adapters.library import AdapterLibrary
    from memory_agent_ros.adapters.rows import LoraRows
    from memory_agent_ros.records.source import Source

    library = AdapterLibrary(library_folder(folder / "home.map"))
    learnt = torch.from_numpy(vector.copy())[None]
    rows = LoraRows({"model.layers.0.mlp.down_proj": learnt}, {"model.layers.0.mlp.down_proj": learnt.flip(1)})
    about = Source("memory", f"place of the {name}", "0", 0, (str(object_id),), "bench")
    other = Source("memory", "elsewhere", "1", 0, ("999999",), "bench")
    chunks = (Chunk(f"near {name}", rows, about, learnt), Chunk("elsewhere", rows.map(torch.zeros_like), other, None))
    library.put(f"memory {object_id}", Adapter(chunks, None, "bench"))
