"""Furniture: boxes with wood, fabric and stone pictures, each piece an instance of one split.

In its own frame a piece stands on z = 0, centred on the z axis, its back towards -y and its front towards +y.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from memory_agent_sim.assets import MeshPart, surface_texture
from memory_agent_sim.boxes import Bounds, box_mesh
from memory_agent_sim.catalogue import FABRIC_TEXTURES, STONE_TEXTURES, WOOD_TEXTURES
from memory_agent_sim.instances import assign_split, digest, recolour, split_index

VARIANTS_PER_KIND = 12
Box3 = tuple[float, float, float]


@dataclass(frozen=True)
class Support:
    """Flat surface that things can stand on, in the frame of its owner.

    Attributes:
        minimum, maximum: (x, y) corners, metres; ``z`` its height; ``clearance`` free height above it, metres.
    """

    minimum: tuple[float, float]
    maximum: tuple[float, float]
    z: float
    clearance: float = 2.0


@dataclass(frozen=True)
class FurnitureInstance:
    """One piece of furniture that exists in exactly one split; ``seed`` fixes its proportions and colours."""

    category: str
    variant: int

    @property
    def key(self) -> str:
        """Unique name of the instance, equal in every process."""
        return f"{self.category.replace(' ', '_')}/{self.variant}"


@dataclass(frozen=True, eq=False)
class FurnitureShape:
    """Geometry of a piece: what is drawn, what collides, what carries things; metres, own frame."""

    parts: tuple[MeshPart, ...]
    boxes: tuple[Bounds, ...]
    supports: tuple[Support, ...]
    size: Box3


class _Pieces:
    """Collects boxes by material while a piece is described."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.by_material: dict[str, list[Bounds]] = {}
        self.supports: list[Support] = []

    def box(self, material: str, x0: float, y0: float, z0: float, x1: float, y1: float, z1: float) -> None:
        self.by_material.setdefault(material, []).append((x0, y0, z0, x1, y1, z1))

    def support(self, w: float, d: float, z: float, clearance: float = 2.0, inset: float = 0.02) -> None:
        half = (w / 2 - inset, d / 2 - inset)
        self.supports.append(Support((-half[0], -half[1]), half, z, clearance))

    def legs(self, w: float, d: float, h: float, t: float = 0.05) -> None:
        for sx in (-1, 1):
            for sy in (-1, 1):
                x, y = sx * (w / 2 - t), sy * (d / 2 - t)
                self.box("wood", x - t / 2, y - t / 2, 0, x + t / 2, y + t / 2, h)


def _table(p: _Pieces, w: float, d: float, h: float) -> None:
    p.legs(w, d, h - 0.03)
    p.box("wood", -w / 2, -d / 2, h - 0.04, w / 2, d / 2, h)
    p.support(w, d, h)


def _dining_table(p: _Pieces) -> None:
    _table(p, p.rng.uniform(1.3, 1.6), p.rng.uniform(0.8, 0.95), p.rng.uniform(0.71, 0.76))


def _coffee_table(p: _Pieces) -> None:
    _table(p, p.rng.uniform(0.9, 1.1), p.rng.uniform(0.5, 0.6), p.rng.uniform(0.4, 0.46))


def _side_table(p: _Pieces) -> None:
    _table(p, p.rng.uniform(0.7, 0.9), p.rng.uniform(0.42, 0.5), p.rng.uniform(0.6, 0.72))


def _desk(p: _Pieces) -> None:
    w, d, h = p.rng.uniform(1.2, 1.5), p.rng.uniform(0.6, 0.7), p.rng.uniform(0.71, 0.76)
    p.box("wood", -w / 2, -d / 2, h - 0.04, w / 2, d / 2, h)
    p.box("second", -w / 2, -d / 2, 0, -w / 2 + 0.4, d / 2 - 0.04, h - 0.04)
    p.box("wood", w / 2 - 0.05, -d / 2, 0, w / 2, d / 2, h - 0.04)
    p.support(w, d, h)


