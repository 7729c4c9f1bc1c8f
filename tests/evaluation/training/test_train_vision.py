"""The projector learns to make a frozen language model answer, from features and answers alone."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from memory_agent_ros.evaluation.training.train_vision import VisionTraining, _word_vectors, card, fit
from memory_agent_ros.evaluation.training.vision_data import LooksExamples, _read, _write, with_recoloured
from memory_agent_ros.evaluation.vision.recolouring import random_matrix
from memory_agent_ros.evaluation.vision.sightings import Sighting
from memory_agent_ros.reasoning.vision.aspects import QUESTIONS
from memory_agent_ros.reasoning.vision.features import COLOUR_SIZE, CropFeatures
from memory_agent_ros.reasoning.vision.likelihood import AnswerLikelihood
from memory_agent_ros.reasoning.vision.projector import load_projector, save_projector
from memory_agent_ros.records.looks import COLOUR, LOOKS, MATERIAL, STATE
from tests.reasoning.language import tiny


def examples(count: int, seed: int) -> LooksExamples:
    """Colour is one number of the colours, material one of the image; nothing tells the state."""
    rng = np.random.default_rng(seed)
    colour, material = rng.integers(0, 4, count), rng.integers(0, 3, count)
    image = 0.3 * rng.standard_normal((count, 9, 8)).astype(np.float32)
    tints = 0.05 * rng.standard_normal((count, 9, COLOUR_SIZE)).astype(np.float32)
    image[np.arange(count), :, material] += 2.0
    tints[np.arange(count), :, colour] += 1.0
    features = CropFeatures(image, tints, np.zeros((count, 3), np.float32))
    answers = {COLOUR: colour, MATERIAL: material, STATE: np.full(count, -1)}
    return LooksExamples(features, {a: v.astype(np.intp) for a, v in answers.items()}, np.arange(count))


def test_vectors_become_words_and_the_frozen_model_then_learns_to_use_them() -> None:
    judge = AnswerLikelihood(tiny.model().requires_grad_(False), tiny.tokenizer())
    known, fresh = examples(300, 0), examples(60, 1)
    sizes = VisionTraining(align_steps=40, align_batch=32, align_rate=3e-3, batch=8, rate=2e-3)
    aligned, _ = fit(dataclasses.replace(sizes, steps=0), known, judge)
    trained, steps = fit(dataclasses.replace(sizes, steps=20), known, judge)
    assert steps == 20
    for number, aspect in enumerate((COLOUR, MATERIAL)):
        truth = torch.from_numpy(fresh.answers[aspect])
        words = _word_vectors(judge, LOOKS[aspect])
        with torch.inference_mode():
            near = aligned.summaries(fresh.features)[:, number] @ words.T
            losses = [
                torch.nn.functional.cross_entropy(
                    judge.log_likelihood(QUESTIONS[aspect], p.of(fresh.features), LOOKS[aspect]), truth
                ).item()
                for p in (aligned, trained)
            ]
        assert (near.argmax(dim=1) == truth).float().mean() > 0.8, aspect
        assert losses[1] < losses[0] - 0.2, (aspect, losses)


def test_examples_and_weights_come_back_from_their_files(tmp_path: Path) -> None:
    made = examples(5, 2)
    _write(tmp_path / "x.npz", made, 5)
    again = _read(tmp_path / "x.npz")
    assert np.allclose(again.features.image, made.features.image, atol=2e-3)
    assert (again.answers[COLOUR] == made.answers[COLOUR]).all() and again.asked(STATE).size == 0
    judge = AnswerLikelihood(tiny.model().requires_grad_(False), tiny.tokenizer())
    projector, _ = fit(VisionTraining(steps=0, align_steps=1), made, judge)
    path = tmp_path / "vision.safetensors"
    about = {"training": '{"seed": 0, "minutes": 1, "apartments": 2, "align_steps": 1, "batch": 4}', "steps": "0",
             "figures": '{"val_colour": 0.5}', "seconds": "3", "commit": "abc", "crops": "5"}  # fmt: skip
    save_projector(projector, path, about)
    page = card(*load_projector(path))
    assert "| val_colour | 0.500 |" in page and "memory-agent train vision --seed 0" in page and "abc" in page


def test_recoloured_crops_have_the_colour_that_the_simulator_says() -> None:
    pytest.importorskip("mujoco")
    green = np.full((12, 12, 3), (40, 150, 60), np.uint8)
    found = [Sighting("red_coffee_mug/3", 0, 1, "mug", green, {COLOUR: "green"}, 1.0)]
    made = LooksExamples(
        CropFeatures(*(np.ones((1, *size), np.float32) for size in ((9, 8), (9, COLOUR_SIZE), (3,)))),
        {COLOUR: np.array([6]), MATERIAL: np.array([2]), STATE: np.array([-1])}, np.arange(1),
    )  # fmt: skip
    more = with_recoloured(made, found, 8, np.random.default_rng(3))
    assert len(more.features) > 4 and (more.owners == 0).all() and (more.answers[MATERIAL][1:] == -1).all()
    assert len({LOOKS[COLOUR][i] for i in more.answers[COLOUR].tolist()}) > 2
    gray = random_matrix(np.random.default_rng(4)) @ np.ones(3)
    assert gray.min() > 0 and gray.max() / gray.min() < 1.6
