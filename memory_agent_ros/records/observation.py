"""A detection lifted to 3-D."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.records.box import OrientedBox


@dataclass(frozen=True, eq=False)
class Observation:
    """One object seen once, in the world frame of its :class:`Frame`.

    Attributes:
        stamp_ns: stamp of the frame.
        label, score, label_scores: as in :class:`Detection`.
        points_map: (N, 3) float32 surface points in the map frame, metres, outliers removed, voxel-thinned.
        centroid_map: (3,) float64 mean of the points.
        covariance: (3, 3) float64 covariance of the *position estimate* (not of the point spread), metres squared.
        box: upright box of the points.
        box_xyxy: (4,) float32 pixel box in the colour image.
        pixels: number of mask (or box) pixels that had valid depth.
        truncated: True if the detection touches the image border, so its extent is not whole.
        embedding: (D,) float32 unit appearance vector of the crop, or None.
        range_m: median camera z of the points.
    """

    stamp_ns: int
    label: str
    score: float
    label_scores: Mapping[str, float]
    points_map: NDArray[np.float32]
    centroid_map: NDArray[np.float64]
    covariance: NDArray[np.float64]
    box: OrientedBox
    box_xyxy: NDArray[np.float32]
    pixels: int
    truncated: bool
    embedding: NDArray[np.float32] | None
    range_m: float
