"""What is easily got wrong in EMPO2, and that it learns a toy search."""

from dataclasses import replace

import numpy as np
import pytest

from tests.exploration.hidden_places import HiddenPlaces

torch = pytest.importorskip("torch")

from memory_agent_ros.exploration.empo2 import (  # noqa: E402
    Course,
    Empo2,
    Empo2Config,
    Mode,
    Novelty,
    group_advantages,
    losses,
)
from memory_agent_ros.exploration.learned_policy import LearnedPolicy  # noqa: E402
from memory_agent_ros.exploration.policy_network import PolicyConfig  # noqa: E402
from memory_agent_ros.exploration.rollout import rollout  # noqa: E402

SMALL = Empo2Config(decisions=100, tasks=3, group=4, epochs=1)
ONLY = {
    Mode.ON_POLICY: {"off_policy": 0.0, "tips_on_policy": 0.0},
    Mode.ON_POLICY_WITH_TIPS: {"off_policy": 0.0, "tips_on_policy": 1.0},
    Mode.OFF_POLICY: {"off_policy": 1.0, "tips_on_policy": 0.0},
}


def learner(config=SMALL, **settings):
    environment = HiddenPlaces()
    policy = LearnedPolicy.new(PolicyConfig(environment.shape, dim=16, heads=2, layers=1))
    return Empo2(policy, [Course(environment, range(50))], replace(config, **settings))


def weights(algorithm):
    return torch.cat([p.detach().flatten().clone() for p in algorithm.parameters])


def test_novelty_changes_the_gradient():
    """In groups without any reward novelty alone must move the weights."""
    moved = {}
    for weight in (0.0, 0.5):
        algorithm = learner(novelty=weight, entropy=0.0, **ONLY[Mode.ON_POLICY])
        before = weights(algorithm)
        algorithm._play = _uneven(algorithm)
        algorithm.step()
        moved[weight] = float((weights(algorithm) - before).abs().max())
    assert moved[0.0] == 0.0
    assert moved[0.5] > 1e-4


def _uneven(algorithm):
    """Rollouts in which half of a group meets states that were met often before, and no reward."""
    play = algorithm._play

    def played(mode, rng):
        one, group = play(mode, rng)
        state = np.where(one.episode % 2 == 0, 1, 1000 + np.arange(len(one.episode)))
        algorithm.novelty.counts[one.domain][1] = 500
        return replace(one, situations=replace(one.situations, state=state), reward=np.zeros_like(one.reward)), group

    return played


def test_counts_do_not_saturate():
    novelty, environment = Novelty(), HiddenPlaces(looks=0)
    policy = learner().policy
    rewards = [novelty.rewards(rollout(environment, policy, [5], None, (n,)))[0] for n in range(40)]
    np.testing.assert_allclose(rewards, 1.0 / np.arange(1, 41), rtol=1e-6)


def test_counts_are_kept_for_each_domain():
    novelty, environment = Novelty(), HiddenPlaces(looks=0)
    one = rollout(environment, learner().policy, [5])
    assert novelty.rewards(one).tolist() == [1.0]
    assert novelty.rewards(replace(one, domain="other")).tolist() == [1.0]
    assert novelty.rewards(one).tolist() == [0.5]


@pytest.mark.parametrize("mode", list(Mode))
def test_old_log_probabilities_are_those_recorded(mode):
    """The policy that played gives the recorded probabilities again, with the tips that it saw."""
    algorithm = learner(**ONLY[mode])
    algorithm.step()
    algorithm.step()
    played, _ = algorithm._play(mode, np.random.default_rng(1))
    assert (played.seen is None) == (mode is Mode.ON_POLICY)
    again = algorithm.policy.scores(played.situations, played.seen).log_softmax(dim=1).detach()
    np.testing.assert_allclose(again[np.arange(len(played.choice)), played.choice], played.log_prob, atol=1e-6)


@pytest.mark.parametrize("mode", list(Mode))
def test_only_the_on_policy_update_with_tips_sees_tips(mode):
    algorithm = learner(**ONLY[mode])
    algorithm.tips.add(algorithm._play(Mode.ON_POLICY, np.random.default_rng(0))[0].tips("x"))
    policy, told = algorithm.policy, {"acting": [], "learning": []}
    acts, learns = policy.logits, policy.scores

    def scores(situations, tips=None):
        if torch.is_grad_enabled() and not torch.is_inference_mode_enabled():
            told["learning"].append(tips is not None and bool(tips.mask.any()))
        return learns(situations, tips)

    def logits(situations, tips=None):
        told["acting"].append(tips is not None and bool(tips.mask.any()))
        return acts(situations, tips)

    policy.scores, policy.logits = scores, logits
    algorithm.step()
    assert any(told["acting"]) == (mode is not Mode.ON_POLICY)
    assert told["learning"] and any(told["learning"]) == (mode is Mode.ON_POLICY_WITH_TIPS)


def test_every_decision_has_its_own_key():
    played = rollout(HiddenPlaces(), learner().policy, range(20))
    tips = played.tips("x")
    assert len(tips) == len(played.choice) > 25
    for m, tip in enumerate(tips):
        np.testing.assert_array_equal(tip.situation, played.situations.key[m])
        np.testing.assert_array_equal(tip.choice, played.situations.candidates[m, played.choice[m]])
        assert (tip.source.step, tip.score) == (played.step[m], played.score[played.episode[m]])
    long = [t for t in tips if t.source.world.endswith("/" + str(played.task[np.bincount(played.episode).argmax()]))]
    assert len({tuple(t.situation) for t in long if t.kind == "viewpoint"}) > 1


