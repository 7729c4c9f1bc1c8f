"""Questions about looks: balanced, asked of crops, compared with readers that cannot see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from memory_agent_ros.evaluation.vision import pixels
from memory_agent_ros.evaluation.vision.balance import balanced
from memory_agent_ros.evaluation.vision.baselines import ColourHistogramReader, ShuffledLooker
from memory_agent_ros.evaluation.vision.pixels import PixelQuestion, balanced_questions, shuffled
from memory_agent_ros.evaluation.vision.sightings import Sighting, boxes_of, shaken
from memory_agent_ros.reasoning.vision.reader import VisionError, VisionReading

RGB = {
    "red": (210, 30, 30), "green": (40, 160, 60), "blue": (30, 60, 200), "black": (15, 15, 15),
    "white": (240, 240, 240),
}  # fmt: skip
RNG = np.random.default_rng(0)


def crop(colour: str) -> NDArray[np.uint8]:
    noisy = np.array(RGB[colour]) * RNG.uniform(0.7, 1.0) + RNG.normal(0, 12, (24, 24, 3))
    return np.clip(noisy, 0, 255).astype(np.uint8)


def question(colour: str, seed: int = 0, aspect: str = "colour") -> PixelQuestion:
    return PixelQuestion(seed, "mug", aspect, colour, (crop(colour),))


class Eyes:
    """Reads the colour whose value is nearest to the mean of the crops."""

    name, reads_text = "eyes", False

    def read(self, crops: Sequence[NDArray[np.uint8]], question: str, choices: Sequence[str] = ()) -> VisionReading:
        mean = np.mean([c.mean(axis=(0, 1)) for c in crops], axis=0)
        best = min(RGB, key=lambda c: float(np.linalg.norm(0.85 * np.array(RGB[c]) - mean)))
        return VisionReading(best, {best: 0.9}, np.zeros((0, 0)), self.name)


def test_no_answer_is_right_too_often() -> None:
    answers = ["red"] * 60 + ["green"] * 10 + ["blue"] * 9 + ["black"] * 8 + ["white"] * 3
    rows = balanced(answers, 0.25, np.random.default_rng(0))
    kept = Counter(answers[i] for i in rows)
    assert kept["red"] <= 0.25 * len(rows) + 1 and kept["white"] == 3 and len(rows) > 30
    assert rows == sorted(set(rows)) and balanced([], 0.25, np.random.default_rng(0)) == []
    found = [question("red")] * 9 + [question("green")] * 2 + [question("upright", aspect="state") for _ in ()]
    assert {q.aspect for q in balanced_questions(found, np.random.default_rng(0))} == {"colour"}


def test_shuffling_gives_every_question_the_pictures_of_another() -> None:
    asked = [question(c) for c in RGB for _ in range(3)]
    other = shuffled(asked, np.random.default_rng(1))
    assert [q.answer for q in other] == [q.answer for q in asked]
    assert all(a.crops is not b.crops for a, b in zip(asked, other, strict=True))
    assert {id(q.crops) for q in other} == {id(q.crops) for q in asked}


def test_histograms_of_train_crops_tell_plain_colours() -> None:
    train = [Sighting("k", 0, 1, "mug", crop(c), {"colour": c}, 1.0) for c in RGB for _ in range(8)]
    reader = ColourHistogramReader.fit(train)
    found = [reader.read([crop(c)], "What colour is it?", list(RGB)) for c in RGB for _ in range(4)]
    assert np.mean([f.text == c for f, c in zip(found, [c for c in RGB for _ in range(4)], strict=True)]) > 0.8
    assert sum(found[0].probabilities.values()) == pytest.approx(1.0)
    with pytest.raises(VisionError):
        reader.read([crop("red")], "What is written on it?")


def test_the_benchmark_parts_a_reader_from_what_cannot_see(monkeypatch: pytest.MonkeyPatch) -> None:
    def questions(split: str, seed: int, config: object, aspects: Sequence[str]) -> list[PixelQuestion]:
        return [question(c, seed) for c in RGB for _ in range(4)] if "colour" in aspects else []

    monkeypatch.setattr(pixels, "pixel_questions", questions)
    outcome = pixels.pixel_accuracy("val", range(3), reader=Eyes(), arms=("embedded", "shuffled_pictures", "majority"))
    assert outcome.figures["accuracy@colour"].value > 0.9 and outcome.figures["accuracy"].goal is not None
    assert outcome.arms["shuffled_pictures"]["accuracy"].value < 0.5
    assert outcome.arms["majority"]["accuracy"].value == pytest.approx(0.2)
    over = outcome.figures["accuracy_over_shuffled_pictures"]
    assert over.low > 0.2 and over.value == pytest.approx(
        outcome.figures["accuracy"].value - outcome.arms["shuffled_pictures"]["accuracy"].value
    )
    assert len(outcome.details) == 60 and outcome.details[0]["confidence"] == 0.9
    assert "accuracy@material" not in outcome.figures


def test_a_shuffled_looker_never_shows_the_thing_itself() -> None:
    class Looker:
        def look(self, obj: object, aspect: str) -> tuple[str, float]:
            return str(obj.id), 1.0  # type: ignore[attr-defined]

    class Thing:
        def __init__(self, number: int) -> None:
            self.id = number

    things = [Thing(i) for i in range(5)]
    looker = ShuffledLooker(Looker(), things)  # type: ignore[arg-type]
    seen = [looker.look(t, "colour")[0] for t in things]  # type: ignore[arg-type]
    assert sorted(seen) == [str(i) for i in range(5)] and all(s != str(t.id) for s, t in zip(seen, things, strict=True))


def test_boxes_are_of_things_that_are_shown_well() -> None:
    ids = np.zeros((60, 80), np.int32)
    ids[10:30, 20:50] = 2
    ids[40:43, 5:8] = 3
    ids[45:60:8, 40:80:8] = 5
    ids[45, 40] = ids[59, 79] = 5
    found = boxes_of(ids)
    assert list(found) == [2] and found[2].tolist() == [20, 10, 50, 30]
    moved = np.array([shaken(found[2], np.random.default_rng(i)) - found[2] for i in range(200)])
    assert np.abs(moved.mean(axis=0)).max() < 0.6 and moved.std(axis=0)[0] == pytest.approx(1.5, rel=0.3)
