from __future__ import annotations

import numpy as np
import pytest

from memory_agent_ros.evaluation.benches import decision, discover, lifelong, search
from memory_agent_ros.evaluation.exploration.arms import ARMS, LEARNED


def test_search_pairs_its_arms_and_names_its_figures(own_cache) -> None:
    outcome = search.bench("train", range(3), 1, {"curve": False})
    assert tuple(outcome.arms) == ARMS
    for figures in outcome.arms.values():
        assert {"success", "spl", "metres", "success_shifted"} <= figures.keys()
    assert {"gap_closed", "gap", "success", "spl"} <= outcome.figures.keys()
    goals = {arm: [(e["seed"], e["goal"]) for e in outcome.details if e["arm"] == arm] for arm in ARMS}
    assert len({tuple(g) for arm, g in goals.items() if arm != LEARNED}) == 1
    ceiling, floor = outcome.arms["generator_prior"]["spl"].value, outcome.arms["random"]["spl"].value
    assert ceiling > floor
    assert outcome.figures["episodes"].goal is not None and not outcome.figures["episodes"].goal.met(499)


def test_discover_has_an_area_for_every_arm(own_cache) -> None:
    outcome = discover.bench("train", range(3), 1, {})
    assert tuple(outcome.arms) == ARMS
    assert all(0 < f["auc"].value < 1 for arm, f in outcome.arms.items() if arm != LEARNED)
    assert outcome.arms["generator_prior"]["auc"].value > outcome.arms["random"]["auc"].value


def test_lifelong_counts_the_goals_after_the_first(own_cache) -> None:
    results = lifelong.run_chunk("train", range(3), "nearest_frontier", goals=3)
    assert {r.arm for r in results} == {"memory_kept", "memory_reset", "oracle_map"}
    assert {r.policy for r in results} == {"nearest_frontier"} and all(len(r.outcomes) == 3 for r in results)
    kept = [r for r in results if r.arm == "memory_kept"]
    seeds, spl = lifelong._after_first(results, lifelong._KEPT, "spl")
    assert len(spl) == 2 * len(kept) == len(seeds)
    assert np.mean(spl) > 0


def test_a_decision_is_timed_with_enough_to_decide(own_cache, words) -> None:
    pytest.importorskip("torch")
    row = decision.measure("train", 1, decision.small_policy(), words, repeats=1)
    assert row["candidates"] >= 50 and 0 < row["policy_ms"] < row["decision_ms"]
