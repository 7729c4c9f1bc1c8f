"""SSD's names on the segmenter's masks: boxes choose what they mean among the segments of the depth image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.perception.protocols import Detector
from memory_agent_ros.perception.segmenter import (
    SegmenterConfig,
    SegmenterDetector,
    make_segmenter,
    segment_detection,
)
from memory_agent_ros.perception.segments import Segment, Segmentation, SegmentKind, segment
from memory_agent_ros.perception.ssd import SsdConfig, SsdDetector
from memory_agent_ros.records.detection import Detection
from memory_agent_ros.records.frame import Frame

#: Labels whose place is a support surface of table height.
TABLES = frozenset({"table", "desk"})
#: Labels that may lie so flat on a surface or wall that depth does not part them from it.
FLAT = frozenset({"book", "laptop", "computer mouse", "computer monitor"})


@dataclass(frozen=True)
class RefinementConfig:
    """How a box finds its segment.

    Attributes:
        inside: share of a segment that must lie in the box, [0, 1].
        inside_table: the same for a table top, which often leaves the image or the box, [0, 1].
        filled: share of the box that the segments must fill, [0, 1].
        filled_flat: the same for things that may lie flat, below it the bare box is kept, [0, 1].
        depth_span_m: segments of one thing lie within this range of depth of the largest one, metres, [0.05, 3].
        table_low_m, table_high_m: height of table tops above the floor, metres, [0, 2].
        duplicate: a box whose segments are taken to this share by a better one is dropped, [0, 1].
    """

    inside: float = 0.6
    inside_table: float = 0.4
    filled: float = 0.12
    filled_flat: float = 0.4
    depth_span_m: float = 0.4
    table_low_m: float = 0.35
    table_high_m: float = 0.85
    duplicate: float = 0.5


class SsdSegmenterDetector:
    """Boxes of a detector refined to masks; what no box claims is named by the segmenter.

    Args:
        boxes: any detector of boxes.
        segmenter: names the rest.
        config: how boxes and segments are matched.
    """

    def __init__(self, boxes: Detector, segmenter: SegmenterDetector, config: RefinementConfig | None = None) -> None:
        self.boxes = boxes
        self.segmenter = segmenter
        self.config = config or RefinementConfig()

    def detect(self, frame: Frame) -> list[Detection]:
        """Refined boxes, best first, then unclaimed surfaces and things.

        A box whose depth does not bear out its label (a table without a top, a chair that is flat wall) is left out.
        """
        found = segment(frame, self.segmenter.config.segmentation)
        taken = np.zeros(found.grid.valid.shape, dtype=bool)
        out: list[Detection] = []
        for detection in sorted(self.boxes.detect(frame), key=lambda d: -d.score):
            inside = _box_cells(detection.box_xyxy, found)
            cells = self._cells(detection.label, inside, found)
            if cells is None:
                if detection.label in FLAT:
                    out.append(detection)
                continue
            if np.count_nonzero(cells & taken) > self.config.duplicate * np.count_nonzero(cells):
                continue
            taken |= cells
            out.append(segment_detection(frame, cells, detection.label, detection.score, dict(detection.label_scores)))
        rest = [part for part in found.segments if not self._claimed(part, taken)]
        return out + self.segmenter.surfaces(frame, rest) + self.segmenter.things(frame, rest)

    def _cells(self, label: str, inside: NDArray[np.bool_], found: Segmentation) -> NDArray[np.bool_] | None:
        """Cells that a box with this label means, None if there are none."""
        if label in TABLES:
            return self._table(inside, found)
        parts = [
            part
            for part in found.segments
            if part.kind is SegmentKind.OBJECT and _share(part.cells, inside) >= self.config.inside
        ]
        if not parts:
            return None
        parts.sort(key=lambda part: -int(np.count_nonzero(part.cells)))
        middle = _depth(parts[0], found)
        cells = np.zeros(inside.shape, dtype=bool)
        for part in parts:
            if abs(_depth(part, found) - middle) <= self.config.depth_span_m:
                cells |= part.cells
        filled = np.count_nonzero(cells) / max(int(np.count_nonzero(inside)), 1)
        return cells if filled >= (self.config.filled_flat if label in FLAT else self.config.filled) else None

    def _table(self, inside: NDArray[np.bool_], found: Segmentation) -> NDArray[np.bool_] | None:
        tops = [
            part.cells
            for part in found.segments
            if part.kind is SegmentKind.SURFACE
            and self.config.table_low_m <= float(part.low[2] + part.high[2]) / 2 <= self.config.table_high_m
            and _share(part.cells, inside) >= self.config.inside_table
        ]
        best = max(tops, key=np.count_nonzero, default=None)
        if best is None or np.count_nonzero(best & inside) < self.config.filled * np.count_nonzero(inside):
            return None
        return best

    def _claimed(self, part: Segment, taken: NDArray[np.bool_]) -> bool:
        return _share(part.cells, taken) > self.config.duplicate


def _share(cells: NDArray[np.bool_], inside: NDArray[np.bool_]) -> float:
    return float(np.count_nonzero(cells & inside)) / max(int(np.count_nonzero(cells)), 1)


def _depth(part: Segment, found: Segmentation) -> float:
    return float(np.median(found.grid.z[part.cells]))


def _box_cells(box: NDArray[np.float32], found: Segmentation) -> NDArray[np.bool_]:
    """(H, W) grid cells inside a pixel box."""
    (dx, dy), cells = found.grid.stride, np.zeros(found.grid.valid.shape, dtype=bool)
    x0, x1 = int(box[0] / dx), int(np.ceil(box[2] / dx))
    y0, y1 = int(box[1] / dy), int(np.ceil(box[3] / dy))
    cells[max(y0, 0) : y1, max(x0, 0) : x1] = True
    return cells


def make_ssd_segmenter(vocabulary: Sequence[str] | None = None) -> SsdSegmenterDetector:
    """SSD with EfficientNet-Lite0 for the rest; unnamed things are left out.

    SSD's threshold for furniture is lower than when it works alone, since depth has to bear out each box.

    Raises:
        MissingExtraError: a package is not installed or the SSD model is not prepared.
    """
    ssd = SsdDetector.from_cache(vocabulary, SsdConfig(furniture_score=0.3, labels=tuple(vocabulary or ())))
    return SsdSegmenterDetector(ssd, make_segmenter(vocabulary, SegmenterConfig(keep_unnamed=False, maximum_named=4)))
