"""Where an answer lives, what follows from it, and what becomes of the answer."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import pytest

from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.reasoning.calibration import FEATURES, HEADS, Calibration, Uncalibrated, features, shipped_file
from memory_agent_ros.reasoning.language.model import Reading
from memory_agent_ros.reasoning.names import names_of
from memory_agent_ros.reasoning.reasoner import Reasoner
from memory_agent_ros.reasoning.self_knowledge import (
    Deed,
    Reason,
    SelfKnowledge,
    SelfKnowledgeConfig,
    Where,
    shipped_self_knowledge,
)
from memory_agent_ros.reasoning.signals import Signals, signals_of, words_of
from memory_agent_ros.records.answer import Answer, AnswerState
from memory_agent_ros.records.errors import BadInputError
from tests.reasoning.room import SECOND, Room
from tests.reasoning.scripted import Scripted

World = tuple[SpatialMemory, Room]
HOUR_NS = 3600 * 10**9
PLAIN = {
    "memory": 0.9, "thought": 1.0, "guessed": 0.0, "calls": -0.1, "mass": 1.0, "match": 1.0, "nothing": 0.0,
    "empty": 0.0, "looked": 1.0, "gone": 0.0, "things": 1.0, "age_h": 1.0, "steps": 1.0, "stopped": 0.0,
}  # fmt: skip


def by_word(least: float = 0.5, weight: float = -8.0) -> Calibration:
    """Knows nothing but that strange words speak against an answer."""
    weights = [0.0] * len(FEATURES) + [2.0]
    weights[FEATURES.index("strange")] = weight
    words = frozenset(words_of("where is the how many are there of in what who"))
    return Calibration(dict.fromkeys(HEADS, tuple(weights)), words, least)


class Worldly(Scripted):
    """Has read a lot."""

    def read(self, facts, question, choices=()):
        assert not facts
        return Reading("Paris", {})


def test_what_is_seen_now_is_in_view_and_what_was_seen_in_store(after: World) -> None:
    memory, room = after
    now = Reasoner(memory).answer("how many mugs are there?", room.stamp_ns)
    later = Reasoner(memory).answer("how many mugs are there?", room.stamp_ns + HOUR_NS)
    assert now.details["knowledge"]["where"] == Where.IN_VIEW
    assert later.details["knowledge"]["where"] == Where.IN_STORE
    assert later.details["signals"]["values"]["age_h"] == pytest.approx(1.0, abs=0.1)
    assert later.details["knowledge"]["deed"] == Deed.ANSWER
    oldest, latest = now.details["last_seen_ns"]
    for since, place in ((SECOND, Where.IN_VIEW), (max(latest - oldest, 3 * SECOND), Where.IN_STORE)):
        then = Reasoner(memory).answer("how many mugs are there?", oldest + since)
        assert then.details["knowledge"]["where"] == place, "all that it rests on has to be in sight"


def test_what_was_never_seen_is_nowhere_and_to_be_looked_for(after: World) -> None:
    memory, room = after
    answer = Reasoner(memory).answer("where is the piano?", room.stamp_ns)
    assert answer.details["knowledge"] | {"confidence": 0, "known": 0} == {
        "where": "nowhere", "deed": "look", "confidence": 0, "known": 0, "look_for": "piano", "reason": "never_seen",
    }  # fmt: skip
    assert answer.details["look_for"] == "piano"
    json.dumps(answer.to_dict())


def test_a_doubtful_answer_is_not_told(after: World) -> None:
    memory, room = after
    script = ("find(mug)", "answer(where, $1)")
    asked = "who of your colleagues bought the mug last Christmas?"
    told = Reasoner(memory, model=Scripted(*script), think="always").answer(asked, room.stamp_ns)
    knowing = SelfKnowledge(by_word())
    kept = Reasoner(memory, model=Scripted(*script), think="always", knowing=knowing).answer(asked, room.stamp_ns)
    fine = Reasoner(memory, model=Scripted(*script), think="always", knowing=knowing).answer(
        "where is the mug?", room.stamp_ns
    )
    assert told.state is AnswerState.SEEN and fine.state is AnswerState.SEEN and fine.value == told.value
    assert kept.state is AnswerState.UNKNOWN and kept.value is None and not kept.calls
    assert kept.details["knowledge"]["reason"] == Reason.DOUBTFUL and kept.details["knowledge"]["deed"] == Deed.ABSTAIN
    assert kept.details["withheld"]["value"] == told.value
    assert kept.confidence > 0.9, "it is sure that nobody can know that"


def test_looking_does_not_tell_who_bought_it() -> None:
    answer = Answer("Never seen.", AnswerState.UNKNOWN, 1.0)
    knowing = SelfKnowledge(by_word())
    plain = Signals(PLAIN, ("where", "is", "the", "piano"), unknown=True)
    bought = Signals(PLAIN, ("who", "bought", "the", "piano"), unknown=True)
    assert knowing.knowledge(answer, plain, "piano").deed is Deed.LOOK
    assert knowing.knowledge(answer, bought, "piano").deed is Deed.ABSTAIN
    assert knowing.knowledge(answer, plain, "").deed is Deed.ABSTAIN, "the memory holds all that is named"


def test_an_adapter_is_asked_where_the_store_knows_nothing_and_only_if_relevant() -> None:
    unknown = Answer("Never seen.", AnswerState.UNKNOWN, 1.0)
    seen = Answer("On the table.", AnswerState.SEEN, 0.9)
    knowing = SelfKnowledge(config=SelfKnowledgeConfig(adapter_relevance=0.6))
    nothing, told = Signals(PLAIN, unknown=True), Signals(PLAIN)
    assert knowing.knowledge(unknown, nothing, adapter_relevance=0.7).where is Where.IN_ADAPTER
    assert knowing.knowledge(unknown, nothing, adapter_relevance=0.5).where is Where.NOWHERE
    assert knowing.knowledge(unknown, nothing).where is Where.NOWHERE
    assert knowing.knowledge(seen, told, adapter_relevance=0.9).where is Where.IN_STORE, "evidence comes first"


def test_the_model_answers_of_itself_only_where_that_is_allowed(after: World) -> None:
    memory, room = after
    asked, script = "what is the capital of France?", ("find(nothing)", "answer(describe, $1)")
    silent = Reasoner(memory, model=Worldly(*script), think="always").answer(asked, room.stamp_ns)
    knowing = shipped_self_knowledge(with_model=True, general_knowledge=True)
    worldly = Reasoner(memory, model=Worldly(*script), think="always", knowing=knowing).answer(asked, room.stamp_ns)
    assert "Paris" not in silent.text and silent.details["knowledge"]["where"] == Where.NOWHERE
    assert worldly.text == "Not from my memory: Paris" and worldly.details["from_memory"] is False
    assert worldly.state is AnswerState.UNKNOWN and worldly.details["knowledge"]["where"] == Where.IN_WEIGHTS
    script = ("find(nothing)", "answer(where, $1)")
    piano = Reasoner(memory, model=Worldly(*script), think="always", knowing=knowing)
    assert "Paris" not in piano.answer("where is the piano?", room.stamp_ns).text


def test_nothing_is_concluded_beyond_what_was_fitted() -> None:
    weights, place = [0.0] * (len(FEATURES) + 1), FEATURES.index("age")
    weights[place] = -4.0
    bounds = [(-10.0, 10.0)] * len(FEATURES)
    bounds[place] = (0.0, 1.0)
    free = Calibration(dict.fromkeys(HEADS, tuple(weights)), frozenset(), 0.0)
    bound = dataclasses.replace(free, seen=tuple(bounds))
    day, decade = (Signals({**PLAIN, "age_h": hours}) for hours in (24.0, 87_600.0))
    assert free.right(decade) < 0.5 * free.right(day)
    oldest = math.expm1(4.0)
    assert bound.right(decade) == pytest.approx(free.right(Signals({**PLAIN, "age_h": oldest})))
    assert bound.right(day) == free.right(day)


def test_least_confidence_tells_less() -> None:
    answer, seen = Answer("On the table.", AnswerState.SEEN, 0.9), Signals({**PLAIN, "memory": 0.4})
    assert SelfKnowledge().knowledge(answer, seen).deed is Deed.ANSWER
    careful = SelfKnowledge(config=SelfKnowledgeConfig(least_confidence=0.5))
    assert careful.knowledge(answer, seen).deed is Deed.ABSTAIN


def test_signals_say_how_a_name_stands_in_the_question(after: World) -> None:
    memory, room = after
    names = names_of(memory)

    def seen(question: str, *calls: str) -> Signals:
        answer = Answer("", AnswerState.SEEN, 0.8, calls=calls, details={"now_ns": room.stamp_ns})
        return signals_of(question, answer, "think", memory, names)

    calls = ("find(mug)", "answer(where, $1)")
    whole, other = seen("where are the mugs?", *calls), seen("where is the cup?", *calls)
    assert whole.values["match"] == 1.0 > other.values["match"]
    assert "mug" not in whole.words and "cup" in other.words
    assert seen("who?", "find(nothing)", "answer(where, $1)").values["nothing"] == 1.0
    assert seen("who?", "find(nothing)", "answer(where, $1)").values["match"] == 1.0, "there was no name"
    assert Signals.from_dict(json.loads(json.dumps(whole.to_dict()))) == dataclasses.replace(
        whole, values={k: round(v, 4) for k, v in whole.values.items()}
    )


def test_a_place_that_nobody_looked_at_shows(after: World) -> None:
    memory, _ = after
    names = names_of(memory)
    answer = Answer("None.", AnswerState.SEEN, 0.9, value=[], details={"places": [[80.0, 80.0, 1.0, 0.5]]})
    seen = signals_of("what is there?", answer, "no_think", memory, names)
    assert seen.values["looked"] == 0.0 and seen.values["empty"] == 1.0
    assert features(seen, ())[FEATURES.index("not_looked")] == 1.0
    blind = signals_of("what is there?", answer, "no_think", object(), names)
    assert blind.values["looked"] == 1.0, "a memory that cannot tell is not held against the answer"


def test_strange_words_need_a_vocabulary() -> None:
    seen = Signals(PLAIN, ("who", "zyx"))
    at = FEATURES.index("strange")
    assert features(seen, {"who"})[at] > 0.0 == features(seen, {"who", "zyx"})[at] == features(seen, ())[at]


def test_a_calibration_is_read_as_it_was_written(tmp_path: Path) -> None:
    path, calibration, seen = tmp_path / "c.json", by_word(), Signals(PLAIN, ("who", "zyx"))
    calibration.save(path)
    again = Calibration.load(path)
    assert again.known(seen) == pytest.approx(calibration.known(seen)) and again.vocabulary == calibration.vocabulary
    assert again.strange(seen) == ("zyx",)
    path.write_text(json.dumps({**json.loads(path.read_text()), "features": ["other"]}))
    with pytest.raises(BadInputError, match="another version"):
        Calibration.load(path)
    with pytest.raises(BadInputError):
        Calibration.load(tmp_path / "nothing.json")


def test_without_a_calibration_all_is_told_as_sure_as_memory_and_model_are() -> None:
    plain = Uncalibrated()
    seen = Signals({**PLAIN, "memory": 0.8, "calls": 0.0, "mass": 0.5})
    assert plain.right(seen) == pytest.approx(0.4) and plain.known(seen) == 1.0


def test_the_calibration_that_is_shipped_can_be_read() -> None:
    if not shipped_file().is_file():
        pytest.skip("none is shipped")
    calibration = Calibration.load(shipped_file())
    sure, strange = Signals(PLAIN), Signals({**PLAIN, "memory": 0.2, "match": 0.4}, ("zyx", "zyy", "zyz", "zya"))
    assert calibration.known(sure) > calibration.known(strange)
    assert calibration.right(sure) > calibration.right(strange)