def _chair(p: _Pieces) -> None:
    w, h = p.rng.uniform(0.4, 0.46), p.rng.uniform(0.44, 0.48)
    p.legs(w, w, h - 0.03, 0.04)
    p.box("fabric", -w / 2, -w / 2, h - 0.05, w / 2, w / 2, h)
    p.box("wood", -w / 2, -w / 2, h, w / 2, -w / 2 + 0.04, h + p.rng.uniform(0.4, 0.48))


def _sofa(p: _Pieces) -> None:
    w, d = p.rng.uniform(1.7, 2.0), p.rng.uniform(0.8, 0.9)
    p.box("fabric", -w / 2, -d / 2, 0.08, w / 2, d / 2, 0.25)
    p.box("fabric", -w / 2, -d / 2, 0.25, w / 2, -d / 2 + 0.2, 0.82)
    for s in (-1, 1):
        x0, x1 = sorted((s * w / 2, s * (w / 2 - 0.16)))
        p.box("fabric", x0, -d / 2, 0.25, x1, d / 2, 0.6)
        x0, x1 = sorted((0.01 * s, s * (w / 2 - 0.17)))
        p.box("second", x0, -d / 2 + 0.2, 0.25, x1, d / 2, 0.43)


def _armchair(p: _Pieces) -> None:
    w, d = p.rng.uniform(0.8, 0.9), p.rng.uniform(0.78, 0.85)
    p.box("fabric", -w / 2, -d / 2, 0.08, w / 2, d / 2, 0.28)
    p.box("fabric", -w / 2, -d / 2, 0.28, w / 2, -d / 2 + 0.18, 0.85)
    for s in (-1, 1):
        x0, x1 = sorted((s * w / 2, s * (w / 2 - 0.15)))
        p.box("fabric", x0, -d / 2, 0.28, x1, d / 2, 0.6)
    p.box("second", -w / 2 + 0.15, -d / 2 + 0.18, 0.28, w / 2 - 0.15, d / 2, 0.44)


def _bed(p: _Pieces) -> None:
    w, d = p.rng.uniform(1.3, 1.6), 2.0
    p.box("wood", -w / 2, -d / 2, 0.0, w / 2, d / 2, 0.25)
    p.box("wood", -w / 2, -d / 2, 0.25, w / 2, -d / 2 + 0.05, p.rng.uniform(0.85, 1.0))
    p.box("fabric", -w / 2 + 0.02, -d / 2 + 0.05, 0.25, w / 2 - 0.02, d / 2, 0.48)
    for s in (-1, 1):
        p.box("white", s * w / 4 - 0.28, -d / 2 + 0.1, 0.48, s * w / 4 + 0.28, -d / 2 + 0.45, 0.58)


def _nightstand(p: _Pieces) -> None:
    w, d, h = p.rng.uniform(0.45, 0.55), p.rng.uniform(0.4, 0.45), p.rng.uniform(0.5, 0.6)
    p.box("wood", -w / 2, -d / 2, 0.04, w / 2, d / 2, h)
    for z in (0.12, h / 2 + 0.05):
        p.box("second", -w / 2 + 0.03, d / 2, z, w / 2 - 0.03, d / 2 + 0.012, z + h / 2 - 0.13)
    p.support(w, d, h)


def _cabinet(p: _Pieces) -> None:
    w, d, h = p.rng.uniform(0.9, 1.3), p.rng.uniform(0.42, 0.5), p.rng.uniform(0.75, 0.95)
    p.box("wood", -w / 2, -d / 2, 0.0, w / 2, d / 2, h)
    for s in (-1, 1):
        x0, x1 = sorted((s * 0.015, s * (w / 2 - 0.03)))
        p.box("second", x0, d / 2, 0.06, x1, d / 2 + 0.015, h - 0.05)
        p.box("metal", s * 0.06 - 0.01, d / 2 + 0.015, h / 2, s * 0.06 + 0.01, d / 2 + 0.035, h / 2 + 0.14)
    p.support(w, d, h)


