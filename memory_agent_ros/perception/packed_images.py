"""Packed pictures: how large they are before they are unpacked, so that a few bytes cannot become gigabytes."""

from __future__ import annotations

import struct
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.records import limits

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
#: Markers of JPEG: frames of any kind begin with one of these.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
#: Markers without a length.
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})


def unpack_picture(data: NDArray[np.uint8], flags: int) -> NDArray[Any] | None:
    """JPEG or PNG bytes -> what ``cv2.imdecode`` gives; None if they are neither, broken, or larger than the limits.

    Args:
        data: (N,) the file.
        flags: of ``cv2.imdecode``.
    """
    size = picture_size(data.tobytes()) if 0 < data.size <= limits.IMAGE_BYTES else None
    if size is None or max(size) > limits.IMAGE_SIDE or not 0 < size[0] * size[1] <= limits.IMAGE_PIXELS:
        return None
    try:
        image: NDArray[Any] | None = cv2.imdecode(data, flags)
    except cv2.error:
        return None
    return image


def picture_size(data: bytes) -> tuple[int, int] | None:
    """Width and height that the header of a JPEG or PNG file tells; None if there is none."""
    if data.startswith(_PNG):
        return struct.unpack_from(">II", data, 16) if len(data) >= 24 else None
    return _jpeg_size(data) if data.startswith(_JPEG) else None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(data):
        if data[at] != 0xFF:
            at += 1
            continue
        marker = data[at + 1]
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        at += 1 if marker == 0xFF else 2 if marker in _BARE else 2 + struct.unpack_from(">H", data, at + 2)[0]
    return None
