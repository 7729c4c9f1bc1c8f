"""The reader's benchmark counts whole questions and facts, whatever the model."""

from collections.abc import Sequence

import pytest

pytest.importorskip("torch")
pytest.importorskip("memory_agent_sim")

from memory_agent_ros.evaluation.benches.reader import bench
from memory_agent_ros.evaluation.training.reader_examples import Dialogue, practised
from memory_agent_ros.evaluation.training.reader_exercises import Exercise
from memory_agent_ros.evaluation.training.reader_figures import drawn_dialogues, drawn_exercises
from memory_agent_ros.reasoning.calls import call
from memory_agent_ros.reasoning.language.model import Emission, EntityNames, Reading
from memory_agent_ros.reasoning.transcript import Transcript


class Knows:
    """Writes the right calls and answers, apart from the first call of every other question."""

    name = "knows"

    def __init__(self, dialogues: Sequence[Dialogue], asked: Sequence[Exercise]) -> None:
        self._calls = {(d.opening.question, d.opening.known): (n, d.calls) for n, d in enumerate(dialogues)}
        self._answers = {(e.facts, e.question): e.answer for e in asked}

    def next_call(self, transcript: Transcript, names: EntityNames) -> Emission:
        number, calls = self._calls[transcript.question, transcript.known]
        wrong = number % 2 and not transcript.turns
        return Emission(call("rooms") if wrong else calls[len(transcript.turns)], 0.0)

    def read(self, facts: Sequence[str], question: str, choices: Sequence[str] = ()) -> Reading:
        return Reading(self._answers[tuple(facts), question] if choices else "no idea", {})


def test_whole_questions_and_facts_are_counted() -> None:
    seen, out = practised()
    dialogues = [d for families in (seen, out) for d in drawn_dialogues(families, 6, None, 3, "train")]
    model = Knows(dialogues, drawn_exercises(6, 3, "train"))
    found = bench("train", range(3, 4), 1, {"models": {"reader": model, "base": model}, "meaning": None})
    for figures in (found.figures, found.arms["base"]):
        assert figures["calls_seen"].value == figures["calls_left_out"].value == pytest.approx(0.5)
        assert figures["reading"].value == 1.0 and figures["reading_free"].value == 0.0
        assert 0 <= figures["question_p50_s"].value < 1
    assert len(found.details) == 2 * 6 and all(d["got"] == "rooms()" for d in found.details)
