from dataclasses import replace

import numpy as np
import pytest

from memory_agent_ros.exploration.learned_policy import LearnedPolicy
from memory_agent_ros.exploration.situation import Shape, Situations, TipTokens, concatenate, concatenate_tips
from memory_agent_ros.records.errors import BadInputError

torch = pytest.importorskip("torch")

from memory_agent_ros.exploration.policy_network import PolicyConfig  # noqa: E402

SHAPE = Shape(goal=5, context=6, candidate=7, key=4)


def situations(rows=3, context=4, candidates=6, seed=0):
    rng = np.random.default_rng(seed)

    def normal(*size):
        return rng.normal(size=size).astype(np.float32)

    mask = np.arange(candidates) < rng.integers(1, candidates + 1, rows)[:, None]
    return Situations(
        normal(rows, 5),
        normal(rows, context, 6),
        rng.random((rows, context)) < 0.6,
        normal(rows, candidates, 7),
        mask,
        normal(rows, 4),
        np.arange(rows),
    )


def tips(rows=3, count=5, seed=1):
    rng = np.random.default_rng(seed)
    return TipTokens(rng.normal(size=(rows, count, 9)).astype(np.float32), rng.random((rows, count)) < 0.7)


@pytest.fixture
def policy():
    made = LearnedPolicy.new(PolicyConfig(SHAPE), seed=3)
    with torch.no_grad():
        made.module.head.weight.normal_()
    return made


def test_a_new_policy_chooses_evenly():
    logits = LearnedPolicy.new(PolicyConfig(SHAPE)).logits(situations())
    assert set(logits[np.isfinite(logits)].tolist()) == {0.0}


def test_what_is_masked_has_no_say(policy):
    seen, told = situations(), tips()
    first = policy.logits(seen, told)
    assert (np.isfinite(first) == seen.candidate_mask).all()
    other = replace(
        seen,
        context=np.where(seen.context_mask[..., None], seen.context, 9.0).astype(np.float32),
        candidates=np.where(seen.candidate_mask[..., None], seen.candidates, 9.0).astype(np.float32),
    )
    moved = TipTokens(np.where(told.mask[..., None], told.features, 9.0).astype(np.float32), told.mask)
    np.testing.assert_allclose(policy.logits(other, moved), first, atol=1e-5)


def test_padding_and_company_change_nothing(policy):
    small, large = situations(2, 3, 4, seed=5), situations(4, 8, 9, seed=6)
    together = policy.logits(concatenate([small, large]), concatenate_tips([tips(2, 3), tips(4, 6)]))
    np.testing.assert_allclose(together[:2, :4], policy.logits(small, tips(2, 3)), atol=1e-5)
    np.testing.assert_allclose(together[2:], policy.logits(large, tips(4, 6)), atol=1e-5)


def test_candidates_are_a_set(policy):
    seen = situations(1, 4, 6)
    seen = replace(seen, candidate_mask=np.ones((1, 6), np.bool_))
    order = np.random.default_rng(0).permutation(6)
    turned = replace(seen, candidates=seen.candidates[:, order])
    np.testing.assert_allclose(policy.logits(turned)[0], policy.logits(seen)[0, order], atol=1e-5)


def test_without_tips_it_is_the_same_policy(policy):
    seen, told = situations(), tips()
    nothing = TipTokens(told.features, np.zeros_like(told.mask))
    np.testing.assert_allclose(policy.logits(seen, nothing), policy.logits(seen), atol=1e-6)


def test_scores_are_their_parts(policy):
    seen, told = situations(), tips()
    own, votes = policy.explain(seen, told)
    assert votes.shape == (3, 6, 5)
    np.testing.assert_allclose(own + votes.sum(axis=2), policy.logits(seen, told), atol=1e-5)
    assert (votes.transpose(0, 2, 1)[~told.mask] == 0).all()


def test_a_tip_speaks_for_what_is_like_its_choice():
    policy, seen = LearnedPolicy.new(PolicyConfig(SHAPE)), situations(1, 4, 6)
    seen = replace(seen, candidate_mask=np.ones((1, 6), np.bool_))
    choice = seen.candidates[:, 2:3]
    for score, better in ((1.0, True), (0.0, False)):
        marks = np.full((1, 1, 2), [score, 1.0], np.float32)
        logits = policy.logits(seen, TipTokens(np.concatenate([choice, marks], axis=2), np.ones((1, 1), np.bool_)))[0]
        assert (np.argmax if better else np.argmin)(logits) == 2


def test_there_and_back(policy, tmp_path):
    policy.about["commit"] = "abc"
    policy.save(tmp_path / "p.safetensors")
    again = LearnedPolicy.load(tmp_path / "p.safetensors")
    assert (again.name, again.about, again.module.config) == ("learned", {"commit": "abc"}, policy.module.config)
    np.testing.assert_array_equal(again.logits(situations(), tips()), policy.logits(situations(), tips()))


def test_files_and_widths_that_do_not_fit_are_refused(policy, tmp_path):
    (tmp_path / "p.safetensors").write_bytes(b"nonsense")
    with pytest.raises(BadInputError) as error:
        LearnedPolicy.load(tmp_path / "p.safetensors")
    assert error.value.reason == "policy_weights"
    with pytest.raises(BadInputError) as error:
        policy.logits(replace(situations(), goal=np.zeros((3, 4), np.float32)))
    assert error.value.reason == "policy_shape"


def test_it_is_small():
    wide = PolicyConfig(Shape(goal=64, context=64, candidate=128, key=96))
    assert sum(p.numel() for p in LearnedPolicy.new(wide).module.parameters()) <= 150_000
