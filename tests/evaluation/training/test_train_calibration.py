"""The fit of self-knowledge: it finds what tells, and keeps its promise where it can."""

from __future__ import annotations

import numpy as np
import pytest

from memory_agent_ros.evaluation.training import train_calibration
from memory_agent_ros.evaluation.training.calibration_data import Row
from memory_agent_ros.evaluation.training.train_calibration import CalibrationTraining, fit, least_known, vocabulary
from memory_agent_ros.reasoning.calibration import Calibration
from memory_agent_ros.reasoning.signals import Signals

VALUES = {
    "memory": 0.9, "thought": 1.0, "guessed": 0.0, "calls": 0.0, "mass": 1.0, "match": 1.0, "nothing": 0.0,
    "empty": 0.0, "looked": 1.0, "gone": 0.0, "things": 1.0, "age_h": 1.0, "steps": 1.0, "stopped": 0.0,
}  # fmt: skip


def made_up(rng: np.random.Generator, apartments: int = 4, each: int = 40) -> list[Row]:
    """Answers are right as often as the cube of what the memory says; of every fourth question nobody can know, and it
    holds a strange word.
    """
    rows = []
    for seed in range(apartments):
        for n in range(each):
            knowable, memory = n % 4 != 0, float(rng.uniform(0.3, 0.99))
            words = ("where", "is", "the") if knowable else ("zyx", "is", "the")
            abstained = not knowable and n % 8 == 0
            good = abstained or (knowable and rng.random() < memory**3)
            seen = Signals({**VALUES, "memory": memory, "nothing": float(abstained)}, words, unknown=abstained)
            rows.append(Row(seed, "full", "locate_01", " ".join(words), seen, bool(good), abstained, knowable))
    return rows


def test_the_fit_calibrates_and_keeps_the_promise() -> None:
    rows = made_up(np.random.default_rng(3))
    calibration, told = fit(rows)
    before, after = (told["full"][when].figures() for when in ("before", "after"))
    assert before["ece"] > 0.15 and after["ece"] < 0.09
    assert before["abstain_unanswerable"] == 0.5
    assert after["abstain_unanswerable"] >= 0.9 and after["abstain_answerable"] <= 0.05
    assert after["aurc"] < before["aurc"]
    seen = rows[1].signals
    assert seen is not None and calibration.right(Signals({**VALUES, "memory": 0.98}, seen.words)) > 0.7


def test_a_promise_that_cannot_be_kept_does_not_silence_everything() -> None:
    rng = np.random.default_rng(0)
    known, unknown = rng.random(200), np.zeros(200, dtype=bool)
    knowable = rng.random(200) < 0.8
    least = least_known(known, unknown, knowable)
    assert 0.0 < (known[knowable] < least).mean() <= 0.05
    assert least_known(known, ~knowable, knowable) == 0.0, "nothing more need be kept back"
    caught = ~knowable & (known < 0.5)
    assert least_known(np.where(caught, 0.0, 0.9), caught, knowable) == 0.0, "a threshold that catches no more is none"
    mute = rng.random(200) < 0.3
    more = (mute | (known < least_known(known, mute, knowable)))[knowable].mean() - mute[knowable].mean()
    assert 0.0 < more <= 0.02, "tools are silent about too much already"


def test_words_are_of_families_with_answers_that_may_be_trained_on() -> None:
    words = vocabulary()
    assert {"where", "how", "many", "moved"} <= words
    assert not {"cost", "weigh", "guest", "favourite", "n", "x"} & words
    assert vocabulary("locate_01") <= words


def test_the_command_writes_what_is_read(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = made_up(np.random.default_rng(1))
    monkeypatch.setattr(
        train_calibration, "spread", lambda work, calls, *_, **__: [[r for r in rows if r.seed == c[1]] for c in calls]
    )
    out = tmp_path / "calibration.json"
    figures = train_calibration.train_calibration(CalibrationTraining(apartments=3), out)
    calibration = Calibration.load(out)
    assert calibration.card["rows"] == {"full": 120} and figures["full/after/ece"] < figures["full/before/ece"]
    card = out.with_suffix(".md").read_text()
    assert "train calibration --apartments 3" in card and "| full | ece |" in card
    assert out.with_suffix(".png").stat().st_size > 10_000
