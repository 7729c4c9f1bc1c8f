"""Tables of objects made of plain boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.structure.config import StructureConfig
from memory_agent_ros.memory.structure.relations import find_relations
from memory_agent_ros.memory.structure.rooms import RoomPlan
from memory_agent_ros.memory.structure.table import ObjectTable
from memory_agent_ros.records.relation import Relation

NO_ROOMS = RoomPlan((), *(np.zeros((0, 0)) for _ in range(3)), np.zeros(2), 0.05)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Block:
    """A box on a point (x, y, z of its underside); ``parts``, relative to the same point, are its surface if given."""

    label: str
    at: tuple[float, float, float]
    size: tuple[float, float, float]
    yaw: float = 0.0
    parts: tuple[tuple[float, float, float, float, float, float], ...] = ()


def shell(low: NDArray[np.float64], high: NDArray[np.float64], step: float = 0.03) -> NDArray[np.float64]:
    """Points on the six faces of a box."""
    axes = [np.linspace(a, b, max(2, int((b - a) / step) + 1)) for a, b in zip(low, high, strict=True)]
    faces = []
    for axis in range(3):
        for end in (low[axis], high[axis]):
            picked = [np.array([end]) if k == axis else axes[k] for k in range(3)]
            faces.append(np.stack(np.meshgrid(*picked, indexing="ij"), axis=-1).reshape(-1, 3))
    return np.concatenate(faces)


def table_of(
    blocks: Sequence[Block], std_m: float = 0.01, yaw: float = 0.0, shift: Sequence[float] = (0, 0, 0)
) -> ObjectTable:
    """Blocks as the memory would have them, the whole scene turned about the origin and shifted; ids from 1."""
    centers, clouds = [], []
    c, s = np.cos(yaw), np.sin(yaw)
    turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    for block in blocks:
        size, at = np.array(block.size), np.array(block.at)
        whole = ((-size[0] / 2, -size[1] / 2, 0.0, size[0] / 2, size[1] / 2, size[2]),)
        points = np.concatenate([shell(np.array(p[:3]), np.array(p[3:])) for p in block.parts or whole])
        cb, sb = np.cos(block.yaw), np.sin(block.yaw)
        points = points @ np.array([[cb, -sb, 0.0], [sb, cb, 0.0], [0.0, 0.0, 1.0]]).T + at
        clouds.append((points @ turn.T + shift).astype(np.float32))
        centers.append(turn @ (at + np.array([0.0, 0.0, size[2] / 2])) + shift)
    count = len(blocks)
    return ObjectTable(
        tuple((i + 1, 0, b.label, 0) for i, b in enumerate(blocks)),
        np.arange(1, count + 1),
        tuple((b.label, 1.0) for b in blocks),
        np.array(centers).reshape(count, 3),
        np.array([b.size for b in blocks]).reshape(count, 3),
        np.array([b.yaw + yaw for b in blocks]),
        np.full(count, std_m),
        tuple(clouds),
        np.full(count, 0.02),
    )


def relations_of(
    blocks: Sequence[Block], config: StructureConfig | None = None, **moved: object
) -> tuple[Relation, ...]:
    """Relations of blocks where no room is known."""
    return find_relations(table_of(blocks, **moved), NO_ROOMS, config or StructureConfig())  # type: ignore[arg-type]


def told(blocks: Sequence[Block], relations: Sequence[Relation]) -> set[tuple[str, str, str]]:
    """(subject label, kind, object label)."""
    return {(blocks[r.subject_id - 1].label, str(r.kind), blocks[(r.object_id or 0) - 1].label) for r in relations}


TABLE = Block("table", (0.0, 0.0, 0.0), (1.2, 0.8, 0.74), parts=((-0.6, -0.4, 0.7, 0.6, 0.4, 0.74),))
SOFA = Block(
    "sofa", (0.0, 0.0, 0.0), (1.8, 0.9, 0.85),
    parts=((-0.9, -0.45, 0.1, 0.9, 0.45, 0.43), (-0.9, 0.25, 0.1, 0.9, 0.45, 0.85),
           (-0.9, -0.45, 0.1, -0.75, 0.45, 0.6)),
)  # fmt: skip
SHELF = Block(
    "shelf", (0.0, 0.0, 0.0), (1.0, 0.35, 1.6),
    parts=(*((-0.5, -0.17, z, 0.5, 0.17, z + 0.03) for z in (0.0, 0.4, 0.8, 1.2, 1.57)),
           (-0.5, 0.15, 0.0, 0.5, 0.17, 1.6)),
)  # fmt: skip
BASKET = Block(
    "basket", (0.0, 0.0, 0.0), (0.5, 0.4, 0.3),
    parts=((-0.25, -0.2, 0.0, 0.25, 0.2, 0.02), (-0.25, -0.2, 0.0, -0.23, 0.2, 0.3), (0.23, -0.2, 0.0, 0.25, 0.2, 0.3),
           (-0.25, -0.2, 0.0, 0.25, -0.18, 0.3), (-0.25, 0.18, 0.0, 0.25, 0.2, 0.3)),
)  # fmt: skip
