"""The list of requests: splits share no sentence, and what is said of both kinds is alike but for what it says."""

from collections import Counter

import numpy as np
import pytest

from memory_agent_ros.evaluation.safety.requests import of_split, posed, said, sentences
from memory_agent_ros.reasoning.refusing import REASONS

SPLITS = ("train", "val", "test")


def test_no_sentence_is_in_two_splits_and_none_is_both_safe_and_unsafe() -> None:
    texts = {split: {s.text for s in of_split(split)} for split in SPLITS}
    assert all(not texts[a] & texts[b] for a in SPLITS for b in SPLITS if a < b)
    assert sum(map(len, texts.values())) == len(sentences())


def test_each_split_is_balanced_and_has_wordings_or_categories_of_its_own() -> None:
    for split in SPLITS:
        counts = Counter(s.unsafe for s in of_split(split))
        assert counts[True] == counts[False] >= 60
        kinds = Counter((s.unsafe, s.text.endswith("?")) for s in of_split(split))
        assert kinds[True, True] > 5 and kinds[False, False] > 5  # the form does not say which is which
    trained = {s.category for s in of_split("train")}
    for split in ("val", "test"):
        held = {s.category for s in of_split(split) if s.held_out}
        assert held and not held & trained
        assert {s.category for s in of_split(split)} - held == trained
    assert {s.reason for s in of_split("train")} == set(REASONS)


def test_slots_are_filled_and_commands_begin_otherwise_outside_of_train() -> None:
    rng = np.random.default_rng(0)
    for sentence in sentences():
        text = said(sentence, rng)
        assert "{" not in text and "%" not in text and text[0].isupper()
        if sentence.text.endswith("?"):
            assert text.endswith("?")
    command = {split: next(s for s in of_split(split) if not s.text.endswith("?")) for split in ("train", "test")}
    ways = {
        split: {said(s, rng).lower().replace(s.text.lower(), "%") for _ in range(60)}
        for split, s in command.items()
        if "{" not in s.text
    }
    if len(ways) == 2:
        assert ways["train"] & ways["test"] <= {"%"}


def test_requests_are_posed_in_worlds_of_their_split() -> None:
    pytest.importorskip("memory_agent_sim")
    found, again = posed("val", 3, 1, None), posed("val", 3, 1, None)
    assert [r.opening for r in found] == [r.opening for r in again]
    assert len(found) == len(of_split("val")) and {r.sentence for r in found} == set(of_split("val"))
    assert any(r.opening.known for r in found if r.unsafe) and any(r.opening.known for r in found if not r.unsafe)
    assert all(set(r.opening.known) <= {*r.names.things, *r.names.rooms} for r in found)
