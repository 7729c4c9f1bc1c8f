"""The arms of the EMPO2 comparison differ in what they are named after; trials keep tips and nothing else."""

from dataclasses import asdict

import numpy as np
import pytest

pytest.importorskip("torch")

from memory_agent_ros.evaluation.exploration import empo2_runs as runs
from memory_agent_ros.evaluation.training.explorer_courses import ExplorerTraining, make_policy
from memory_agent_ros.exploration.empo2 import Empo2Config
from memory_agent_ros.exploration.tips import TipMemory

FULL = Empo2Config(novelty=0.01, off_policy=0.4, tips_on_policy=0.2)


def test_arms_differ_in_what_they_are_named_after():
    changed = {
        arm: {k for k, v in asdict(runs.settings(arm, FULL)).items() if v != asdict(FULL)[k]} for arm in runs.CHANGES
    }
    modes = {"off_policy", "tips_on_policy"}
    assert changed == {
        "grpo": {"novelty", *modes},
        "grpo_novelty": modes,
        "no_off_policy": modes,
        "no_tips_on_policy": modes,
        "no_distillation": {"distillation"},
        "full": set(),
    }
    assert set(runs.TRAINED_AS) == set(runs.ARMS)
    for arm in ("no_off_policy", "no_tips_on_policy"):
        other = runs.settings(arm, FULL)
        assert other.off_policy + other.tips_on_policy == pytest.approx(0.6)
        assert 0.0 in (other.off_policy, other.tips_on_policy)


def test_without_tips_trials_are_draws_and_with_own_tips_the_first_is_the_same(search):
    policy = make_policy(ExplorerTraining(text_vectors=False))
    tried = {tips: runs.trials(search, policy, tips, 1.0, 3, count=2) for tips in runs.TIPS}
    assert all(t.shape == (len(search.tasks), 2) for t in tried.values())
    for tips in ("own", "shuffled"):
        np.testing.assert_array_equal(tried[tips][:, 0], tried["none"][:, 0])


def test_each_search_reads_its_own_tips_only(search, monkeypatch):
    stores = []

    class Spied(TipMemory):
        def __init__(self):
            super().__init__()
            stores.append(self)

    monkeypatch.setattr(runs, "TipMemory", Spied)
    runs.trials(search, make_policy(ExplorerTraining(text_vectors=False)), "own", 1.0, 0, count=2)
    assert len(stores) == len(search.tasks)
    for number, store in enumerate(stores):
        (domain,) = store.domains()
        assert {t.source.world for t in store.tips(domain)} == {f"{search.name}/{number}"}


def test_a_run_is_made_once(monkeypatch, own_cache):
    made = []

    def run(arm, seed, comparison):
        made.append((arm, seed))
        return {"arm": arm}

    monkeypatch.setattr(runs, "run", run)
    first = runs.Comparison(split="val", seeds=(1, 2))
    assert runs.cached_run("full", 0, first) == runs.cached_run("full", 0, first) == {"arm": "full"}
    runs.cached_run("full", 0, runs.Comparison(split="val", seeds=(1, 3)))
    runs.cached_run("full", 1, first)
    assert made == [("full", 0), ("full", 0), ("full", 1)]


@pytest.mark.slow
def test_a_run_from_training_to_figures(own_cache):
    training = ExplorerTraining(Empo2Config(decisions=600, tasks=4), apartments=4, discover=0.0, text_vectors=False)
    made = runs.run("full", 0, runs.Comparison(training, "train", (0, 1, 2, 3), goals=2, trial_goals=1))
    assert len(made["off"]["success"]) == len(made["on"]["spl"]) == len(made["apartments"])
    assert np.shape(made["trials"]["own"])[1] == runs.TRIALS
    assert runs.table({0: made}, "off", "success").shape[0] == 1
