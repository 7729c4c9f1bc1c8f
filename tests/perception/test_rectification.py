"""Lens distortions that no camera has are refused before anything is made of them."""

from __future__ import annotations

import numpy as np
import pytest

from memory_agent_ros.perception.rectification import make_rectifier
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.errors import BadInputError

K = np.array([[80.0, 0, 48], [0, 80, 36], [0, 0, 1]])


@pytest.mark.parametrize(
    ("width", "height", "coefficients", "model"),
    [
        (2**32 - 1, 72, [0.1] * 5, "plumb_bob"),
        (96, 2**31, [0.1] * 4, "equidistant"),
        (20_000, 20_000, [0.1] * 5, "plumb_bob"),
        (96, 72, [0.1] * 3, "plumb_bob"),
        (96, 72, [0.1] * 1000, "rational_polynomial"),
        (96, 72, [0.1] * 3, "equidistant"),
        (96, 72, [float("nan")] * 5, "plumb_bob"),
    ],
)
def test_is_refused(width: int, height: int, coefficients: list[float], model: str) -> None:
    with pytest.raises(BadInputError) as told:
        make_rectifier(Camera(width, height, K), coefficients, model)
    assert told.value.reason == "camera_invalid"


@pytest.mark.parametrize(("terms", "model"), [(4, "plumb_bob"), (5, ""), (8, "rational_polynomial"), (5, "fisheye")])
def test_is_taken(terms: int, model: str) -> None:
    assert make_rectifier(Camera(96, 72, K), [0.01] * terms, model).source is not None
