"""Image payloads as ROS names them (encoding + bytes) -> numpy; nodes and bag readers share it."""

from __future__ import annotations

import struct

import cv2
import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.perception.packed_images import unpack_picture
from memory_agent_ros.records import limits
from memory_agent_ros.records.errors import BadInputError

Bytes = bytes | bytearray | memoryview | NDArray[np.uint8]

#: encoding -> (dtype, channels, cv2 conversion to RGB or None)
_COLOR: dict[str, tuple[str, int, int | None]] = {
    "rgb8": ("u1", 3, None),
    "bgr8": ("u1", 3, cv2.COLOR_BGR2RGB),
    "8UC3": ("u1", 3, cv2.COLOR_BGR2RGB),
    "rgba8": ("u1", 4, cv2.COLOR_RGBA2RGB),
    "bgra8": ("u1", 4, cv2.COLOR_BGRA2RGB),
    "8UC4": ("u1", 4, cv2.COLOR_BGRA2RGB),
    "mono8": ("u1", 1, cv2.COLOR_GRAY2RGB),
    "8UC1": ("u1", 1, cv2.COLOR_GRAY2RGB),
    "bayer_rggb8": ("u1", 1, cv2.COLOR_BayerRGGB2RGB),
    "bayer_bggr8": ("u1", 1, cv2.COLOR_BayerBGGR2RGB),
    "bayer_gbrg8": ("u1", 1, cv2.COLOR_BayerGBRG2RGB),
    "bayer_grbg8": ("u1", 1, cv2.COLOR_BayerGRBG2RGB),
    "yuv422_yuy2": ("u1", 2, cv2.COLOR_YUV2RGB_YUY2),
    "yuv422": ("u1", 2, cv2.COLOR_YUV2RGB_UYVY),
}
#: encoding -> (dtype, metres per unit)
_DEPTH: dict[str, tuple[str, float]] = {
    "16UC1": ("u2", 0.001),
    "mono16": ("u2", 0.001),
    "32FC1": ("f4", 1.0),
    "64FC1": ("f8", 1.0),
}


def decode_image(
    data: Bytes, height: int, width: int, dtype: str, channels: int = 1, *, step: int = 0, big_endian: bool = False
) -> NDArray[np.generic]:
    """Rows of ``step`` bytes -> (height, width[, channels]) array of ``dtype`` (such as "u2"); a view if possible.

    Raises:
        BadInputError: ``image_size`` if the bytes do not fill the image.
    """
    kind = np.dtype((">" if big_endian else "<") + dtype)
    row = width * channels * kind.itemsize
    step = step or row
    buffer = np.frombuffer(data, dtype=np.uint8)
    if height > limits.IMAGE_SIDE or width > limits.IMAGE_SIDE or height * width > limits.IMAGE_PIXELS:
        raise BadInputError("image_size", f"{height}x{width} pixels are more than any camera has")
    if height <= 0 or width <= 0 or step < row or buffer.size < step * (height - 1) + row:
        raise BadInputError(
            "image_size",
            f"{buffer.size} bytes do not hold {height}x{width} pixels of {channels * kind.itemsize} bytes, step {step}",
        )
    if step == row:
        image = buffer[: row * height].view(kind)
    else:
        padded = np.lib.stride_tricks.as_strided(buffer, (height, row), (step, 1))
        image = np.ascontiguousarray(padded).view(kind)
    shape = (height, width) if channels == 1 else (height, width, channels)
    image = image.reshape(shape)
    return image.astype(kind.newbyteorder("=")) if big_endian and kind.itemsize > 1 else image


