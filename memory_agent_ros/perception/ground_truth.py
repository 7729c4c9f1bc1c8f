"""Ground-truth instances of a simulator seen through the errors of a real detector.

Every error is drawn anew for each frame, independently of the frames before: a confused label or a false positive does
not persist. What is drawn depends on ``(seed, stamp_ns)`` only, not on the order of calls.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from memory_agent_ros.records.detection import Detection
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.frame import Frame

#: Kinds of things that detectors mix up; labels of a group are confused with each other first.
CONFUSABLE: tuple[tuple[str, ...], ...] = (
    ("mug", "cup", "coffee cup", "bowl", "pot", "vase", "pitcher", "teapot"),
    ("bottle", "can", "vase", "cleanser", "candle", "thermos"),
    ("book", "box", "laptop", "tablet", "keyboard", "cereal box", "cracker box"),
    ("chair", "stool", "armchair", "sofa", "bench"),
    ("table", "desk", "coffee table", "counter", "side table"),
    ("cabinet", "shelf", "bookcase", "wardrobe", "dresser", "drawer", "nightstand"),
    ("apple", "orange", "lemon", "ball", "tomato", "peach"),
    ("banana", "spoon", "knife", "fork", "remote control"),
    ("plate", "bowl", "tray", "pan", "basket"),
    ("lamp", "plant", "fan"),
    ("bed", "sofa"),
    ("toy", "teddy bear", "shoe", "bag"),
)

_LARGE_ID = 1 << 16


@dataclass(frozen=True)
class DetectionNoise:
    """Errors of the simulated detector. Pixel counts are for 640x480 and scale with the image.

    Attributes:
        miss: probability that a large object is missed, [0, 1].
        miss_small: probability that an object of ``minimum_pixels`` is missed, [0, 1]; linear up to ``small_pixels``.
        small_pixels: pixels from which an object counts as large, [0, 100000].
        minimum_pixels: objects with fewer visible pixels are never detected, [1, 100000].
        confusion: probability of a wrong label, [0, 1].
        confusion_score: factor on the score of a wrong label, [0, 1].
        mask_px: largest erosion or dilation of a mask, pixels at a width of 640, [0, 10].
        split: probability that a mask falls into two detections, [0, 1].
        false_positives: mean number of false positives a frame, [0, 10].
    """

    miss: float = 0.05
    miss_small: float = 0.5
    small_pixels: int = 400
    minimum_pixels: int = 60
    confusion: float = 0.03
    confusion_score: float = 0.6
    mask_px: float = 2.0
    split: float = 0.01
    false_positives: float = 0.02


#: A detector without errors: every labelled instance, exact masks.
NO_NOISE = DetectionNoise(
    miss=0.0, miss_small=0.0, minimum_pixels=1, confusion=0.0, mask_px=0.0, split=0.0, false_positives=0.0
)


class GroundTruthDetector:
    """Detector that reads ``frame.instances``.

    Attributes:
        labels: instance id -> label; ids that are missing here (walls, floor) are background. May be set at any time.
        noise: the error model.
        seed: seed of all errors.
    """

    def __init__(self, labels: Mapping[int, str], noise: DetectionNoise | None = None, seed: int = 0) -> None:
        self.labels = labels
        self.noise = noise or DetectionNoise()
        self.seed = seed

    def detect(self, frame: Frame) -> list[Detection]:
        """Noisy detections of the labelled instances in view, ordered by instance id, false positives last.

        Raises:
            BadInputError: ``no_instances`` if the frame has none, ``instances_size`` if they do not fit the image.
        """
        if frame.instances is None:
            raise BadInputError(
                "no_instances", "the ground-truth detector needs Frame.instances; use `ssd` on a real camera"
            )
        if frame.instances.shape != (frame.camera.height, frame.camera.width):
            raise BadInputError("instances_size", f"instances are {frame.instances.shape}, not the size of the image")
        rng = np.random.default_rng([self.seed & (2**64 - 1), frame.stamp_ns & (2**64 - 1)])
        scale = frame.camera.width * frame.camera.height / (640 * 480)
        found: list[Detection] = []
        for instance, pixels, window in _instances(frame.instances, self.labels):
            draw = rng.random(8)
            if pixels < self.noise.minimum_pixels * scale or draw[0] < self._miss(pixels / scale):
                continue
            found += self._seen(frame.instances, instance, window, draw, scale)
        for _ in range(int(rng.poisson(self.noise.false_positives))):
            found += self._imagined(frame.instances, rng)
        return found

    def _miss(self, pixels: float) -> float:
        noise = self.noise
        span = max(noise.small_pixels - noise.minimum_pixels, 1)
        smallness = float(np.clip((noise.small_pixels - pixels) / span, 0.0, 1.0))
        return noise.miss + max(noise.miss_small - noise.miss, 0.0) * smallness

    def _seen(
        self,
        instances: NDArray[np.int32],
        instance: int,
        window: tuple[slice, slice],
        draw: NDArray[np.float64],
        scale: float,
    ) -> list[Detection]:
        label = self.labels[instance]
        score = 0.6 + 0.39 * float(draw[1])
        label_scores = {label: score}
        if draw[2] < self.noise.confusion:
            wrong = self._confused(label, float(draw[3]))
            if wrong is not None:
                score *= self.noise.confusion_score
                label_scores = {wrong: score, label: 0.8 * score}
                label = wrong
        limit = self.noise.mask_px * np.sqrt(scale)
        crop, (top, left) = _resized_mask(instances, instance, window, round((2 * float(draw[4]) - 1) * limit))
        pieces = [crop]
        if draw[5] < self.noise.split:
            pieces = _halves(crop, float(draw[6]), float(draw[7]))
            score *= 0.8
        return [
            _detection(instances.shape, piece, top, left, label, score, label_scores) for piece in pieces if piece.any()
        ]

    def _confused(self, label: str, draw: float) -> str | None:
        known = sorted(set(self.labels.values()) - {label})
        similar = sorted({other for group in CONFUSABLE if label in group for other in group if other in known})
        choice = similar or known
        return choice[int(draw * len(choice))] if choice else None

    def _imagined(self, instances: NDArray[np.int32], rng: np.random.Generator) -> list[Detection]:
        """A random label on an elliptic blob of background."""
        height, width = instances.shape
        names = sorted(set(self.labels.values()))
        half_w, half_h = (int(rng.uniform(0.015, 0.08) * width) + 1 for _ in range(2))
        score = float(rng.uniform(0.3, 0.7))
        label = names[int(rng.integers(len(names)))] if names else "object"
        for _ in range(8):
            u, v = (
                int(rng.integers(half_w, width - half_w)),
                int(rng.integers(half_h, max(height - half_h, half_h + 1))),
            )
            if int(instances[v, u]) in self.labels:
                continue
            window = np.s_[max(v - half_h, 0) : v + half_h + 1, max(u - half_w, 0) : u + half_w + 1]
            rows, columns = np.ogrid[window[0].start : v + half_h + 1, window[1].start : u + half_w + 1]
            ellipse = ((columns - u) / half_w) ** 2 + ((rows - v) / half_h) ** 2 <= 1.0
            part = instances[window]
            ellipse = ellipse[: part.shape[0], : part.shape[1]]
            blob = ellipse & (part == instances[v, u])
            return [_detection(instances.shape, blob, window[0].start, window[1].start, label, score, {label: score})]
        return []


def _instances(instances: NDArray[np.int32], labels: Mapping[int, str]) -> list[tuple[int, int, tuple[slice, slice]]]:
    """Labelled ids in view in rising order, each with its pixel count and window."""
    low, high = int(instances.min()), int(instances.max())
    if low >= 0 and high < _LARGE_ID:
        counts = np.bincount(instances.ravel(), minlength=high + 1)
        windows = ndimage.find_objects(instances, max_label=high)
        present = np.flatnonzero(counts[1:]) + 1
        return [(int(i), int(counts[i]), windows[i - 1]) for i in present if int(i) in labels]
    values, dense, sizes = np.unique(instances, return_inverse=True, return_counts=True)
    windows = ndimage.find_objects(dense.reshape(instances.shape).astype(np.int32) + 1)
    return [
        (int(value), int(size), window)
        for value, size, window in zip(values, sizes, windows, strict=True)
        if int(value) in labels
    ]


def _resized_mask(
    instances: NDArray[np.int32], instance: int, window: tuple[slice, slice], grow_px: int
) -> tuple[NDArray[np.bool_], tuple[int, int]]:
    """The instance's mask eroded (negative) or dilated by ``grow_px``, as a crop with its top and left."""
    pad = abs(grow_px)
    top, left = max(window[0].start - pad, 0), max(window[1].start - pad, 0)
    crop = instances[top : window[0].stop + pad, left : window[1].stop + pad] == instance
    if pad:
        kernel = np.ones((3, 3), np.uint8)
        change = cv2.dilate if grow_px > 0 else cv2.erode
        changed = change(crop.view(np.uint8), kernel, iterations=pad).astype(bool)
        crop = changed if changed.any() else crop
    return crop, (top, left)


def _halves(crop: NDArray[np.bool_], along: float, angle: float) -> list[NDArray[np.bool_]]:
    """The mask cut by a line through it: position ``along`` and direction ``angle`` in [0, 1]."""
    rows, columns = np.nonzero(crop)
    direction = np.array([np.cos(np.pi * angle), np.sin(np.pi * angle)])
    offset = columns * direction[0] + rows * direction[1]
    cut = np.quantile(offset, 0.3 + 0.4 * along)
    halves = []
    for side in (offset <= cut, offset > cut):
        half = np.zeros_like(crop)
        half[rows[side], columns[side]] = True
        halves.append(half)
    return halves


def _detection(
    shape: tuple[int, ...],
    crop: NDArray[np.bool_],
    top: int,
    left: int,
    label: str,
    score: float,
    label_scores: Mapping[str, float],
) -> Detection:
    mask = np.zeros(shape, dtype=bool)
    mask[top : top + crop.shape[0], left : left + crop.shape[1]] = crop
    x, y, w, h = cv2.boundingRect(np.ascontiguousarray(crop).view(np.uint8))
    box = np.array([left + x, top + y, left + x + w, top + y + h], dtype=np.float32)
    return Detection(label, score, box, mask, label_scores)
