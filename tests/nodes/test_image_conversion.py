from __future__ import annotations

import struct

import cv2
import numpy as np
import pytest
from builtin_interfaces.msg import Time
from sensor_msgs.msg import CompressedImage, Image

from memory_agent_ros.nodes.image_conversion import (
    color_from_message,
    color_message,
    depth_from_message,
    depth_message,
    instances_from_message,
    instances_message,
    jpeg_message,
)
from memory_agent_ros.records.errors import BadInputError

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 255, (6, 8, 3), dtype=np.uint8)
DEPTH = RNG.uniform(0.3, 5.0, (6, 8)).astype(np.float32)


def image(pixels, encoding, *, pad=0, big_endian=False):
    rows = pixels.reshape(pixels.shape[0], -1).view(np.uint8)
    padded = np.pad(rows, [(0, 0), (0, pad)])
    return Image(
        height=pixels.shape[0],
        width=pixels.shape[1],
        encoding=encoding,
        step=padded.shape[1],
        is_bigendian=big_endian,
        data=padded.tobytes(),
    )


@pytest.mark.parametrize(
    ("encoding", "pixels"),
    [
        ("rgb8", RGB),
        ("bgr8", RGB[..., ::-1]),
        ("rgba8", np.dstack([RGB, RGB[..., :1]])),
        ("bgra8", np.dstack([RGB[..., ::-1], RGB[..., :1]])),
    ],
)
@pytest.mark.parametrize("pad", [0, 5])
def test_colour_encodings(encoding, pixels, pad):
    message = image(np.ascontiguousarray(pixels), encoding, pad=pad)
    np.testing.assert_array_equal(color_from_message(message), RGB)


def test_grey_is_spread_over_the_channels():
    out = color_from_message(image(np.ascontiguousarray(RGB[..., 0]), "mono8"))
    np.testing.assert_array_equal(out, np.repeat(RGB[..., :1], 3, axis=2))


@pytest.mark.parametrize("pad", [0, 4])
def test_depth_in_metres_and_millimetres(pad):
    np.testing.assert_array_equal(depth_from_message(image(DEPTH, "32FC1", pad=pad)), DEPTH)
    millimetres = np.rint(DEPTH * 1000).astype(np.uint16)
    np.testing.assert_allclose(depth_from_message(image(millimetres, "16UC1", pad=pad)), DEPTH, atol=6e-4)
    swapped = millimetres.astype(">u2")
    np.testing.assert_allclose(depth_from_message(image(swapped, "16UC1", big_endian=True)), DEPTH, atol=6e-4)


def test_round_trips():
    stamp = Time(sec=5)
    np.testing.assert_array_equal(color_from_message(color_message(RGB, "camera", stamp)), RGB)
    np.testing.assert_array_equal(depth_from_message(depth_message(DEPTH, "camera", stamp)), DEPTH)
    broken = DEPTH.copy()
    broken[0, :3] = np.nan, np.inf, 90.0
    read = depth_from_message(depth_message(broken, "camera", stamp, millimetres=True))
    np.testing.assert_array_equal(read[0, :3], 0.0)
    np.testing.assert_allclose(read[1:], DEPTH[1:], atol=6e-4)
    ids = RNG.integers(-5, 100000, (6, 8), dtype=np.int32)
    np.testing.assert_array_equal(instances_from_message(instances_message(ids, "camera", stamp)), ids)


def test_jpeg_and_png():
    flat = np.full((32, 32, 3), (200, 30, 60), dtype=np.uint8)
    assert np.abs(color_from_message(jpeg_message(flat, "camera", Time())).astype(int) - flat).max() <= 4
    png = cv2.imencode(".png", RGB[..., ::-1])[1].tobytes()
    np.testing.assert_array_equal(color_from_message(CompressedImage(format="png", data=png)), RGB)


def test_compressed_depth_with_its_header():
    millimetres = np.rint(DEPTH * 1000).astype(np.uint16)
    png = cv2.imencode(".png", millimetres)[1].tobytes()
    header = struct.pack("<iff", 0, 0.0, 0.0)
    message = CompressedImage(format="16UC1; compressedDepth png", data=header + png)
    np.testing.assert_allclose(depth_from_message(message), DEPTH, atol=6e-4)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (Image(height=6, width=8, encoding="rgb8", step=24, data=b"short"), "image_size"),
        (Image(height=6, width=8, encoding="hsv", step=24, data=RGB.tobytes()), "color_encoding"),
        (CompressedImage(format="jpeg", data=b"nonsense"), "color_compressed"),
    ],
)
def test_bad_colour_is_refused(message, reason):
    with pytest.raises(BadInputError) as refusal:
        color_from_message(message)
    assert refusal.value.reason == reason


def test_bad_depth_and_instances_are_refused():
    with pytest.raises(BadInputError) as refusal:
        depth_from_message(image(RGB, "rgb8"))
    assert refusal.value.reason == "depth_encoding"
    with pytest.raises(BadInputError) as refusal:
        instances_from_message(image(RGB, "rgb8"))
    assert refusal.value.reason == "instances_encoding"