def _bookshelf(p: _Pieces) -> None:
    w, d, h, shelves = p.rng.uniform(0.85, 1.1), p.rng.uniform(0.32, 0.38), p.rng.uniform(1.5, 1.8), 4
    p.box("wood", -w / 2, -d / 2, 0, w / 2, -d / 2 + 0.02, h)
    for s in (-1, 1):
        x0, x1 = sorted((s * w / 2, s * (w / 2 - 0.03)))
        p.box("wood", x0, -d / 2 + 0.02, 0, x1, d / 2, h)
    step = (h - 0.06) / shelves
    for i in range(shelves + 1):
        z = 0.03 + i * step
        p.box("wood", -w / 2 + 0.03, -d / 2 + 0.02, z, w / 2 - 0.03, d / 2, z + 0.03)
        if 0.3 < z < 1.0:
            p.supports.append(Support((-w / 2 + 0.05, -d / 2 + 0.03), (w / 2 - 0.05, d / 2), z + 0.03, step - 0.03))


def _counter(p: _Pieces) -> None:
    w, d, h = p.rng.uniform(1.5, 2.0), p.rng.uniform(0.6, 0.65), p.rng.uniform(0.88, 0.93)
    p.box("second", -w / 2, -d / 2, 0.08, w / 2, d / 2 - 0.03, h - 0.04)
    p.box("metal", -w / 2, -d / 2, 0, w / 2, d / 2 - 0.08, 0.08)
    p.box("stone", -w / 2, -d / 2, h - 0.04, w / 2, d / 2, h)
    doors = 3
    for i in range(doors):
        x0 = -w / 2 + i * w / doors + 0.015
        p.box("wood", x0, d / 2 - 0.03, 0.12, x0 + w / doors - 0.03, d / 2 - 0.015, h - 0.08)
    p.support(w, d, h)


def _fridge(p: _Pieces) -> None:
    w, d, h = p.rng.uniform(0.6, 0.7), p.rng.uniform(0.6, 0.66), p.rng.uniform(1.7, 1.9)
    p.box("metal", -w / 2, -d / 2, 0.03, w / 2, d / 2 - 0.04, h)
    for z0, z1 in ((0.05, 0.6), (0.62, h - 0.01)):
        p.box("white", -w / 2, d / 2 - 0.04, z0, w / 2, d / 2, z1)
        p.box("metal", w / 2 - 0.1, d / 2, z0 + 0.1, w / 2 - 0.07, d / 2 + 0.03, z1 - 0.15)


def _wardrobe(p: _Pieces) -> None:
    w, d, h = p.rng.uniform(1.0, 1.3), p.rng.uniform(0.55, 0.6), p.rng.uniform(1.8, 2.0)
    p.box("wood", -w / 2, -d / 2, 0, w / 2, d / 2 - 0.02, h)
    for s in (-1, 1):
        x0, x1 = sorted((s * 0.01, s * (w / 2 - 0.02)))
        p.box("second", x0, d / 2 - 0.02, 0.06, x1, d / 2, h - 0.03)


def _washstand(p: _Pieces) -> None:
    w, d, h = p.rng.uniform(0.9, 1.2), p.rng.uniform(0.45, 0.52), p.rng.uniform(0.82, 0.88)
    p.box("wood", -w / 2, -d / 2, 0.1, w / 2, d / 2 - 0.02, h - 0.05)
    p.box("white", -w / 2, -d / 2, h - 0.05, w / 2, d / 2, h)
    p.box("white", -0.05, -d / 2, h, 0.05, -d / 2 + 0.04, h + 0.12)
    p.supports += [Support((s0, -d / 2 + 0.02), (s1, d / 2 - 0.02), h) for s0, s1 in ((-w / 2, -0.08), (0.08, w / 2))]


def _bathtub(p: _Pieces) -> None:
    w, d, h, t = p.rng.uniform(1.5, 1.7), p.rng.uniform(0.7, 0.75), 0.55, 0.07
    p.box("white", -w / 2, -d / 2, 0, w / 2, d / 2, 0.15)
    p.box("white", -w / 2, -d / 2, 0.15, -w / 2 + t, d / 2, h)
    p.box("white", w / 2 - t, -d / 2, 0.15, w / 2, d / 2, h)
    p.box("white", -w / 2 + t, -d / 2, 0.15, w / 2 - t, -d / 2 + t, h)
    p.box("white", -w / 2 + t, d / 2 - t, 0.15, w / 2 - t, d / 2, h)


