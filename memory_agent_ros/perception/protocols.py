"""What can be swapped in perception."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.records.detection import Detection
from memory_agent_ros.records.frame import Frame


@runtime_checkable
class Detector(Protocol):
    """Finds objects in one frame."""

    def detect(self, frame: Frame) -> list[Detection]:
        """Detections in pixel coordinates of ``frame.rgb``, any order."""
        ...


@runtime_checkable
class ImageEmbedder(Protocol):
    """Turns crops into appearance vectors."""

    @property
    def dimension(self) -> int:
        """Length D of the vectors."""
        ...

    def embed_images(
        self, crops: Sequence[NDArray[np.uint8]], masks: Sequence[NDArray[np.bool_] | None] | None = None
    ) -> NDArray[np.float32]:
        """B crops (h, w, 3) uint8 RGB, with optional masks (h, w) -> (B, D) float32 unit vectors."""
        ...


@runtime_checkable
class TextEmbedder(Protocol):
    """Turns words into vectors."""

    @property
    def dimension(self) -> int:
        """Length D of the vectors."""
        ...

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """B strings -> (B, D) float32 unit vectors."""
        ...
