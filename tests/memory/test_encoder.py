"""Tokens and the encoder: independent of the embedder and of the map's frame, kept by a file."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from memory_agent_ros.memory.encoder import Encoder
from memory_agent_ros.memory.tokens import (
    APPEARANCE,
    DETECTION,
    FEATURES,
    LABEL,
    OBJECT,
    PATCH,
    detection_tokens,
    join,
    keyframe_tokens,
    object_tokens,
    view_tokens,
)
from memory_agent_ros.memory.views.patch_features import PATCHES, patch_features
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.map_object import MapObject, ObjectState
from memory_agent_ros.records.observation import Observation

CAMERA = Camera(160, 120, np.array([[140.0, 0, 79.5], [0, 140.0, 59.5], [0, 0, 1]]))


def pose(seed: int) -> np.ndarray:
    T = np.eye(4)
    T[:3, :3] = Rotation.random(random_state=seed).as_matrix()
    T[:3, 3] = np.random.default_rng(seed).uniform(-5, 5, 3)
    return T


def picture(seed: int) -> Any:
    rng = np.random.default_rng(seed)
    depth = rng.uniform(1.0, 4.0, (12, 16)).repeat(10, 0).repeat(10, 1).astype(np.float32)
    return patch_features(rng.integers(0, 255, (120, 160, 3), dtype=np.uint8), depth, CAMERA)


def thing(center: tuple[float, float, float], embedding: np.ndarray | None, label: str = "mug") -> MapObject:
    box = OrientedBox(np.array(center), np.array([0.1, 0.2, 0.3]), 0.4)
    return MapObject(
        1, label, {label: 0.8, "cup": 0.2}, ObjectState.PRESENT, 0.9, True, box.center, 1e-4 * np.eye(3), box,
        np.zeros((0, 3), np.float32), embedding, 7, 0, 10, 10,
    )  # fmt: skip


def sight(center: tuple[float, float, float], embedding: np.ndarray | None) -> Observation:
    box = OrientedBox(np.array(center), np.array([0.1, 0.2, 0.3]), 0.0)
    return Observation(
        5, "mug", 0.7, {}, np.zeros((4, 3), np.float32), box.center, 1e-4 * np.eye(3), box,
        np.zeros(4, np.float32), 300, False, embedding, 2.0,
    )  # fmt: skip


def unit(size: int, seed: int) -> np.ndarray:
    v = np.random.default_rng(seed).standard_normal(size)
    return (v / np.linalg.norm(v)).astype(np.float32)


@pytest.mark.parametrize("size", [48, 1280])
def test_cosines_survive_the_projection_of_any_embedder(size: int) -> None:
    a, b = unit(size, 0), unit(size, 1)
    near = a + 0.3 * b
    near /= np.linalg.norm(near)
    f = object_tokens([thing((1, 0, 0), e) for e in (a, near, b)], np.eye(4)).features[:, :APPEARANCE]
    cosines = f @ f.T / np.outer(*[np.linalg.norm(f, axis=1)] * 2)
    assert cosines[0, 1] > 0.85 and abs(cosines[0, 2]) < 0.6


def test_labels_of_any_vocabulary_have_vectors_of_their_own() -> None:
    objects = [thing((1, 0, 0), None, label) for label in ("mug", "mug", "zither", "quern")]
    f = object_tokens(objects, np.eye(4)).features[:, APPEARANCE : APPEARANCE + LABEL]
    assert np.array_equal(f[0], f[1])
    cosines = f @ f.T / np.outer(*[np.linalg.norm(f, axis=1)] * 2)
    assert cosines[0, 2] < 0.8 and cosines[2, 3] < 0.8


def test_detections_and_objects_share_an_origin_when_joined() -> None:
    T = pose(1)
    centers = [tuple(T[:3, 3] + T[:3, :3] @ p) for p in ([0.2, 0.1, 2.0], [-0.5, 0.0, 3.0])]
    seen = detection_tokens([sight(centers[0], unit(48, 0))], T, 0.01 * np.eye(6))
    known = object_tokens([thing(c, unit(48, 0)) for c in centers], T, 10**9)
    both = join(seen, known)
    assert both.kind.tolist() == [DETECTION, OBJECT, OBJECT] and both.features.shape == (3, FEATURES)
    np.testing.assert_allclose(both.points[0], both.points[1], atol=1e-6)
    rays = both.rotation[:, :, 2]
    reach = np.linalg.norm(both.points, axis=1, keepdims=True)
    np.testing.assert_allclose(rays, both.points / reach, atol=1e-5)


def test_features_do_not_change_with_the_map_frame() -> None:
    G, T = pose(3), pose(4)
    G[:3, :3] = Rotation.from_euler("z", 0.7).as_matrix()
    patches = picture(0)
    here, there = keyframe_tokens(patches, T), keyframe_tokens(patches, G @ T)
    np.testing.assert_allclose(here.features, there.features, atol=1e-5)
    np.testing.assert_allclose(here.points @ G[:3, :3].T, there.points, atol=1e-4)
    np.testing.assert_allclose(G[:3, :3] @ here.rotation, there.rotation, atol=1e-5)


def test_a_view_without_a_picture_has_geometry_only() -> None:
    tokens = view_tokens(CAMERA, pose(2))
    assert (tokens.kind == PATCH).all() and len(tokens) == PATCHES
    np.testing.assert_allclose(np.linalg.norm(tokens.points, axis=1), 3.0, rtol=1e-5)
    assert not tokens.features[:, APPEARANCE + LABEL : APPEARANCE + LABEL + 8].any()


def test_no_things_give_no_tokens() -> None:
    assert len(object_tokens([], np.eye(4))) == 0
    assert len(join(detection_tokens([], np.eye(4)), object_tokens([], np.eye(4)))) == 0


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    torch = pytest.importorskip("torch")
    from memory_agent_ros.memory.encoder_network import EncoderConfig, EncoderNetwork

    torch.manual_seed(0)
    return Encoder(EncoderNetwork(EncoderConfig(dim=32, layers=2)), {"seed": "0"})


def test_encoding_is_relative_and_each_set_is_its_own(encoder: Encoder) -> None:
    T, patches = pose(5), picture(1)
    moved = T.copy()
    moved[:3, 3] += [3.0, -40.0, 1.0]
    a, b = encoder.encode([keyframe_tokens(patches, T), keyframe_tokens(patches, moved)])
    np.testing.assert_allclose(a, b, atol=1e-4)
    alone = encoder.encode([object_tokens([thing((1, 0, 0), None)], T)])[0]
    beside = encoder.encode([keyframe_tokens(patches, T), object_tokens([thing((1, 0, 0), None)], T)])[1]
    np.testing.assert_allclose(alone, beside, atol=1e-5)
    turned = T.copy()
    turned[:3, 3] = 0
    far = dataclasses.replace(keyframe_tokens(patches, T), points=3 * keyframe_tokens(patches, T).points)
    assert np.abs(encoder.encode([far])[0] - a).max() > 1e-3, "geometry must matter"


def test_view_scores_do_not_depend_on_the_origin(encoder: Encoder) -> None:
    views = [keyframe_tokens(picture(i), pose(i)) for i in range(3)]
    origins = np.zeros(3), np.array([20.0, -7.0, 1.0])
    products = [encoder.view_queries(views, o) @ encoder.view_keys(views, o).T for o in origins]
    np.testing.assert_allclose(products[0], products[1], atol=1e-3)


def test_weights_and_other_heads_come_back(encoder: Encoder, tmp_path: Path) -> None:
    import torch

    encoder.others["association.w"] = torch.arange(3.0)
    path = tmp_path / "weights" / "e.safetensors"
    encoder.save(path)
    back = Encoder.load(path)
    tokens = [keyframe_tokens(picture(7), pose(7))]
    np.testing.assert_array_equal(back.encode(tokens)[0], encoder.encode(tokens)[0])
    assert back.others["association.w"].tolist() == [0.0, 1.0, 2.0] and back.about["seed"] == "0"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(BadInputError):
        Encoder.load(path)


def test_the_shipped_size_is_about_a_million(encoder: Encoder) -> None:
    from memory_agent_ros.memory.encoder_network import EncoderConfig, EncoderNetwork

    assert 0.8e6 < sum(p.numel() for p in EncoderNetwork(EncoderConfig()).parameters()) < 1.2e6
