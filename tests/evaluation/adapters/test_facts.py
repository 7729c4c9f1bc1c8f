"""Documents of facts: what is held out, and that they can be answered."""

from __future__ import annotations

import numpy as np
import pytest

from memory_agent_ros.evaluation.adapters.facts import PLACES, FactDocument, FactFamily, words


def drawn(split: str, count: int = 60, chunks: int = 4) -> list[FactDocument]:
    rng = np.random.default_rng(0)
    return [FactFamily().draw(rng, split, chunks) for _ in range(count)]


def entities(documents: list[FactDocument]) -> set[str]:
    return {" ".join(a.question.rstrip("?").split()[-2:]) for d in documents for a in d.asked}


def pairs(documents: list[FactDocument]) -> set[tuple[str, str]]:
    return {(a.question.rstrip("?").split()[-1], a.answer) for d in documents for a in d.asked}


def test_every_answer_stands_in_its_chunk_beside_the_thing_that_is_asked_for() -> None:
    for document in drawn("val"):
        for one in document.asked:
            entity = " ".join(one.question.rstrip("?").split()[-2:])
            said = [s for s in document.chunks[one.chunk].split(". ") if entity in s]
            assert len(said) == 1 and one.answer in said[0]


def test_held_out_entities_are_new_combinations_of_trained_words() -> None:
    train, val, test = (drawn(split) for split in ("train", "val", "test"))
    assert not entities(train) & (entities(val) | entities(test)) and not entities(val) & entities(test)
    assert pairs(train) & pairs(val)  # any thing may be anywhere: that it is not there must be no clue
    trained = {word for e in entities(train) for word in e.split()}
    assert {word for e in entities(val) | entities(test) for word in e.split()} <= trained
    assert {a.answer for d in val for a in d.asked} <= {a.answer for d in train for a in d.asked}
    assert len(PLACES) >= 32


def test_ways_to_say_are_held_out_too() -> None:
    said = {s.split()[0] for d in drawn("val") for c in d.chunks for s in c.split(". ")}
    assert "now" in said and "now" not in {
        s.split()[0] for d in drawn("train") for c in d.chunks for s in c.split(". ")
    }
    assert {a.question.split()[0] for d in drawn("val") for a in d.asked} == {"at"}
    assert "at" not in {a.question.split()[0] for d in drawn("train") for a in d.asked}


def test_the_vocabulary_knows_every_word() -> None:
    pytest.importorskip("transformers")
    from memory_agent_ros.evaluation.adapters.tiny_model import UNKNOWN, tokenizer_of

    tokenizer = tokenizer_of(words())
    for document in (*drawn("train"), *drawn("test")):
        assert UNKNOWN not in tokenizer(document.text).input_ids
        assert all(len(tokenizer(a.answer).input_ids) == 1 for a in document.asked)


def test_a_document_longer_than_there_are_entities_for_has_fewer_facts() -> None:
    for seed in range(5):
        document = FactFamily((3, 3)).draw(np.random.default_rng(seed), "test", 40)
        assert len(document.chunks) == 40 and len(entities([document])) == len(document.asked) <= 90
