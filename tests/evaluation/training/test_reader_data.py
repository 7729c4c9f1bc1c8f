"""What the reader learns from: every way to ask can be asked, none of the benchmark's held-out ways is among them."""

import difflib
import itertools
import re

import numpy as np
import pytest

pytest.importorskip("memory_agent_sim")

from memory_agent_ros.evaluation.qa.families.catalogue import HELD_OUT, SEEN
from memory_agent_ros.evaluation.qa.families.fillings import FILLINGS
from memory_agent_ros.evaluation.qa.families.template import slot_names
from memory_agent_ros.evaluation.qa.random_worlds import draw_world
from memory_agent_ros.evaluation.qa.sample import calls_of, draw_sample, sample_of
from memory_agent_ros.evaluation.training.practice.catalogue import PRACTICE
from memory_agent_ros.evaluation.training.practice.rewording import reworded
from memory_agent_ros.evaluation.training.reader_examples import dialogue_of, practised
from memory_agent_ros.evaluation.training.reader_exercises import UNKNOWN, exercises
from memory_agent_ros.reasoning.known import known_names
from memory_agent_ros.reasoning.names import names_of


def sentences(template: str) -> list[list[str]]:
    """Words of the sentences that a template can give, up to 64 of them."""
    parts = re.split(r"\[([^\[\]]*)\]", template)
    options = [part.split("|") if number % 2 else [part] for number, part in enumerate(parts)]
    drawn = itertools.islice(itertools.product(*options), 64)
    return [re.sub(r"[^a-z{}:]+", " ", "".join(choice).lower()).split() for choice in drawn]


def test_nothing_held_out_is_practised() -> None:
    trained, left_out = practised()
    assert len(left_out) > 12 and not set(trained) & set(left_out) and {*trained, *left_out} == set(SEEN)
    held = [(family.klass, words) for family in HELD_OUT for words in sentences(family.template)]
    for family in PRACTICE:
        for words in sentences(family.template):
            near = [other for klass, other in held if klass == family.klass and _alike(words, other)]
            assert not near, (family.name, words, near)


def _alike(one: list[str], other: list[str]) -> bool:
    matcher = difflib.SequenceMatcher(None, one, other, autojunk=False)
    return matcher.real_quick_ratio() >= 0.7 and matcher.ratio() >= 0.7


def test_ways_to_ask_are_whole() -> None:
    assert len({f.name for f in (*PRACTICE, *SEEN, *HELD_OUT)}) == len(PRACTICE) + len(SEEN) + len(HELD_OUT)
    for family in PRACTICE:
        assert family.fills in FILLINGS and family.template.count("[") == family.template.count("]")


def test_practice_can_be_asked_of_a_world() -> None:
    rng, world = np.random.default_rng(3), draw_world(np.random.default_rng(3))
    some = PRACTICE[::3]
    asked = [f for f in some if any(sample_of(rng, world, f) is not None for _ in range(3))]
    assert len(asked) > 0.6 * len(some)
    for family in asked:
        assert slot_names(family.program) <= slot_names(family.template) | slot_names(family.first[0]) | {"x", "d", "m"}
    assert calls_of("rooms(); count($1); answer(number, $2)", {})[-1].is_answer


def test_a_question_meets_the_names_that_the_memory_would_bring() -> None:
    rng, world = np.random.default_rng(5), draw_world(np.random.default_rng(5))
    names = names_of(world)
    found = [dialogue_of(draw_sample(rng, world, SEEN), names, None) for _ in range(30)]
    for one in found:
        if one.opening.earlier is None:
            assert one.opening.known == known_names(one.opening.question, names)
        assert len(one.results) == len(one.calls) - 1 and one.calls[-1].is_answer


def test_questions_keep_their_words_when_said_otherwise() -> None:
    rng = np.random.default_rng(0)
    said = [reworded("Where is the red mug?", rng) for _ in range(300)]
    assert len(set(said)) > 40 and all(" is the red mug" in s for s in said)
    assert np.mean(["here is the red mug" in s for s in said]) > 0.85


def test_answers_can_be_read_off_the_facts() -> None:
    rng, world = np.random.default_rng(4), draw_world(np.random.default_rng(4))
    found = list(exercises(rng, world, 150))
    assert len(found) == 150 and len({e.kind for e in found}) >= 10
    assert 0.02 < np.mean([e.answer == UNKNOWN for e in found]) < 0.3
    for one in found:
        assert one.answer in one.choices and len(set(one.choices)) == len(one.choices)
        if one.kind in ("holder", "on", "height", "from") or (
            one.kind == "room" and one.answer not in ("gone", UNKNOWN)
        ):
            assert any(one.answer in fact for fact in one.facts), one
        if one.answer == "gone":
            assert any("is gone" in fact for fact in one.facts)


def test_questions_of_the_same_facts_do_not_get_in_each_others_way() -> None:
    rng, world = np.random.default_rng(4), draw_world(np.random.default_rng(4))
    found = list(exercises(rng, world, 30, together=3))
    assert all(len(e.more) == 2 for e in found)
    for one in found:
        for question, answer in ((one.question, one.answer), *one.more):
            if question.startswith(("What is on the", "Which thing is on the", "What lies on the")):
                holder = question.partition(" on the ")[2].rstrip("?")
                assert [f for f in one.facts if f"on the {holder} " in f and answer not in f] == []
