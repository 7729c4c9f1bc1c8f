"""Pictures that were found by fuzzing to end a reader, or that a few bytes make very large."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest

from memory_agent_ros.perception import image_decoding
from memory_agent_ros.perception.packed_images import picture_size, unpack_picture
from memory_agent_ros.records.errors import BadInputError

PICTURE = np.zeros((30, 40, 3), np.uint8)
PACKED = {form: cv2.imencode(form, PICTURE)[1] for form in (".png", ".jpg")}


@pytest.mark.parametrize("form", PACKED)
def test_the_header_tells_the_size(form):
    assert picture_size(PACKED[form].tobytes()) == (40, 30)
    image = unpack_picture(PACKED[form], cv2.IMREAD_COLOR)
    assert image is not None
    assert image.shape == PICTURE.shape


def test_what_is_neither_jpeg_nor_png_has_none():
    bitmap = cv2.imencode(".bmp", PICTURE)[1]
    for data in (b"", b"\x89PNG", b"\xff\xd8\xff", b"\xff\xd8" + b"\xff" * 50, bitmap.tobytes()):
        assert picture_size(data) is None
    assert unpack_picture(bitmap, cv2.IMREAD_COLOR) is None


def test_a_small_file_of_a_huge_picture_is_not_unpacked():
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 19_000, 19_000, 16, 0, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )
    with pytest.raises(BadInputError):
        image_decoding.decode_compressed_depth(bomb, "16UC1; compressedDepth png")
    with pytest.raises(BadInputError):
        image_decoding.decode_compressed_color(bomb)


@pytest.mark.parametrize(
    ("encoding", "height", "width"),
    [("rgb8", 10, 0), ("rgb8", 0, 10), ("yuv422", 4, 3), ("rgb8", 2**31, 1), ("rgb8", 60_000, 60_000)],
)
def test_sizes_that_an_encoding_cannot_have_are_refused(encoding, height, width):
    with pytest.raises(BadInputError) as refusal:
        image_decoding.decode_color(bytes(1000), height, width, encoding)
    assert refusal.value.reason == "image_size"
