"""Recall by pooled codes: what shows the same surface from the same side comes first, with and without weights."""

from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from memory_agent_ros.memory.encoder import Encoder
from memory_agent_ros.memory.tokens import Tokens, keyframe_tokens, view_tokens
from memory_agent_ros.memory.views.patch_features import patch_features
from memory_agent_ros.memory.views.view_scores import fixed_code, view_keys, view_scores
from memory_agent_ros.records.camera import Camera

CAMERA = Camera(160, 120, np.array([[140.0, 0, 79.5], [0, 140.0, 59.5], [0, 0, 1]]))


def looking(x: float, y: float, yaw_deg: float) -> np.ndarray:
    T = np.eye(4)
    body = Rotation.from_euler("z", yaw_deg, degrees=True).as_matrix()
    T[:3, :3] = body @ np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]])
    T[:3, 3] = [x, y, 1.0]
    return T


def wall(T: np.ndarray, distance: float, shade: int = 90) -> Tokens:
    """Picture of a wall square to the camera."""
    rgb = np.full((120, 160, 3), shade, np.uint8)
    return keyframe_tokens(patch_features(rgb, np.full((120, 160), distance, np.float32), CAMERA), T)


def pictures() -> list[Tokens]:
    return [
        wall(looking(0.0, 0.0, 0.0), 3.0),  # the wall at x = 3
        wall(looking(6.2, 0.0, 180.0), 3.1),  # the other side of it, nearly the same points
        wall(looking(0.0, 0.0, 180.0), 3.0),  # behind, at x = -3
        wall(looking(0.0, 6.0, 0.0), 3.0),  # the wall at x = 3, six metres to the left
    ]


def network() -> Any:
    torch = pytest.importorskip("torch")
    from memory_agent_ros.memory.encoder_network import EncoderConfig, EncoderNetwork

    torch.manual_seed(0)
    return Encoder(EncoderNetwork(EncoderConfig(dim=32, layers=1)))


@pytest.mark.parametrize("learned", [False, True])
def test_the_same_surface_from_the_same_side_comes_first(learned: bool) -> None:
    encoder = network() if learned else None
    scores = view_scores(encoder, wall(looking(0.4, 0.3, 8.0), 2.6), pictures())
    assert scores.argmax() == 0
    assert scores[0] - scores[1:].max() > 0.1


def test_a_pose_alone_recalls_what_it_looks_at() -> None:
    scores = view_scores(None, view_tokens(CAMERA, looking(0.2, 0.0, 5.0)), pictures())
    assert scores.argmax() == 0


@pytest.mark.parametrize("learned", [False, True])
def test_keys_are_kept_and_give_the_same(learned: bool) -> None:
    encoder = network() if learned else None
    query, stored = wall(looking(0.0, 0.5, 10.0), 3.0), pictures()
    kept = view_keys(encoder, stored)
    np.testing.assert_allclose(view_scores(encoder, query, kept), view_scores(encoder, query, stored), atol=1e-5)
    assert len(view_keys(encoder, [])) == 0


def test_colours_part_what_geometry_cannot() -> None:
    T = looking(0.0, 0.0, 0.0)
    codes = fixed_code([wall(T, 3.0, 200), wall(T, 3.0, 30), wall(T, 3.0, 190)], np.zeros(3))
    products = codes @ codes[2]
    assert products[0] > products[1]
