"""Checks at the border of perception: what a detection must be before it is lifted."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.records.detection import Detection
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.frame import Frame


def require_detection(frame: Frame, detection: Detection) -> NDArray[np.float32]:
    """Integer-valued (4,) pixel box of a sound detection, clipped to the image; the mask's own box if it has one.

    Raises:
        BadInputError: ``score_invalid``, ``mask_size``, ``empty_mask`` or ``box_invalid``.
    """
    if not (np.isfinite(detection.score) and 0.0 <= detection.score <= 1.0):
        raise BadInputError("score_invalid", f"{detection.label}: score {detection.score} is not in [0, 1]")
    box = np.asarray(detection.box_xyxy, dtype=np.float32)
    if box.shape != (4,) or not np.isfinite(box).all():
        raise BadInputError("box_invalid", f"{detection.label}: box must be 4 finite pixel numbers, got {box}")
    width, height = frame.camera.width, frame.camera.height
    limits = np.array([width, height, width, height], dtype=np.float32)
    box = np.clip(np.array([*np.floor(box[:2]), *np.ceil(box[2:])], dtype=np.float32), 0, limits)
    if detection.mask is not None:
        if detection.mask.shape != (height, width):
            raise BadInputError(
                "mask_size", f"{detection.label}: mask is {detection.mask.shape}, the image {(height, width)}"
            )
        return _mask_box(detection, box)
    if box[2] - box[0] < 1 or box[3] - box[1] < 1:
        raise BadInputError("box_invalid", f"{detection.label}: box {detection.box_xyxy} holds no pixel of the image")
    return box


def _mask_box(detection: Detection, box: NDArray[np.float32]) -> NDArray[np.float32]:
    """Tight box of the mask; looks inside the given box first, since that is small."""
    assert detection.mask is not None
    x0, y0, x1, y1 = (int(value) for value in box)
    tight = _tight(detection.mask[y0:y1, x0:x1])
    if tight is None:
        x0, y0 = 0, 0
        tight = _tight(detection.mask)
    if tight is None:
        raise BadInputError("empty_mask", f"{detection.label}: the mask holds no pixel")
    x, y, w, h = tight
    return np.array([x0 + x, y0 + y, x0 + x + w, y0 + y + h], dtype=np.float32)


def _tight(mask: NDArray[np.bool_]) -> tuple[int, int, int, int] | None:
    if mask.size == 0:
        return None
    x, y, w, h = cv2.boundingRect(np.ascontiguousarray(mask).view(np.uint8))
    return (x, y, w, h) if w > 0 else None
