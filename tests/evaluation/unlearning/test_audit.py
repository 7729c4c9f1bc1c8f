"""The audit tells a masked network from a retrained one. Descriptors are drawn, not rendered."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from memory_agent_ros.evaluation import statistics
from memory_agent_ros.evaluation.benches import unlearn as bench_unlearn
from memory_agent_ros.evaluation.unlearning.arms import Trials, run_seed
from memory_agent_ros.evaluation.unlearning.audit import Audit, AuditSettings, Evidence, audit, findings
from memory_agent_ros.evaluation.unlearning.examples import Pool, Task, deal
from memory_agent_ros.perception.recognition.network import RecognitionTraining, examples_of, train
from memory_agent_ros.perception.recognition.unlearning import Unlearning, mask_class
from memory_agent_ros.records.errors import BadInputError

KINDS, WIDTH = 8, 40
TASK = Task(classes=8, least=40, most=60, copies=1)
SHORT = RecognitionTraining(steps=150, batch=48, rate=8e-3, hidden=24, width=6)

FEW = AuditSettings(relearn_most=10)


@pytest.fixture(scope="module")
def pool() -> Pool:
    """Kinds that lie two and two, so that one is no more than a shade of the other unless it is learnt."""
    rng = np.random.default_rng(1)
    labels = np.repeat(np.arange(KINDS), 60)
    pairs = 1.5 * rng.standard_normal((KINDS // 2, WIDTH))
    means = pairs[np.arange(KINDS) // 2] + 0.35 * rng.standard_normal((KINDS, WIDTH))
    vectors = means[labels] + 0.7 * rng.standard_normal((len(labels), WIDTH))
    return Pool(examples_of([vectors.astype(np.float32)], labels), tuple("abcdefgh"))


def test_crops_are_dealt_anew_for_each_seed_and_never_to_both_sides(pool: Pool) -> None:
    trained, unseen, names = deal(pool, TASK, 3)
    assert len(names) == 8 and set(trained.labels.tolist()) == set(range(8)) == set(unseen.labels.tolist())
    mine = {tuple(v) for v in trained.vectors[0].tolist()}
    assert not mine & {tuple(v) for v in unseen.vectors[0].tolist()}
    row = int(torch.nonzero((pool.examples.vectors[0] == trained.vectors[0, 0]).all(dim=1))[0])
    assert pool.kinds[int(pool.examples.labels[row])] == names[int(trained.labels[0])]
    assert deal(pool, TASK, 4)[2] != names
    assert torch.equal(deal(pool, TASK, 3)[0].vectors, trained.vectors)


def test_the_audit_fails_a_network_that_is_only_masked(pool: Pool) -> None:
    trained, unseen, _ = deal(pool, TASK, 0)
    original = train(trained, 8, SHORT)
    evidence = Evidence(trained, unseen, 0)
    anew = [mask_class(train(trained.without(0), 8, replace(SHORT, seed=s)), 0) for s in range(1, 5)]
    references = [audit(n, evidence, anew[-1], FEW) for n in anew[:3]]
    masked = audit(mask_class(original, 0), evidence, anew[-1], FEW)
    assert masked.forget_accuracy == 0.0 and masked.retain_accuracy > 0.8
    told = " ".join(findings(masked, references))
    assert "probe_recovery" in told
    assert not findings(audit(anew[3], evidence, anew[0], FEW), references)
    assert audit(original, evidence, anew[-1], FEW).forget_accuracy > 0.7


def test_only_the_side_of_knowing_counts_against_a_network() -> None:
    usual = Audit(0.0, 0.9, 0.5, 0.4, 0.5, 0.5, 20.0, 0.1)
    near = [usual, replace(usual, probe_recovery=0.52, relearn_steps=22.0), replace(usual, membership_auc=0.49)]
    assert findings(replace(usual, probe_recovery=0.1, relearn_steps=99.0), near) == []
    told = findings(replace(usual, probe_recovery=0.9, relearn_steps=2.0, forget_accuracy=0.1), near)
    assert [line.split()[0] for line in told] == ["forget_accuracy", "probe_recovery", "relearn_steps"]


def test_trials_and_the_figures_made_of_them(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    trials = Trials(
        TASK, replace(SHORT, steps=20), Unlearning(steps=10), AuditSettings(relearn_most=3), 1,
        ("original", "retrained", "masking_only", "ours"),
    )  # fmt: skip
    monkeypatch.setattr(statistics, "RESAMPLES", 20)
    monkeypatch.setattr(bench_unlearn, "run", lambda split, seed, trials: run_seed(pool, trials, seed))
    outcome = bench_unlearn.bench("train", range(2), 1, {"trials": trials})
    shape = ["original", "retrained", "masking_only", "ours"]
    assert list(outcome.arms) == [*shape, *(f"reid_{arm}" for arm in shape)]
    for figures in outcome.arms.values():
        wanted = {"forget_accuracy", "retain_drop", "probe_recovery", "membership_auc", "relearn_steps"}
        assert wanted <= set(figures)
    assert outcome.arms["ours"]["forget_accuracy"].value == 0.0
    assert outcome.arms["retrained"]["retain_drop"].value == 0.0
    assert outcome.figures["probe_recovery"].goal is not None
    assert len(outcome.details) == 2
    with pytest.raises(BadInputError):
        bench_unlearn.bench("train", range(1), 1, {"arms": ("nobody",)})
