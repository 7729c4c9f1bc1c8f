"""A world simple enough for a contract: upright cards before a wall, with exact depth and detections."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.boxes import upright_box
from memory_agent_ros.geometry.pinhole import project_map, unproject_pixels
from memory_agent_ros.geometry.se3 import R_BODY_OPTICAL, transform_points
from memory_agent_ros.geometry.voxels import voxel_thin
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.observation import Observation

_CAMERA = Camera(160, 120, np.array([[110.0, 0.0, 79.5], [0.0, 110.0, 59.5], [0.0, 0.0, 1.0]]))
_WALL_M = 4.0
_STEP_NS = 200_000_000


@dataclass(frozen=True)
class Card:
    """A card facing the camera: centre (x, y, z) and size (width, height), metres. No label: it only hides others."""

    label: str
    center: tuple[float, float, float]
    size: tuple[float, float] = (0.24, 0.24)
    color: int = 0


@dataclass
class CardWorld:
    """Cards by name, and a clock that each look advances. The camera looks along +x; +y is to its left."""

    cards: dict[str, Card] = field(default_factory=dict)
    stamp_ns: int = 1_000_000_000

    def look(self, y: float = 0.0) -> tuple[Frame, list[Observation]]:
        """One image from (0, y, 1) and what a detector without errors says about it."""
        T = np.eye(4)
        T[:3, :3], T[:3, 3] = R_BODY_OPTICAL, (0.0, y, 1.0)
        depth = np.full((_CAMERA.height, _CAMERA.width), _WALL_M, dtype=np.float32)
        rgb = np.full((_CAMERA.height, _CAMERA.width, 3), 90, dtype=np.uint8)
        names = sorted(self.cards, key=lambda name: -self.cards[name].center[0])
        shown = np.full(depth.shape, -1)
        for k, name in enumerate(names):
            card = self.cards[name]
            rows, columns = _window(card, T)
            depth[rows, columns], shown[rows, columns] = card.center[0], k
            rgb[rows, columns] = (40 * card.color % 256, 70 * card.color % 256, 200)
        self.stamp_ns += _STEP_NS
        frame = Frame(self.stamp_ns, rgb, depth, _CAMERA, T)
        visible = [(self.cards[name], shown == k) for k, name in enumerate(names) if self.cards[name].label]
        return frame, [_observe(frame, mask, card) for card, mask in visible if mask.sum() >= 20]


def _window(card: Card, T_map_camera: NDArray[np.float64]) -> tuple[slice, slice]:
    """Pixel rows and columns that a card covers."""
    x, y, z = card.center
    w, h = card.size
    corners = np.array([[x, y + w / 2, z + h / 2], [x, y - w / 2, z - h / 2]])
    uv, _ = project_map(_CAMERA.K, T_map_camera, corners)
    low, high = np.rint(uv[0]), np.rint(uv[1]) + 1
    low, high = np.clip(low, 0, [_CAMERA.width, _CAMERA.height]), np.clip(high, 0, [_CAMERA.width, _CAMERA.height])
    return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))


def _observe(frame: Frame, mask: NDArray[np.bool_], card: Card) -> Observation:
    v, u = np.nonzero(mask)
    local = unproject_pixels(_CAMERA.K, u, v, frame.depth_m[v, u])
    points = voxel_thin(transform_points(frame.T_map_camera, local).astype(np.float32), 0.02)
    embedding = np.zeros(16, dtype=np.float32)
    embedding[card.color % 16] = 1.0
    return Observation(
        stamp_ns=frame.stamp_ns,
        label=card.label,
        score=0.9,
        label_scores={card.label: 0.9},
        points_map=points,
        centroid_map=points.mean(axis=0).astype(np.float64),
        covariance=np.eye(3) * 1e-4,
        box=OrientedBox(*upright_box(points)),
        box_xyxy=np.array([u.min(), v.min(), u.max() + 1, v.max() + 1], dtype=np.float32),
        pixels=len(u),
        truncated=bool(u.min() == 0 or v.min() == 0 or u.max() == _CAMERA.width - 1 or v.max() == _CAMERA.height - 1),
        embedding=embedding,
        range_m=float(np.median(frame.depth_m[v, u])),
    )


def three_cards() -> CardWorld:
    """A mug and a book in view of each other, and a lamp out of their view, at y = 6."""
    return CardWorld(
        {
            "mug": Card("mug", (2.0, 0.3, 1.0), color=1),
            "book": Card("book", (2.2, -0.4, 0.9), color=2),
            "lamp": Card("lamp", (2.0, 6.0, 1.1), color=3),
        }
    )
