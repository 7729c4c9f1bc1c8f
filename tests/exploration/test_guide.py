"""The rule that a learned policy starts from: what matches is declared, else gone to, else it explores."""

from dataclasses import replace

import numpy as np
import pytest

from memory_agent_ros.exploration.features import INDEX, SHAPE
from memory_agent_ros.exploration.guide import GUIDES, information_gain
from memory_agent_ros.exploration.policies.frontiers import InformationGain
from memory_agent_ros.exploration.situation import Situations


def situation(*candidates):
    """One situation: ``stop``, then candidates as features by name."""
    rows = ({"is_stop": 1.0}, *candidates)
    features = np.zeros((1, len(rows), SHAPE.candidate), np.float32)
    for i, row in enumerate(rows):
        for name, value in row.items():
            features[0, i, INDEX[name]] = value
    return Situations(
        np.zeros((1, SHAPE.goal), np.float32),
        np.zeros((1, 0, SHAPE.context), np.float32),
        np.zeros((1, 0), bool),
        features,
        np.ones((1, len(rows)), bool),
        np.zeros((1, SHAPE.key), np.float32),
        np.zeros(1, np.int64),
    )


def frontier(path, gain):
    return {"is_frontier": 1.0, "path": path / 10.0, "gain": gain / 10.0}


def match(path, presence=1.0):
    return {"is_viewpoint": 1.0, "path": path / 10.0, "match": 1.0, "presence": presence}


def test_it_explores_as_the_policy_it_is_named_after():
    rng = np.random.default_rng(3)
    for _ in range(20):
        one = situation(*(frontier(p, g) for p, g in zip(rng.uniform(1, 4, 4), rng.uniform(1, 5, 4), strict=True)))
        assert np.argmax(information_gain(one)) == np.argmax(InformationGain().logits(one))


def test_what_matches_is_gone_to_and_the_nearest_first():
    scores = information_gain(situation(frontier(1.0, 9.0), match(12.0), match(11.0)))[0]
    assert list(np.argsort(-scores)[:2]) == [3, 2] and scores[3] > scores[2] + 10.0


def test_no_learned_score_keeps_it_from_a_match():
    scores = information_gain(situation(frontier(0.5, 20.0), match(12.0)))[0]
    assert scores[2] > scores[1] + 30.0


def test_what_is_believed_gone_is_not_gone_to():
    scores = information_gain(situation(frontier(1.0, 2.0), match(1.0, presence=0.2)))[0]
    assert np.argmax(scores) == 1


def test_a_match_in_reach_is_declared():
    one = situation(frontier(1.0, 9.0), match(1.0))
    features = one.candidates.copy()
    features[0, 0, [INDEX["match"], INDEX["presence"]]] = 1.0
    assert np.argmax(information_gain(replace(one, candidates=features))) == 0


def test_it_gives_up_last_of_all():
    scores = information_gain(situation({"is_viewpoint": 1.0, "path": 1.2}))[0]
    assert np.argmax(scores) == 1


@pytest.mark.parametrize("name", sorted(GUIDES))
def test_every_guide_gives_finite_scores(name):
    scores = GUIDES[name](situation(frontier(3.0, 0.0), match(30.0)))
    assert scores.shape == (1, 3) and np.isfinite(scores).all()
