"""The trained projection as an embedder: shapes, files, refusals."""

from pathlib import Path

import numpy as np
import pytest

from memory_agent_ros.perception.embedders.color_histogram import ColorHistogramEmbedder
from memory_agent_ros.perception.embedders.reidentification import (
    ReidentificationEmbedder,
    save_reidentification,
)
from memory_agent_ros.perception.factory import make_image_embedder
from memory_agent_ros.records.errors import BadInputError

BASE = ColorHistogramEmbedder()


def weights(width: int = BASE.dimension) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = {"first.weight": (8, width), "first.bias": (8,), "second.weight": (5, 8), "second.bias": (5,)}
    return {n: rng.standard_normal(s).astype(np.float32) for n, s in {**shapes, "skip.weight": (5, width)}.items()}


def test_vectors_are_of_length_one_and_empty_crops_stay_zero() -> None:
    embedder = ReidentificationEmbedder(BASE, weights())
    crop = np.random.default_rng(1).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    found = embedder.embed_images([crop, np.zeros((0, 4, 3), np.uint8)])
    assert found.shape == (2, embedder.dimension) and found.dtype == np.float32
    assert np.linalg.norm(found[0]) == pytest.approx(1.0) and not found[1].any()


def test_a_file_comes_back_through_the_factory(tmp_path: Path) -> None:
    path = tmp_path / "reid.safetensors"
    save_reidentification(path, weights(), {"base": "color_histogram", "figures": {"map": 0.5}})
    crop = np.random.default_rng(2).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    embedder = make_image_embedder(f"reidentification:{path}")
    assert embedder is not None
    expected = ReidentificationEmbedder(BASE, weights()).embed_images([crop])
    assert np.array_equal(embedder.embed_images([crop]), expected)


def test_files_and_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    save_reidentification(tmp_path / "narrow", weights(7), {"base": "color_histogram"})
    save_reidentification(tmp_path / "bare", weights(), {})
    (tmp_path / "broken").write_bytes(b"no weights")
    for name in ("narrow", "bare", "broken", "missing"):
        with pytest.raises(BadInputError) as caught:
            make_image_embedder(f"reidentification:{tmp_path / name}")
        assert caught.value.reason == "reidentification_weights"
    with pytest.raises(BadInputError):
        ReidentificationEmbedder(BASE, {k: v for k, v in weights().items() if k != "first.bias"})
