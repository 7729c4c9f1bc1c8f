"""Families of questions: split by name, no pattern twice, slots that the fillings give."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest

from memory_agent_ros.evaluation.qa.families.catalogue import BY_NAME, FAMILIES, HELD_OUT, SEEN
from memory_agent_ros.evaluation.qa.families.family import CLASSES, Family
from memory_agent_ros.evaluation.qa.families.fillings import FILLINGS
from memory_agent_ros.evaluation.qa.families.in_openeqas_manner import OPENEQA
from memory_agent_ros.evaluation.qa.families.template import (
    Said,
    Slot,
    Thing,
    Where,
    called,
    size,
    slot_names,
    the_room,
    written,
)
from memory_agent_ros.evaluation.training.practice.catalogue import PRACTICE
from memory_agent_ros.reasoning.calls import check_references, parse_call

_ANY_SLOT = re.compile(r"\{(\w+):\w+\}")
_SLOTS: dict[str, Slot] = {
    "x": Thing("mug"),
    "y": Thing("soup can"),
    "n": Thing("harp"),
    "r": Where("kitchen"),
    "q": Where("bedroom 2"),
    "m": Said("two metres", "2"),
    "d": Said("the last hour", "3600"),
}


def test_the_split_is_by_whole_families() -> None:
    assert len(BY_NAME) == len(FAMILIES)
    assert not {f.template for f in SEEN if not f.first[0]} & {f.template for f in HELD_OUT if not f.first[0]}
    for klass in CLASSES:
        assert sum(f.klass == klass for f in SEEN) >= 12
        assert sum(f.klass == klass for f in HELD_OUT) >= 3


def test_practice_holds_no_pattern_that_is_examined() -> None:
    def said(family: Family) -> set[str]:
        plain = {name: Thing("mug") for name in slot_names(family.template)}
        rng = np.random.default_rng(0)
        drawn = (written(_ANY_SLOT.sub(r"{\1}", family.template), plain, rng) for _ in range(20))
        return {re.sub(r"\W+", " ", text.lower()).replace("coffee mug", "mug").strip() for text in drawn}

    practised = {text for f in PRACTICE for text in said(f)}
    examined = {text for f in (*HELD_OUT, *OPENEQA) for text in said(f)}
    assert sorted(practised & examined) == []


def test_no_pattern_twice() -> None:
    texts = Counter((f.first[0], f.template, f.fills) for f in FAMILIES)
    assert [t for t, n in texts.items() if n > 1] == []


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)
def test_every_pattern_is_whole(family: Family) -> None:
    assert family.fills in FILLINGS
    assert slot_names(family.program) <= slot_names(family.template) | slot_names(family.first[0])
    for _ in range(min(8, size(family.template))):
        text = written(family.template, _SLOTS, np.random.default_rng())
        assert not set(text) & set("{}[]|") and "  " not in text
        assert text[0].isupper() and text[-1] in "?.", text
    for program, dialogue in ((family.program, True), (family.first[1], False)):
        if program:
            calls = [parse_call(c) for c in called(program, _SLOTS)]
            check_references(calls, dialogue and bool(family.first[0]))
            assert calls[-1].is_answer and not any(c.is_answer for c in calls[:-1])
    steps = len(called(family.program, _SLOTS))
    assert steps <= 30 and (family.klass != "multi_hop" or 3 <= steps <= 6)


def test_slots_take_the_form_that_the_sentence_needs() -> None:
    rng = np.random.default_rng(0)
    slots: dict[str, Slot] = {"x": Thing("oil can"), "r": Where("kitchen"), "q": Where("room 3")}
    assert written("{x:a} {r:in}, {x:s} {q:in}", slots, rng) == "An oil can in the kitchen, oil cans in room 3"
    assert the_room("Anna's room") == "Anna's room"
    said = {written("{x:s}", {"x": Thing("soup can")}, np.random.default_rng(k)) for k in range(60)}
    assert said == {"Soup cans", "Tins of soup", "Cans of soup"}
    assert called("find({x}, in={r}); answer(where, $1)", slots) == ["find(oil can, in=kitchen)", "answer(where, $1)"]
