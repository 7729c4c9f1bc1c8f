"""The projector learns to make a frozen language model answer, from features and answers alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from memory_agent_ros.evaluation.training.train_vision import VisionTraining, card, fit
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


def test_a_frozen_model_learns_to_answer_from_new_crops() -> None:
    judge = AnswerLikelihood(tiny.model().requires_grad_(False), tiny.tokenizer())
    training = VisionTraining(
        steps=60, align_steps=60, batch=16, align_batch=32, minutes=5.0, rate=3e-3, align_rate=3e-3
    )
    projector, steps = fit(training, examples(300, 0), judge)
    assert steps == 60
    fresh = examples(60, 1)
    with torch.inference_mode():
        for aspect, chance in ((COLOUR, 0.25), (MATERIAL, 0.33)):
            told = judge.log_likelihood(QUESTIONS[aspect], projector.of(fresh.features), LOOKS[aspect])
            right = float((told.argmax(dim=1).numpy() == fresh.answers[aspect]).mean())
            assert right > chance + 0.4, (aspect, right)


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
        CropFeatures(np.ones((1, 9, 8), np.float32), np.zeros((1, 9, COLOUR_SIZE), np.float32), np.ones((1, 3), np.float32)),
        {COLOUR: np.array([6]), MATERIAL: np.array([2]), STATE: np.array([-1])}, np.arange(1),
    )  # fmt: skip
    more = with_recoloured(made, found, 8, np.random.default_rng(3))
    assert len(more.features) > 4 and (more.owners == 0).all() and (more.answers[MATERIAL][1:] == -1).all()
    assert len({LOOKS[COLOUR][i] for i in more.answers[COLOUR].tolist()}) > 2
    gray = random_matrix(np.random.default_rng(4)) @ np.ones(3)
    assert gray.min() > 0 and gray.max() / gray.min() < 1.6