def _washing_machine(p: _Pieces) -> None:
    p.box("white", -0.3, -0.3, 0, 0.3, 0.28, 0.85)
    p.box("metal", -0.18, 0.28, 0.25, 0.18, 0.3, 0.61)
    p.box("second", -0.28, 0.28, 0.72, 0.28, 0.29, 0.83)
    p.support(0.6, 0.58, 0.85)


def _stool(p: _Pieces) -> None:
    w, h = p.rng.uniform(0.36, 0.42), p.rng.uniform(0.44, 0.5)
    p.legs(w, w, h - 0.03, 0.04)
    p.box("second", -w / 2, -w / 2, h - 0.04, w / 2, w / 2, h)


#: Category -> recipe. Its keys are the labels of furniture.
KINDS: dict[str, Callable[[_Pieces], None]] = {
    "table": _dining_table,
    "coffee table": _coffee_table,
    "side table": _side_table,
    "desk": _desk,
    "chair": _chair,
    "sofa": _sofa,
    "armchair": _armchair,
    "bed": _bed,
    "nightstand": _nightstand,
    "cabinet": _cabinet,
    "bookshelf": _bookshelf,
    "counter": _counter,
    "refrigerator": _fridge,
    "wardrobe": _wardrobe,
    "washstand": _washstand,
    "bathtub": _bathtub,
    "washing machine": _washing_machine,
    "stool": _stool,
}


@lru_cache(maxsize=1)
def _by_split() -> tuple[dict[str, tuple[FurnitureInstance, ...]], ...]:
    result: tuple[dict[str, tuple[FurnitureInstance, ...]], ...] = ({}, {}, {})
    for category in KINDS:
        instances = [FurnitureInstance(category, i) for i in range(VARIANTS_PER_KIND)]
        owner = assign_split([i.key for i in instances])
        for split in range(len(result)):
            result[split][category] = tuple(i for i in instances if owner[i.key] == split)
    return result


def furniture_instances(split: str) -> dict[str, tuple[FurnitureInstance, ...]]:
    """Category -> the split's pieces of it (at least three each)."""
    return _by_split()[split_index(split)]


@lru_cache(maxsize=256)
def furniture_shape(instance: FurnitureInstance) -> FurnitureShape:
    """Meshes, collision boxes and supports of one piece, the same in every process."""
    rng = np.random.default_rng(digest(instance.key))
    pieces = _Pieces(rng)
    KINDS[instance.category](pieces)
    boxes = tuple(b for found in pieces.by_material.values() for b in found)
    extent = np.array(boxes)
    low, high = extent[:, :3].min(axis=0), extent[:, 3:].max(axis=0)
    parts = tuple(_textured(material, found, rng) for material, found in pieces.by_material.items())
    size = (float(2 * max(-low[0], high[0])), float(2 * max(-low[1], high[1])), float(high[2]))
    return FurnitureShape(parts, boxes, tuple(pieces.supports), size)


def _textured(material: str, boxes: list[Bounds], rng: np.random.Generator) -> MeshPart:
    pictures = {"wood": WOOD_TEXTURES, "second": WOOD_TEXTURES, "fabric": FABRIC_TEXTURES, "stone": STONE_TEXTURES}
    if material == "white":
        return box_mesh(boxes, None, rgb=(0.92, 0.92, 0.9))
    if material == "metal":
        return box_mesh(boxes, None, rgb=(0.55, 0.56, 0.58))
    names = pictures[material]
    texture = surface_texture(names[int(rng.integers(len(names)))], 256)
    hue = float(rng.uniform(0, 1)) if material == "fabric" else 0.0
    tint = (float(rng.uniform(0.3, 1)), float(rng.uniform(0.3, 1)), float(rng.uniform(0.3, 1)))
    share = float(rng.uniform(0.1, 0.5)) if material in ("fabric", "second") else float(rng.uniform(0, 0.2))
    return box_mesh(boxes, recolour(texture, hue, tint, share), tile_m=0.8)
