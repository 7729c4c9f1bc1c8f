"""The embedded reader, with a random image network and a tiny language model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from memory_agent_ros.reasoning.vision.embedded import WEIGHTS, EmbeddedVisionReader
from memory_agent_ros.reasoning.vision.features import CELLS, COLOUR_SIZE, colour_cells, crop_features
from memory_agent_ros.reasoning.vision.likelihood import AnswerLikelihood
from memory_agent_ros.reasoning.vision.projector import Projector, ProjectorConfig, load_projector, save_projector
from memory_agent_ros.reasoning.vision.reader import VisionError, combined
from memory_agent_ros.records.errors import BadInputError
from tests.reasoning.language import tiny

SIZES = ProjectorConfig(image=8, words=32, hidden=16, reduced=4)
COLOURS = ["red", "green", "kitchen red"]


class Means:
    """An image network: mean colours of 7 x 7 cells."""

    dimension = 8

    def feature_maps(self, crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        maps = np.zeros((len(crops), 7, 7, 8), np.float32)
        for row, crop in enumerate(crops):
            ys, xs = (np.linspace(0, n - 1, 7).astype(int) for n in crop.shape[:2])
            maps[row, ..., :3] = crop[ys][:, xs] / 255.0
        return maps


def projector() -> Projector:
    torch.manual_seed(0)
    return Projector(SIZES).eval()


def reader() -> EmbeddedVisionReader:
    return EmbeddedVisionReader(Means(), projector(), AnswerLikelihood(tiny.model(), tiny.tokenizer()))


def crop(rgb: tuple[int, int, int], height: int = 30, width: int = 20) -> NDArray[np.uint8]:
    return np.full((height, width, 3), rgb, np.uint8)


def test_crops_are_read_one_by_one_and_put_together() -> None:
    pictures = [crop((220, 20, 20)), crop((20, 200, 30), 12, 50)]
    found = reader().read(pictures, "What colour is it?", COLOURS)
    assert set(found.probabilities) == set(COLOURS) and sum(found.probabilities.values()) == pytest.approx(1.0)
    assert found.confidence == max(found.probabilities.values()) and found.per_crop.shape == (2, 3)
    alone = [reader().read([p], "What colour is it?", COLOURS).per_crop for p in pictures]
    assert np.allclose(np.vstack(alone), found.per_crop, atol=1e-5)
    assert np.allclose(list(found.probabilities.values()), combined(found.per_crop))
    assert not np.allclose(found.per_crop[0], found.per_crop[1], atol=1e-6)


def test_it_chooses_and_does_not_write() -> None:
    assert not reader().reads_text
    with pytest.raises(VisionError, match="external vision model"):
        reader().read([crop((1, 2, 3))], "What is written on it?")
    with pytest.raises(BadInputError):
        reader().read([], "What colour is it?", COLOURS)


def test_weights_come_back_in_half_precision(tmp_path: Path) -> None:
    path, made = tmp_path / "vision.safetensors", projector()
    made.scale.fill_(0.125)
    save_projector(made, path, {"commit": "abc"})
    again, about = load_projector(path)
    assert about["commit"] == "abc" and again.config == SIZES and float(again.scale) == 0.125
    features = crop_features(Means(), [crop((220, 20, 20))])
    assert torch.allclose(made.of(features), again.of(features), atol=2e-3)
    assert made.of(features).shape == (1, SIZES.tokens, 32)
    path.write_bytes(b"nothing")
    for bad in (path, tmp_path / "absent"):
        with pytest.raises(BadInputError) as caught:
            load_projector(bad)
        assert caught.value.reason == "projector_unreadable"


def test_colours_are_described_cell_by_cell() -> None:
    picture = np.zeros((30, 60, 3), np.uint8)
    picture[:10], picture[10:20], picture[20:] = (200, 20, 20), (128, 128, 128), (20, 30, 220)
    cells = colour_cells(picture).reshape(CELLS, CELLS, COLOUR_SIZE)
    assert np.allclose(cells[:, 0], cells[:, 2], atol=1e-5)
    histogram = cells[:, 1, 6:]
    assert np.allclose(histogram.sum(axis=1), 1.0, atol=1e-5)
    assert histogram[1, :6].sum() == pytest.approx(1.0, abs=1e-4) and histogram[[0, 2], :6].sum() < 0.01
    assert np.abs(histogram[0] - histogram[2]).sum() == pytest.approx(2.0, abs=0.05)
    assert colour_cells(np.zeros((1, 2, 3), np.uint8)).shape == (9, COLOUR_SIZE)


def test_the_shipped_projector_fits_the_embedded_networks_and_is_small() -> None:
    shipped, about = load_projector(WEIGHTS)
    assert (shipped.config.image, shipped.config.words) == (1280, 576) and WEIGHTS.stat().st_size < 25e6
    assert WEIGHTS.with_suffix(".md").exists() and "commit" in about and 0.01 < float(shipped.scale) < 1.0