def test_advantages_compare_within_groups():
    out = group_advantages(np.array([1.0, 0.0, 0.0, 5.0, 5.0, 5.0, 7.0]), np.array([0, 0, 0, 1, 1, 1, 2]))
    np.testing.assert_allclose(out[:3], np.array([2.0, -1.0, -1.0]) / 3 / np.std([1, 0, 0], ddof=1), rtol=1e-4)
    assert out[3:].tolist() == [0.0] * 4


def test_rare_decisions_are_masked_one_by_one():
    scores = torch.tensor([[0.0, 0.0], [0.0, -12.0]], requires_grad=True)
    choice, old, advantage = torch.tensor([1, 1]), torch.log(torch.tensor([0.5, 0.9])), torch.tensor([-1.0, -1.0])
    parts = losses(scores, choice, old, advantage, Mode.OFF_POLICY, SMALL)
    parts.ratio.backward()
    assert parts.masked == 0.5
    assert scores.grad[0].abs().max() > 0.1 and scores.grad[1].abs().max() == 0.0


def test_the_ratio_is_clipped_on_both_sides_and_for_bad_decisions_bounded():
    old = torch.zeros(1)

    def gain(log_now, advantage):
        scores = torch.tensor([[log_now, np.log1p(-np.exp(log_now))]])
        chosen = old + torch.tensor([np.log(0.1)])
        parts = losses(
            scores, torch.zeros(1, dtype=torch.long), chosen, torch.tensor([advantage]), Mode.ON_POLICY, SMALL
        )
        return -float(parts.ratio)

    assert gain(np.log(0.5), 1.0) == pytest.approx(1.3)  # ratio 5
    assert gain(np.log(0.02), -1.0) == pytest.approx(-0.8)  # ratio 0.2
    assert gain(np.log(0.5), -1.0) == pytest.approx(-5.0)
    assert losses(torch.tensor([[0.0, -30.0]]), torch.zeros(1, dtype=torch.long), torch.tensor([np.log(0.01)]).float(),
                  torch.tensor([-1.0]), Mode.ON_POLICY, SMALL).ratio == pytest.approx(10.0)  # fmt: skip


class Table:
    """A policy of two numbers, which a tip pushes to the first candidate whatever the numbers are."""

    name = "table"

    def __init__(self, start):
        self.module = torch.nn.ParameterList([torch.nn.Parameter(torch.tensor([start, 0.0]))])

    def scores(self, situations, tips=None):
        push = (
            torch.stack([2.0 - (self.module[0][0] - self.module[0][1]).detach(), torch.zeros(())])
            if tips is not None
            else 0.0
        )
        return (self.module[0] + push).expand(len(situations), 2)

    def logits(self, situations, tips=None):
        return self.scores(situations, tips).detach().numpy()


class RareArm(HiddenPlaces):
    """One decision between two candidates; the first is right."""

    def __init__(self):
        super().__init__(places=1, looks=0)

    def step(self, choices):
        done = super().step(np.zeros_like(choices))
        self._score = (choices == 0).astype(np.float32)
        return replace(done, reward=self._score)


@pytest.mark.parametrize(
    ("start", "distillation", "learns"), [(-9.5, 0.0, False), (-9.5, 0.5, True), (-1.5, 0.0, True)]
)
def test_distillation_lifts_what_the_ratio_cannot(start, distillation, learns):
    """An arm of probability 7e-5 that tips bring up is learned by distillation only; one of 0.17 by the ratio too."""
    policy = Table(start)
    config = replace(SMALL, distillation=distillation, rate=0.2, novelty=0.0, entropy=0.0, **ONLY[Mode.OFF_POLICY])
    algorithm = Empo2(policy, [Course(RareArm(), range(5))], replace(config, decisions=10**6, epochs=2))
    # Plain descent: with two weights alone Adam would blow up a gradient of any size.
    algorithm.optimizer = torch.optim.SGD(algorithm.parameters, lr=0.2)
    for _ in range(150):
        algorithm.step()
    probability = float(policy.module[0].detach().softmax(dim=0)[0])
    assert probability > 0.5 if learns else probability < 1e-3


def test_training_gives_the_mean_of_the_last_weights():
    algorithm = learner(averaging=0.5)
    seen = []
    for _ in range(3):
        algorithm.step()
        seen.append(weights(algorithm))
    mean = 0.25 * seen[0] + 0.25 * seen[1] + 0.5 * seen[2]
    with algorithm.averaged():
        np.testing.assert_allclose(weights(algorithm), mean, atol=1e-6)
    np.testing.assert_array_equal(weights(algorithm), seen[2])
    algorithm.settle()
    np.testing.assert_allclose(weights(algorithm), mean, atol=1e-6)


def test_going_on_from_a_state_is_the_same_as_never_having_stopped():
    settings = {"off_policy": 0.4, "tips_on_policy": 0.3}
    through, first, second = learner(**settings), learner(**settings), learner(**settings)
    for _ in range(6):
        through.step()
    for _ in range(3):
        first.step()
    second.restore(first.state())
    for _ in range(3):
        second.step()
    assert (second.decisions, second.updates) == (through.decisions, 6)
    np.testing.assert_allclose(weights(second), weights(through), rtol=0, atol=1e-6)


@pytest.mark.timeout(120)
def test_it_learns_to_search():
    algorithm = learner(decisions=6000, tasks=8, group=8, epochs=2)
    held_out = range(900, 1100)
    before = rollout(HiddenPlaces(), algorithm.policy, held_out).score.mean()
    while not algorithm.done:
        algorithm.step()
    after = rollout(HiddenPlaces(), algorithm.policy, held_out, temperature=0.0).score.mean()
    assert before < 0.15 and after > before + 0.2
