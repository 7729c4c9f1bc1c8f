"""SSD MobileNetV2 trained on Open Images v4, run by LiteRT on the CPU: boxes of 23 categories, no masks.

Anchors and decoding follow Liu et al., "SSD" (ECCV 2016) in the variant of the TensorFlow object detection models:
six grids, scales 0.2 to 0.95, three boxes a cell in the finest grid and six in the others, variances 10, 10, 5, 5.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.perception.ssd_model import prepared_files
from memory_agent_ros.records.detection import Detection
from memory_agent_ros.records.errors import BadInputError, MissingExtraError
from memory_agent_ros.records.frame import Frame

_INPUT = 300
_GRIDS = (19, 10, 5, 3, 2, 1)
_RATIOS = (1.0, 2.0, 0.5, 3.0, 1.0 / 3.0)
_SCALE_LOW, _SCALE_HIGH = 0.2, 0.95

#: Things small enough to be looked for in tiles.
SMALL_LABELS = frozenset(
    {"book", "bottle", "camera", "coffee cup", "computer monitor", "computer mouse", "laptop", "mug"}
)
#: Labels of the network that a home or office holds; the others (vehicles, cattle) would only be false.
INDOOR_LABELS = SMALL_LABELS | {"box", "cat", "chair", "desk", "dog", "footwear", "person", "table"}
#: Large things, which depth can bear out.
FURNITURE = frozenset({"chair", "desk", "table"})
#: A box this near to the inner edge of a tile may be cut by it, pixels.
_TILE_EDGE_PX = 6


@dataclass(frozen=True)
class SsdConfig:
    """What is reported.

    Attributes:
        score: lowest score that is reported, [0, 1].
        furniture_score: the same for :data:`FURNITURE`, [0, 1].
        small_score: the same for small things found in tiles, [0, 1].
        tiles: also look at 3x3 half-size tiles for small things, which the network's 300x300 input would lose; about
            10 times the time.
        overlap: boxes of one label that overlap more than this (IoU) are one object, [0, 1].
        overlap_any: boxes of different labels that overlap more than this are one object, [0, 1].
        maximum: most detections an image, [1, 300].
        labels: the only labels reported; empty means :data:`INDOOR_LABELS`.
    """

    score: float = 0.4
    furniture_score: float = 0.4
    small_score: float = 0.45
    tiles: bool = True
    overlap: float = 0.5
    overlap_any: float = 0.75
    maximum: int = 50
    labels: tuple[str, ...] = ()


class SsdDetector:
    """Detector over a TensorFlow Lite SSD with raw outputs: 1917 box encodings and class logits, background first.

    Args:
        interpreter: an allocated LiteRT interpreter.
        names: label of each class, without the background.
        config: thresholds.
    """

    def __init__(self, interpreter: Any, names: Sequence[str], config: SsdConfig | None = None) -> None:
        self.config = config or SsdConfig()
        self.names = tuple(names)
        self._interpreter = interpreter
        self._anchors = ssd_anchors()

    @classmethod
    def from_cache(cls, vocabulary: Sequence[str] | None = None, config: SsdConfig | None = None) -> SsdDetector:
        """The detector with the model of :mod:`ssd_model`.

        Raises:
            MissingExtraError: LiteRT is not installed or the model is not prepared.
        """
        files = prepared_files()
        config = config or SsdConfig(labels=tuple(vocabulary or ()))
        return cls(load_interpreter(files.model), read_labels(files.labels), config)

    def detect(self, frame: Frame) -> list[Detection]:
        """Boxes with a score of at least ``config.score``, best first."""
        boxes, scores = self._chosen(frame.rgb, 0, 0, None)
        if self.config.tiles:
            height, width = frame.rgb.shape[0] // 2, frame.rgb.shape[1] // 2
            found = [
                self._chosen(frame.rgb[y : y + height, x : x + width], x, y, (frame.camera.width, frame.camera.height))
                for y in (0, height // 2, height)
                for x in (0, width // 2, width)
            ]
            boxes = np.concatenate([boxes, *(part[0] for part in found)])
            scores = np.concatenate([scores, *(part[1] for part in found)])
        kept = suppress(boxes, scores.max(axis=1), scores.argmax(axis=1), self.config)[: self.config.maximum]
        return [self._detection(boxes[i], scores[i]) for i in kept]

    def _chosen(
        self, rgb: NDArray[np.uint8], left: int, top: int, whole: tuple[int, int] | None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Boxes in whole-image pixels and class scores that pass the thresholds; ``whole`` is set for a tile."""
        boxes, scores = self.raw(rgb)
        labels = (SMALL_LABELS if whole else INDOOR_LABELS) & (set(self.config.labels) or INDOOR_LABELS)
        scores = scores * np.array([name in (set(self.config.labels) or INDOOR_LABELS) for name in self.names])
        best = np.array(self.names)[scores.argmax(axis=1)]
        usual = np.where(np.isin(best, list(FURNITURE)), self.config.furniture_score, self.config.score)
        least = self.config.small_score if whole else usual
        wanted = (scores.max(axis=1) >= least) & np.isin(best, list(labels))
        if whole:
            height, width = rgb.shape[:2]
            wanted &= ((boxes[:, 0] > _TILE_EDGE_PX) | (left == 0)) & ((boxes[:, 1] > _TILE_EDGE_PX) | (top == 0))
            wanted &= (boxes[:, 2] < width - _TILE_EDGE_PX) | (left + width >= whole[0])
            wanted &= (boxes[:, 3] < height - _TILE_EDGE_PX) | (top + height >= whole[1])
        return boxes[wanted] + np.array([left, top] * 2, dtype=np.float32), scores[wanted]

    def _detection(self, box: NDArray[np.float32], scores: NDArray[np.float32]) -> Detection:
        order = np.argsort(-scores)[:3]
        label_scores = {self.names[i]: float(scores[i]) for i in order if scores[i] >= 0.1}
        return Detection(self.names[order[0]], float(scores[order[0]]), box, None, label_scores)

    def raw(self, rgb: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(H, W, 3) image -> (1917, 4) x0 y0 x1 y1 pixel boxes clipped to it, (1917, C) class probabilities."""
        small = cv2.resize(rgb, (_INPUT, _INPUT), interpolation=cv2.INTER_AREA).astype(np.float32)
        interpreter = self._interpreter
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], small[None] / 127.5 - 1.0)
        interpreter.invoke()
        encodings, logits = (interpreter.get_tensor(out["index"])[0] for out in interpreter.get_output_details())
        if encodings.shape != (len(self._anchors), 4) or logits.shape != (len(self._anchors), len(self.names) + 1):
            raise BadInputError("model_shape", f"not the expected SSD: outputs {encodings.shape} and {logits.shape}")
        boxes = decode(encodings, self._anchors) * np.array([rgb.shape[1], rgb.shape[0]] * 2, dtype=np.float32)
        boxes = np.clip(boxes, 0, np.array([rgb.shape[1], rgb.shape[0]] * 2, dtype=np.float32))
        return boxes, 1.0 / (1.0 + np.exp(-logits[:, 1:]))


def load_interpreter(model: Path) -> Any:
    """Allocated single-threaded LiteRT interpreter.

    Raises:
        MissingExtraError: LiteRT is not installed.
    """
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise MissingExtraError("the SSD detector needs LiteRT: pip install 'memory_agent_ros[models]'") from error
    interpreter = Interpreter(str(model), num_threads=1)
    interpreter.allocate_tensors()
    return interpreter


def read_labels(path: Path) -> list[str]:
    """Names of the label file in lower case, without the background line."""
    return [line.strip().lower() for line in path.read_text(encoding="utf-8").splitlines()[1:] if line.strip()]


def ssd_anchors() -> NDArray[np.float32]:
    """(1917, 4) anchors as y centre, x centre, height, width, in shares of the image."""
    scales = [_SCALE_LOW + (_SCALE_HIGH - _SCALE_LOW) * i / (len(_GRIDS) - 1) for i in range(len(_GRIDS))] + [1.0]
    grids = []
    for level, cells in enumerate(_GRIDS):
        scale = scales[level]
        shapes = [(0.1, 1.0), (scale, 2.0), (scale, 0.5)] if level == 0 else [(scale, ratio) for ratio in _RATIOS]
        if level > 0:
            shapes.append((math.sqrt(scale * scales[level + 1]), 1.0))
        size = np.array([(s / math.sqrt(r), s * math.sqrt(r)) for s, r in shapes])
        middle = (np.arange(cells) + 0.5) / cells
        y, x = np.meshgrid(middle, middle, indexing="ij")
        centre = np.repeat(np.stack([y.ravel(), x.ravel()], axis=1), len(shapes), axis=0)
        grids.append(np.hstack([centre, np.tile(size, (cells * cells, 1))]))
    return np.concatenate(grids).astype(np.float32)


def decode(encodings: NDArray[np.float32], anchors: NDArray[np.float32]) -> NDArray[np.float32]:
    """(A, 4) encodings y, x, h, w and (A, 4) anchors -> (A, 4) x0 y0 x1 y1 boxes in shares of the image."""
    centre = encodings[:, :2] / 10.0 * anchors[:, 2:] + anchors[:, :2]
    half = np.exp(np.minimum(encodings[:, 2:] / 5.0, 5.0)) * anchors[:, 2:] / 2
    boxes: NDArray[np.float32] = np.hstack([(centre - half)[:, ::-1], (centre + half)[:, ::-1]])
    return boxes


def suppress(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], labels: NDArray[np.int64], config: SsdConfig
) -> NDArray[np.int64]:
    """Greedy non-maximum suppression: indices kept, best first. (N, 4) boxes, (N,) scores, (N,) labels."""
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    for i in order:
        if kept:
            overlap = box_overlap(boxes[i], boxes[kept])
            limit = np.where(labels[kept] == labels[i], config.overlap, config.overlap_any)
            if (overlap > limit).any():
                continue
        kept.append(int(i))
    return np.array(kept, dtype=np.int64)


def box_overlap(box: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """IoU of a (4,) box with each of (N, 4) -> (N,)."""
    low = np.maximum(box[:2], others[:, :2])
    high = np.minimum(box[2:], others[:, 2:])
    inner = np.clip(high - low, 0, None).prod(axis=1)
    area = np.clip(others[:, 2:] - others[:, :2], 0, None).prod(axis=1)
    iou: NDArray[np.float32] = inner / np.maximum((box[2:] - box[:2]).prod() + area - inner, 1e-9)
    return iou
