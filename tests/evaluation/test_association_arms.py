"""The arms of the benchmark name identities as they stand at the end."""

import numpy as np

from memory_agent_ros.evaluation.association_arms import Level, OracleArm, run_arms
from memory_agent_ros.evaluation.association_worlds import WORDS
from memory_agent_ros.evaluation.benches.association import CROSS, GRID, UNSEEN, _gap, _share
from memory_agent_ros.evaluation.walks.replay import Step


class Script:
    """Says what it was told to; identity 9 turns out to be 1."""

    def __init__(self, said: list[list[int]]) -> None:
        self._said = iter(said)

    def step(self, step: Step) -> list[int]:
        return next(self._said)

    def final(self, identity: int) -> int:
        return 1 if identity == 9 else identity


def steps(true: list[list[int]]) -> list[Step]:
    return [Step(n, None, np.eye(4), [None] * len(t), t) for n, t in enumerate(true)]  # type: ignore[arg-type, list-item]


def test_final_identities_are_scored() -> None:
    true = [[5, 6], [5, 6], [5, 6, 0]]
    scores = run_arms({"a": Script([[1, 2], [9, 2], [1, 2, 0]]), "oracle": OracleArm()}, steps(true))
    assert scores["a"].idf1 == 1.0 and scores["a"].switches == 0
    assert scores["oracle"].idf1 == 1.0


def test_the_oracle_names_nothing_it_saw_too_rarely() -> None:
    score = run_arms({"oracle": OracleArm()}, steps([[5], [5, 6], [5]]))["oracle"]
    assert (score.matched, score.true, score.claimed) == (3, 4, 3)


def test_levels_have_the_names_of_the_figures() -> None:
    assert Level(0.1, 3.0, 0.2).name == "p10r3m20"
    assert {level.name for level in UNSEEN} == {"unseen"}
    assert len({level.name for level in GRID}) == 12
    assert {level.name for level in CROSS} <= {level.name for level in GRID}


def test_the_share_of_the_gap_is_against_the_better_rule() -> None:
    rows = np.array([[0.5, 0.7, 0.85, 1.0], [0.7, 0.5, 0.75, 1.0]])
    assert abs(_gap(rows) - 0.4) < 1e-12 and abs(_share(rows) - 0.5) < 1e-12


def test_few_words_put_look_alikes_together() -> None:
    assert WORDS["wine bottle"] == WORDS["ketchup bottle"] == "bottle"
    assert "sofa" not in WORDS
