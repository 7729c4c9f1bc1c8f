"""What is kept of the picture of an observation in quarantine: the part of its box, nothing around it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.views import keyframes

#: Longer side of what is kept, pixels, and around the box, as a share of it.
_MOST_PX, _MARGIN = 256, 0.15
_QUALITY = 80
_GREY = 128

Window = tuple[int, int, int, int]


def crop(rgb: NDArray[np.uint8], box_xyxy: NDArray[np.floating]) -> tuple[Window, bytes]:
    """The part of an (H, W, 3) picture around a box, as x0, y0, x1, y1 and JPEG bytes, smaller if it is large."""
    height, width = rgb.shape[:2]
    x0, y0, x1, y1 = np.asarray(box_xyxy, dtype=np.float64)
    dx, dy = max(_MARGIN * (x1 - x0), 2.0), max(_MARGIN * (y1 - y0), 2.0)
    left, right = _span(x0 - dx, x1 + dx, width)
    top, bottom = _span(y0 - dy, y1 + dy, height)
    part = rgb[top:bottom, left:right]
    scale = min(1.0, _MOST_PX / max(part.shape[:2]))
    if scale < 1.0:
        size = (max(round(part.shape[1] * scale), 1), max(round(part.shape[0] * scale), 1))
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return (left, top, right, bottom), keyframes.encode(np.ascontiguousarray(part), _QUALITY)


def restored(window: Window, jpeg: bytes, width: int, height: int) -> NDArray[np.uint8]:
    """(height, width, 3) picture: grey but for what was kept."""
    rgb = np.full((height, width, 3), _GREY, np.uint8)
    left, top, right, bottom = window
    part = cv2.resize(keyframes.decode(jpeg), (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)
    rgb[top:bottom, left:right] = part
    return rgb


def _span(low: float, high: float, size: int) -> tuple[int, int]:
    """First and last plus one of the pixels between two places, at least one."""
    first = int(np.clip(np.floor(low), 0, size - 1))
    return first, int(np.clip(np.ceil(high), first + 1, size))
