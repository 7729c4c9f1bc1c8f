"""Ranks to one ranking, and words that texts share."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from memory_agent_ros.reasoning.retrieval.fusion import K, fused
from memory_agent_ros.reasoning.retrieval.word_index import WordIndex


def test_agreement_outweighs_a_single_first_place():
    assert next(iter(fused([["a", "b", "c"], ["d", "b", "a"], ["e", "b", "f"]]))) == "b"


@given(st.lists(st.lists(st.integers(0, 9), unique=True, max_size=8), max_size=4))
def test_scores_are_sums_of_reciprocal_ranks_best_first(rankings):
    scores = fused(rankings)
    for item, score in scores.items():
        assert np.isclose(score, sum(1 / (K + 1 + r.index(item)) for r in rankings if item in r))
    assert list(scores.values()) == sorted(scores.values(), reverse=True)
    assert set(scores) == {i for r in rankings for i in r}


def test_rare_words_count_more_and_texts_without_shared_words_are_left_out():
    index = WordIndex(["red mug kitchen", "blue mug kitchen", "lamp office", "mug"])
    assert index.ranked("where are the red mugs?")[0] == 0
    assert set(index.ranked("mugs")) == {0, 1, 3} and index.ranked("mugs")[0] == 3
    assert index.ranked("piano") == [] and WordIndex([]).ranked("mug") == []


def test_scores_are_those_of_the_formula():
    index = WordIndex(["mug mug", "lamp"])
    rarity = np.log(1 + (2 - 1 + 0.5) / (1 + 0.5))
    expected = rarity * 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * 2 / 1.5))
    assert np.allclose(index.scores("mug"), [expected, 0.0])
