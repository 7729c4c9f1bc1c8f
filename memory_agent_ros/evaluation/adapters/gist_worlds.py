"""Apartments as examples for memory-to-LoRA: what each room's chunk holds, and the truth about its gist.

Some hundred lived-in apartments are drawn and read once. From each come endless examples: some of its rooms and kinds
of things, other names for all of them, and a look, with its colour, for every thing. Held-out splits are other
apartments with crops of other things.
"""

from __future__ import annotations

import dataclasses
import os
import pickle
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from platformdirs import user_cache_path
from tqdm import tqdm

from memory_agent_ros.adapters.memory_reading import ChunkReading, read_chunks
from memory_agent_ros.evaluation.adapters.gist import FURNITURE, ROOMS, THINGS, KindGist, gist_of, renamed
from memory_agent_ros.evaluation.adapters.look_bank import LookBank
from memory_agent_ros.evaluation.qa.random_worlds import WorldConfig, world_of
from memory_agent_ros.records.map_object import MapObject

_VERSION = 1
#: Furniture stands on the floor and takes up this much room, cubic metres.
_FURNITURE_M3 = 0.05
#: Apartments of splits other than ``train`` that worlds are drawn from begin here.
_FIRST = 50_000
#: Words for movable things over kinds of them: least and most.
_WORDS = (0.3, 1.2)


@dataclass(frozen=True, eq=False)
class GistWorld:
    """Chunks of one apartment with the truth about each: ``gist`` by the room's name."""

    readings: tuple[ChunkReading, ...]
    gist: Mapping[str, Mapping[str, KindGist]]


@dataclass(frozen=True)
class GistSize:
    """How much of an apartment an example holds: most rooms, and kinds of movable things in each."""

    rooms: int = 3
    kinds: int = 5


def lived_in(split: str, count: int, *, first: int = _FIRST, progress: bool = False) -> list[tuple[ChunkReading, ...]]:
    """Chunks of apartments of a split, with the simulator's names; drawn once, some seconds each, and kept.

    Raises:
        MissingExtraError: the simulator is not installed.
    """
    path = user_cache_path("memory_agent_ros") / "adapters" / f"worlds-{split}-{first}-{count}-{_VERSION}.pkl"
    if not path.exists():
        worlds = [
            tuple(
                _light(r)
                for r in read_chunks(world_of(split, seed, np.random.default_rng(seed), WorldConfig(renamed=0.0)))
            )
            for seed in tqdm(range(first, first + count), desc=f"apartments {split}", disable=not progress)
        ]
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as draft:
            pickle.dump(worlds, draft)
        os.replace(draft.name, path)
    with path.open("rb") as file:
        found: list[tuple[ChunkReading, ...]] = pickle.load(file)
    return found


def _light(reading: ChunkReading) -> ChunkReading:
    nothing = np.zeros((0, 3), np.float32)
    return dataclasses.replace(
        reading, objects=tuple(dataclasses.replace(o, points_map=nothing) for o in reading.objects)
    )


def example(
    readings: Sequence[ChunkReading], rng: np.random.Generator, looks: LookBank | None, size: GistSize
) -> GistWorld:
    """Some rooms and kinds of an apartment, under other names and with looks of their own.

    Args:
        readings: of the apartment.
        rng: draws what is kept, names and looks.
        looks: colours and appearances; None gives things neither.
        size: how much is kept.
    """
    rooms = [r for r in readings if r.place.startswith("room")]
    count = int(rng.integers(1, size.rooms + 1))
    chosen = sorted(rng.permutation(len(rooms))[:count].tolist())
    large = {o.label for r in readings for o in r.objects if _is_furniture(o)}
    labels = sorted({o.label for r in readings for o in r.objects} | {c.label for r in readings for c in r.changes})
    names = renamed([n for n in labels if n in large], FURNITURE, rng)
    small = [n for n in labels if n not in large]
    fewer = max(3, int(len(small) * rng.uniform(*_WORDS)))  # words that several kinds share make for counts above one
    names |= renamed(small, [THINGS[i] for i in rng.permutation(len(THINGS))[:fewer].tolist()], rng)
    called = renamed(sorted({r.name for r in readings}), ROOMS, rng) | {"": ""}
    out, gist = list[ChunkReading](), dict[str, Mapping[str, KindGist]]()
    for number in chosen:
        reading = rooms[number]
        movable = sorted({names[o.label] for o in reading.objects if o.label not in large})
        words = {movable[i] for i in rng.permutation(len(movable))[: size.kinds].tolist()}
        kept = {label for label in small if names[label] in words}
        one, colours = _renamed(reading, kept, names, called, rng, looks)
        if one.objects:
            out.append(one)
            gist[one.name] = {k: _askable(g) for k, g in gist_of(one, colours).items()}
    return GistWorld(tuple(out), gist)


def _renamed(
    reading: ChunkReading,
    kept: set[str],
    names: Mapping[str, str],
    called: Mapping[str, str],
    rng: np.random.Generator,
    looks: LookBank | None,
) -> tuple[ChunkReading, dict[int, str]]:
    objects, homes, colours = list[MapObject](), list[str](), dict[int, str]()
    for obj, home in zip(reading.objects, reading.homes, strict=True):
        if obj.label not in kept:
            continue
        label, other = names[obj.label], dict[str, Any]()
        if looks is not None:
            colours[obj.id], other["embedding"] = looks.draw(rng)
        objects.append(dataclasses.replace(obj, label=label, label_probs={label: 1.0}, **other))
        homes.append(called.get(home, home))
    links = [
        dataclasses.replace(i, subject=names[i.subject], other=names[i.other])
        for i in reading.links
        if i.subject in kept
    ]
    changes = [
        dataclasses.replace(
            c, label=names[c.label], before=called.get(c.before, c.before), after=called.get(c.after, c.after)
        )
        for c in reading.changes
        if c.label in kept
    ]
    name = called[reading.name]
    read = dataclasses.replace(
        reading, name=name, objects=tuple(objects), homes=tuple(homes), links=tuple(links), changes=tuple(changes)
    )
    return read, colours


def _askable(kind: KindGist) -> KindGist:
    """Supports that are no furniture have no answer among the candidates."""
    return kind if kind.support in FURNITURE else dataclasses.replace(kind, support=None)


def _is_furniture(obj: MapObject) -> bool:
    bottom = obj.box.center[2] - obj.box.size[2] / 2
    return bool(bottom < 0.1 and np.prod(obj.box.size) > _FURNITURE_M3)
