"""IDF1, switches and duplicates on sequences whose scores are known by hand."""

import pytest

from memory_agent_ros.evaluation.association_scores import score_identities


def test_perfect_identities() -> None:
    score = score_identities([1, 2, 1, 2], [7, 9, 7, 9])
    assert score.idf1 == 1.0
    assert (score.switches, score.identities, score.instances) == (0, 2, 2)


def test_a_lost_identity_costs_its_part_of_the_detections() -> None:
    score = score_identities([1] * 10, [7] * 6 + [8] * 4)
    assert score.idf1 == pytest.approx(0.6)
    assert (score.switches, score.identities, score.instances) == (1, 2, 1)


def test_one_identity_for_two_instances_matches_one_of_them() -> None:
    score = score_identities([1, 1, 1, 2, 2], [7] * 5)
    assert score.matched == 3 and score.idf1 == pytest.approx(0.6)
    assert score.switches == 0


def test_false_positives_and_silence_count() -> None:
    assert score_identities([1, 1, 0, 0], [7, 7, 7, 8]).idf1 == pytest.approx(2 * 2 / (2 + 4))
    assert score_identities([1, 1, 1, 1], [7, 7, 0, 0]).idf1 == pytest.approx(2 * 2 / (4 + 2))
    assert score_identities([0, 0], [0, 0]).idf1 == 1.0


def test_an_identity_of_false_positives_is_no_duplicate() -> None:
    score = score_identities([1, 1, 0, 0, 1], [7, 7, 8, 8, 8])
    assert (score.identities, score.instances) == (1, 1)


def test_the_matching_is_optimal_not_greedy() -> None:
    true = [1] * 5 + [2] * 4
    given = [7, 7, 7, 8, 8, 7, 7, 7, 7]
    assert score_identities(true, given).matched == 6  # 1-8 and 2-7, though 1-7 comes first