def decode_color(
    data: Bytes, height: int, width: int, encoding: str, *, step: int = 0, big_endian: bool = False
) -> NDArray[np.uint8]:
    """A colour image payload -> (height, width, 3) uint8 RGB.

    Raises:
        BadInputError: ``color_encoding`` for an encoding we do not read, ``image_size`` for a short payload.
    """
    if encoding not in _COLOR:
        raise BadInputError("color_encoding", f"colour encoding '{encoding}' is not one of {', '.join(sorted(_COLOR))}")
    dtype, channels, conversion = _COLOR[encoding]
    image = decode_image(data, height, width, dtype, channels, step=step, big_endian=big_endian)
    if conversion is None:
        return image.astype(np.uint8, copy=False)
    try:
        return np.asarray(cv2.cvtColor(np.ascontiguousarray(image), conversion), dtype=np.uint8)
    except cv2.error as error:
        raise BadInputError("image_size", f"{height}x{width} pixels cannot be of encoding '{encoding}'") from error


def decode_depth(
    data: Bytes, height: int, width: int, encoding: str, *, step: int = 0, big_endian: bool = False
) -> NDArray[np.float32]:
    """A depth payload (``16UC1`` millimetres or ``32FC1`` metres, REP-118) -> (height, width) float32 metres, 0 = none.

    65535 in ``16UC1``, NaN and infinity become 0.

    Raises:
        BadInputError: ``depth_encoding`` for an encoding we do not read, ``image_size`` for a short payload.
    """
    if encoding not in _DEPTH:
        raise BadInputError("depth_encoding", f"depth encoding '{encoding}' is not one of {', '.join(sorted(_DEPTH))}")
    dtype, unit = _DEPTH[encoding]
    return depth_to_metres(decode_image(data, height, width, dtype, step=step, big_endian=big_endian), unit)


def depth_to_metres(raw: NDArray[np.generic], unit_m: float = 0.001) -> NDArray[np.float32]:
    """(H, W) raw depth of any dtype, ``unit_m`` metres a unit -> float32 metres, 0 where there is no reading."""
    if np.issubdtype(raw.dtype, np.floating):
        metres = raw.astype(np.float32)
        return np.where(np.isfinite(metres), metres * np.float32(unit_m), np.float32(0))
    metres = raw.astype(np.float32) * np.float32(unit_m)
    largest = np.iinfo(np.dtype(raw.dtype).str).max
    return np.where(raw == largest, np.float32(0), metres)


def decode_compressed_color(data: Bytes) -> NDArray[np.uint8]:
    """JPEG or PNG bytes -> (H, W, 3) uint8 RGB.

    Raises:
        BadInputError: ``color_compressed`` if the bytes are no image.
    """
    image = unpack_picture(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise BadInputError(
            "color_compressed", "the compressed colour image is no JPEG or PNG, or of more pixels than any camera has"
        )
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def decode_compressed_depth(data: Bytes, image_format: str) -> NDArray[np.float32]:
    """Payload of the ``compressedDepth`` transport (or plain PNG) -> (H, W) float32 metres, 0 = none.

    The transport puts a 12-byte header (format, quantisation a, b) before the PNG; 32FC1 is kept as ``a / depth + b``.

    Raises:
        BadInputError: ``depth_compressed`` if it is RVL-coded or no 16-bit PNG.
    """
    payload = np.frombuffer(data, dtype=np.uint8)
    if "rvl" in image_format.lower():
        raise BadInputError("depth_compressed", "RVL-coded depth is not read; set the transport's format to png")
    has_header = payload[:4].tobytes() != b"\x89PNG"
    if has_header and payload.size < 12:
        raise BadInputError("depth_compressed", "the compressed depth image is shorter than its header")
    raw = unpack_picture(payload[12:] if has_header else payload, cv2.IMREAD_UNCHANGED)
    if raw is None or raw.ndim != 2:
        raise BadInputError("depth_compressed", f"compressed depth of format '{image_format}' is no single-channel PNG")
    if not (has_header and image_format.startswith("32FC1")):
        return depth_to_metres(raw, 0.001)
    a, b = struct.unpack("<2f", payload[4:12].tobytes())
    inverse = raw.astype(np.float32) - np.float32(b)
    with np.errstate(divide="ignore"):
        metres = np.where((raw > 0) & (inverse > 0), np.float32(a) / inverse, np.float32(0))
    return metres.astype(np.float32)
