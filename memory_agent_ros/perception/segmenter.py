"""Detector without training on the robot's objects: RGB-D segments, named by an ImageNet classifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.perception.household import UNNAMED, HouseholdNames
from memory_agent_ros.perception.segments import (
    Segment,
    SegmentationConfig,
    SegmentKind,
    full_mask,
    segment,
)
from memory_agent_ros.records.detection import Detection
from memory_agent_ros.records.frame import Frame

#: Support surfaces are named by their height above the floor, metres.
SURFACE_HEIGHTS: tuple[tuple[str, float, float], ...] = (("table", 0.6, 0.85), ("counter", 0.85, 1.1))


class Classifier(Protocol):
    """Gives class probabilities of crops."""

    def classify(self, crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """B crops (h, w, 3) uint8 RGB -> (B, C) probabilities."""
        ...


@dataclass(frozen=True)
class SegmenterConfig:
    """How segments become detections.

    Attributes:
        score: probability from which a segment gets its name, [0, 1].
        keep_unnamed: report the others as ``object``; if False they are left out.
        maximum_named: the classifier looks at this many segments a frame, largest first, [0, 100].
        surface_score: score of support surfaces, which are named by their height, [0, 1].
        context: crops shown to the classifier are this share wider and higher than the segment, [0, 1].
        segmentation: how depth falls into segments.
    """

    score: float = 0.5
    keep_unnamed: bool = True
    maximum_named: int = 8
    surface_score: float = 0.5
    context: float = 0.15
    segmentation: SegmentationConfig = field(default_factory=SegmentationConfig)


class SegmenterDetector:
    """Planes are removed, connected depth is a thing, a classifier names it. Needs a gravity-aligned map frame.

    Args:
        classifier: ImageNet classifier; None leaves every thing unnamed.
        names: the labels it may give.
        config: thresholds.
    """

    def __init__(
        self,
        classifier: Classifier | None,
        names: HouseholdNames | None = None,
        config: SegmenterConfig | None = None,
    ) -> None:
        self.classifier = classifier
        self.names = names or HouseholdNames()
        self.config = config or SegmenterConfig()

    def detect(self, frame: Frame) -> list[Detection]:
        """Detections with masks: support surfaces, then things from the largest in the image to the smallest."""
        found = segment(frame, self.config.segmentation)
        return self.surfaces(frame, found.segments) + self.things(frame, found.segments)

    def surfaces(self, frame: Frame, segments: Sequence[Segment]) -> list[Detection]:
        """Support surfaces whose height has a name."""
        out = []
        for part in segments:
            name = surface_name(part)
            if name is not None:
                out.append(segment_detection(frame, part.cells, name, self.config.surface_score, {}))
        return out

    def things(self, frame: Frame, segments: Sequence[Segment]) -> list[Detection]:
        """Free-standing segments, named where the classifier is sure enough."""
        parts = [part for part in segments if part.kind is SegmentKind.OBJECT]
        parts.sort(key=lambda part: -int(np.count_nonzero(part.cells)))
        masks = [full_mask(part.cells, frame) for part in parts]
        shown = [self._crop(frame, mask) for mask in masks[: self.config.maximum_named]]
        scores: list[dict[str, float]] = [{} for _ in masks]
        if self.classifier is not None and shown:
            for index, row in enumerate(self.classifier.classify(shown)):
                scores[index] = self.names.scores(row)
        out = []
        for mask, named in zip(masks, scores, strict=True):
            label, score = next(iter(named.items()), (UNNAMED, 0.0))
            if score < self.config.score:
                if not self.config.keep_unnamed:
                    continue
                label, score, named = UNNAMED, 0.5, {}
            if mask.any():
                out.append(Detection(label, min(score, 1.0), mask_box(mask), mask, named))
        return out

    def _crop(self, frame: Frame, mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
        x0, y0, x1, y1 = (int(value) for value in mask_box(mask))
        dx, dy = round(self.config.context * (x1 - x0)), round(self.config.context * (y1 - y0))
        return frame.rgb[max(y0 - dy, 0) : y1 + dy, max(x0 - dx, 0) : x1 + dx]


def surface_name(part: Segment) -> str | None:
    """Name of a support surface by its height above the floor, None for other segments and other heights."""
    if part.kind is not SegmentKind.SURFACE:
        return None
    height = float(part.low[2] + part.high[2]) / 2
    return next((name for name, low, high in SURFACE_HEIGHTS if low <= height < high), None)


def mask_box(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(4,) half-open pixel box of a mask; zeros if it is empty."""
    x, y, w, h = cv2.boundingRect(mask.view(np.uint8))
    return np.array([x, y, x + w, y + h], dtype=np.float32)


def segment_detection(
    frame: Frame, cells: NDArray[np.bool_], label: str, score: float, label_scores: dict[str, float]
) -> Detection:
    """Detection whose mask are these grid cells."""
    mask = full_mask(cells, frame)
    return Detection(label, score, mask_box(mask), mask, label_scores or {label: score})


def make_segmenter(vocabulary: Sequence[str] | None = None, config: SegmenterConfig | None = None) -> SegmenterDetector:
    """The segmenter with EfficientNet-Lite0.

    Raises:
        MissingExtraError: the network's packages are not installed.
    """
    from memory_agent_ros.perception.embedders.efficientnet import EfficientNetEmbedder

    return SegmenterDetector(EfficientNetEmbedder.from_package(), HouseholdNames(vocabulary), config)
