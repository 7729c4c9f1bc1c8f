"""Image messages to numpy and back, without cv_bridge. Decoding itself is shared with the bag readers."""

from __future__ import annotations

import array
import sys

import cv2
import numpy as np
from builtin_interfaces.msg import Time
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage, Image

from memory_agent_ros.perception.image_decoding import (
    decode_color,
    decode_compressed_color,
    decode_compressed_depth,
    decode_depth,
    decode_image,
)
from memory_agent_ros.records.errors import BadInputError


def color_from_message(message: Image | CompressedImage) -> NDArray[np.uint8]:
    """Raw or compressed colour image -> (H, W, 3) uint8 RGB; shares the message's memory where no conversion is needed.

    Raises:
        BadInputError: ``color_encoding``, ``color_compressed`` or ``image_size``.
    """
    if isinstance(message, CompressedImage):
        return decode_compressed_color(message.data)
    return decode_color(
        message.data,
        message.height,
        message.width,
        message.encoding,
        step=message.step,
        big_endian=bool(message.is_bigendian),
    )


def depth_from_message(message: Image | CompressedImage) -> NDArray[np.float32]:
    """Raw (``16UC1`` mm, ``32FC1`` m) or ``compressedDepth`` image -> (H, W) float32 metres, 0 = no reading.

    Raises:
        BadInputError: ``depth_encoding``, ``depth_compressed`` or ``image_size``.
    """
    if isinstance(message, CompressedImage):
        return decode_compressed_depth(message.data, message.format)
    return decode_depth(
        message.data,
        message.height,
        message.width,
        message.encoding,
        step=message.step,
        big_endian=bool(message.is_bigendian),
    )


def instances_from_message(message: Image) -> NDArray[np.int32]:
    """``32SC1`` ground-truth instance ids -> (H, W) int32.

    Raises:
        BadInputError: ``instances_encoding`` or ``image_size``.
    """
    if message.encoding != "32SC1":
        raise BadInputError("instances_encoding", f"instance images must be 32SC1, got {message.encoding!r}")
    ids = decode_image(
        message.data, message.height, message.width, "i4", step=message.step, big_endian=bool(message.is_bigendian)
    )
    return ids.astype(np.int32, copy=False)


def color_message(rgb: NDArray[np.uint8], frame_id: str, stamp: Time) -> Image:
    """(H, W, 3) uint8 RGB -> ``rgb8`` image."""
    return _message(rgb, "rgb8", frame_id, stamp)


def depth_message(depth_m: NDArray[np.float32], frame_id: str, stamp: Time, *, millimetres: bool = False) -> Image:
    """(H, W) metres -> ``32FC1``, or ``16UC1`` in millimetres (no reading and beyond 65.5 m become 0)."""
    if not millimetres:
        return _message(np.asarray(depth_m, dtype=np.float32), "32FC1", frame_id, stamp)
    scaled = np.nan_to_num(depth_m * 1000.0, nan=0.0, posinf=0.0, neginf=0.0)
    scaled[(scaled < 0) | (scaled >= 65535)] = 0
    return _message(np.rint(scaled).astype(np.uint16), "16UC1", frame_id, stamp)


def instances_message(instances: NDArray[np.int32], frame_id: str, stamp: Time) -> Image:
    """(H, W) int32 ids -> ``32SC1`` image."""
    return _message(np.asarray(instances, dtype=np.int32), "32SC1", frame_id, stamp)


def jpeg_message(rgb: NDArray[np.uint8], frame_id: str, stamp: Time, quality: int = 90) -> CompressedImage:
    """(H, W, 3) uint8 RGB -> JPEG."""
    done, data = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise BadInputError("color_compressed", f"an image of shape {rgb.shape} cannot be written as JPEG")
    message = CompressedImage(format="jpeg", data=payload(data))
    message.header.frame_id, message.header.stamp = frame_id, stamp
    return message


def payload(pixels: NDArray[np.generic]) -> array.array[int]:
    """Any contiguous array -> ``uint8[]`` field; ``array.frombytes`` is by far the fastest way in."""
    out = array.array("B")
    out.frombytes(np.ascontiguousarray(pixels).reshape(-1).view(np.uint8).data)
    return out


def _message(pixels: NDArray[np.generic], encoding: str, frame_id: str, stamp: Time) -> Image:
    height, width = pixels.shape[:2]
    message = Image(height=height, width=width, encoding=encoding, step=pixels.nbytes // height)
    message.is_bigendian = sys.byteorder == "big"
    message.header.frame_id, message.header.stamp = frame_id, stamp
    message.data = payload(pixels)
    return message
