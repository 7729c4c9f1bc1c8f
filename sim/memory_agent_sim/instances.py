"""Object instances: mesh + colouring + scale, handed out to splits so that no two splits share one."""

from __future__ import annotations

import colorsys
import hashlib
from collections import defaultdict
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.records.errors import BadInputError
from memory_agent_sim.assets import MeshPart, load_source
from memory_agent_sim.catalogue import MOVABLE_SOURCES, MeshSource

SPLITS: tuple[str, ...] = ("train", "val", "test")
#: Shares of train, val and test among the instances of one category: rank modulo 4 -> split.
_RANK_TO_SPLIT = (0, 0, 1, 2)
VARIANTS_PER_SOURCE = 8


@dataclass(frozen=True)
class ObjectInstance:
    """One thing that exists in exactly one split.

    Attributes:
        source: where mesh and texture come from.
        hue_shift: turn of the texture's hue, in [0, 1).
        tint: colour the picture is blended towards, in [0, 1]; ``tint_share`` how strongly.
        size_m: largest edge of its bounding box, metres.
    """

    source: MeshSource
    variant: int
    hue_shift: float
    tint: tuple[float, float, float]
    tint_share: float
    size_m: float

    @property
    def key(self) -> str:
        """Unique name of the instance, equal in every process."""
        return f"{self.source.name}/{self.variant}"

    @property
    def category(self) -> str:
        """Label of the object."""
        return self.source.category


def split_index(split: str) -> int:
    """Position of a split's name.

    Raises:
        BadInputError: ``split_unknown``.
    """
    if split not in SPLITS:
        raise BadInputError("split_unknown", f"split must be one of {', '.join(SPLITS)}, got {split!r}")
    return SPLITS.index(split)


def digest(text: str) -> int:
    """64-bit number of a text, the same in every process."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def assign_split(keys: list[str]) -> dict[str, int]:
    """Disjoint split of the keys of one category: ranked by hash, dealt 2:1:1."""
    ranked = sorted(keys, key=digest)
    return {key: _RANK_TO_SPLIT[i % len(_RANK_TO_SPLIT)] for i, key in enumerate(ranked)}


def _variant(source: MeshSource, variant: int) -> ObjectInstance:
    rng = np.random.default_rng(digest(f"{source.name}/{variant}"))
    hue = variant / VARIANTS_PER_SOURCE
    tint = colorsys.hsv_to_rgb((hue + rng.uniform(0, 0.06)) % 1.0, rng.uniform(0.45, 0.85), rng.uniform(0.6, 1.0))
    share = 0.0 if variant == 0 else 0.4
    r, g, b = (float(x) for x in tint)
    return ObjectInstance(source, variant, hue, (r, g, b), share, source.size_m * float(rng.uniform(0.92, 1.12)))


@lru_cache(maxsize=1)
def _by_split() -> tuple[dict[str, tuple[ObjectInstance, ...]], ...]:
    grouped: dict[str, list[ObjectInstance]] = defaultdict(list)
    for source in MOVABLE_SOURCES:
        grouped[source.category] += [_variant(source, i) for i in range(VARIANTS_PER_SOURCE)]
    result: tuple[dict[str, list[ObjectInstance]], ...] = tuple(defaultdict(list) for _ in SPLITS)
    for category, instances in sorted(grouped.items()):
        owner = assign_split([i.key for i in instances])
        for instance in instances:
            result[owner[instance.key]][category].append(instance)
    return tuple({category: tuple(found) for category, found in one.items()} for one in result)


def movable_instances(split: str) -> dict[str, tuple[ObjectInstance, ...]]:
    """Category -> the split's instances of it (at least two each)."""
    return _by_split()[split_index(split)]


def recolour(
    texture: NDArray[np.uint8], hue_shift: float, tint: tuple[float, float, float], share: float
) -> NDArray[np.uint8]:
    """Turn an (H, W, 3) uint8 picture's colours about the gray axis, then blend towards a shaded tint."""
    if hue_shift == 0.0 and share == 0.0:
        return texture
    angle = 2 * np.pi * hue_shift
    c, s = float(np.cos(angle)), float(np.sin(angle))
    around_gray = (1 - c) / 3 + np.array([[c, 0, 0], [0, c, 0], [0, 0, c]])
    around_gray += s / np.sqrt(3) * np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]])
    rgb = np.clip(texture.astype(np.float32) / 255 @ around_gray.T.astype(np.float32), 0, 1)
    shade = 0.25 + 0.75 * rgb.mean(axis=2, keepdims=True)
    blended = (1 - share) * rgb + share * shade * np.asarray(tint, dtype=np.float32)
    coloured: NDArray[np.uint8] = (255 * np.clip(blended, 0, 1)).round().astype(np.uint8)
    return coloured


@lru_cache(maxsize=256)
def instance_parts(instance: ObjectInstance) -> tuple[MeshPart, ...]:
    """Scaled and coloured mesh of an instance, resting on z = 0, its box centred on the z axis."""
    parts = []
    for part in load_source(instance.source):
        texture, rgb = part.texture, part.rgb
        if texture is not None:
            texture = recolour(texture, instance.hue_shift, instance.tint, instance.tint_share)
        else:
            pixel = recolour(
                np.full((1, 1, 3), 255 * np.asarray(rgb), dtype=np.uint8),
                instance.hue_shift,
                instance.tint,
                instance.tint_share,
            )
            rgb = (pixel[0, 0, 0] / 255.0, pixel[0, 0, 1] / 255.0, pixel[0, 0, 2] / 255.0)
        vertices = (part.vertices * instance.size_m).astype(np.float32)
        parts.append(replace(part, vertices=vertices, texture=texture, rgb=rgb))
    return tuple(parts)


@lru_cache(maxsize=1024)
def instance_size(instance: ObjectInstance) -> tuple[float, float, float]:
    """Edges of the upright bounding box in the instance's own frame, metres."""
    vertices = np.vstack([p.vertices for p in load_source(instance.source)]) * instance.size_m
    size = vertices.max(axis=0) - vertices.min(axis=0)
    return float(size[0]), float(size[1]), float(size[2])
