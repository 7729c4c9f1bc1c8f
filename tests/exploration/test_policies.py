from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from memory_agent_ros.exploration.features import IN_ROOM, INDEX, NEAR, SHAPE
from memory_agent_ros.exploration.labels import LABEL, LabelVectors
from memory_agent_ros.exploration.policies.by_name import LEARNED, POLICY_NAMES, policy_by_name
from memory_agent_ros.exploration.policies.cooccurrence import Cooccurrence, CooccurrenceFrontier
from memory_agent_ros.exploration.policies.frontiers import (
    InformationGain,
    LanguageFrontier,
    NearestFrontier,
    Random,
)
from memory_agent_ros.exploration.situation import Policy, Situations
from memory_agent_ros.records.errors import BadInputError

WORDS = LabelVectors()
COUNTS = Cooccurrence({"mug": {"desk": 0.6, "bed": 0.1}}, {"mug": {"desk": 0.8, "bed": 0.2}}, {})
POLICIES: list[Policy] = [
    Random(),
    NearestFrontier(),
    InformationGain(),
    LanguageFrontier(),
    CooccurrenceFrontier(COUNTS, WORDS),
]


def situation(*candidates: dict[str, object], goal: str = "mug") -> Situations:
    """One situation: ``stop``, then these candidates; a last slot is masked out."""
    features = np.zeros((1, len(candidates) + 2, SHAPE.candidate), np.float32)
    features[0, 0, INDEX["is_stop"]] = 1
    wanted = WORDS.vectors([goal])
    for row, fields in zip(features[0, 1:], candidates, strict=False):
        for name, value in fields.items():
            if name in ("near", "room"):
                row[NEAR if name == "near" else IN_ROOM] = WORDS.vectors([str(value)])[0]
                row[INDEX[f"goal_likes_{name}"]] = WORDS.vectors([str(value)])[0] @ wanted[0]
            else:
                row[INDEX[name]] = value
    mask = np.ones(features.shape[:2], bool)
    mask[0, -1] = False
    goals = np.zeros((1, SHAPE.goal), np.float32)
    goals[:, :LABEL] = wanted
    empty = np.zeros((1, 1, SHAPE.context), np.float32), np.zeros((1, 1), bool)
    return Situations(goals, *empty, features, mask, np.ones((1, SHAPE.key), np.float32), np.zeros(1, np.int64))


def pick(policy: Policy, *candidates: dict[str, object], goal: str = "mug") -> int:
    return int(np.argmax(policy.logits(situation(*candidates, goal=goal))[0]))


NEAR_ONE = {"is_frontier": 1, "path": 0.1, "gain": 0.1, "near": "bed"}
FAR_ONE = {"is_frontier": 1, "path": 0.4, "gain": 0.9, "near": "desk"}


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: p.name)
def test_all_share_the_rule_for_declaring(policy: Policy) -> None:
    seen = {"is_viewpoint": 1, "match": 0.9, "presence": 0.9, "path": 0.8}
    nearer = seen | {"path": 0.5}
    assert pick(policy, NEAR_ONE, seen, nearer) == 3
    gone = seen | {"presence": 0.1}
    assert pick(policy, NEAR_ONE, gone) == 1 or policy.name == "random"
    found = situation(NEAR_ONE, seen)
    found.candidates[0, 0, [INDEX["match"], INDEX["presence"]]] = 0.9
    assert int(np.argmax(policy.logits(found)[0])) == 0
    assert pick(policy) == 0
    assert policy.logits(situation(NEAR_ONE))[0, -1] == -np.inf


def test_nearest_frontier_takes_no_other_kind_while_there_is_a_frontier() -> None:
    assert pick(NearestFrontier(), FAR_ONE, NEAR_ONE) == 2
    assert pick(NearestFrontier(), FAR_ONE, {"is_room": 1, "path": 0.01}) == 1
    assert pick(NearestFrontier(), {"is_viewpoint": 1, "path": 0.5}, {"is_viewpoint": 1, "path": 0.2}) == 2


def test_information_gain_weighs_gain_against_the_way() -> None:
    assert pick(InformationGain(0.2), NEAR_ONE, FAR_ONE) == 2
    assert pick(InformationGain(2.0), NEAR_ONE, FAR_ONE) == 1


def test_language_goes_where_words_are_like_the_goal() -> None:
    assert pick(LanguageFrontier(0.0), NEAR_ONE, FAR_ONE, goal="desk") == 2
    assert pick(LanguageFrontier(0.0), NEAR_ONE, FAR_ONE, goal="bed") == 1
    assert pick(LanguageFrontier(1.0), NEAR_ONE, FAR_ONE, goal="desk") == 1


def test_cooccurrence_goes_where_the_goal_was_counted() -> None:
    policy = CooccurrenceFrontier(COUNTS, WORDS, per_metre=0.01)
    assert pick(policy, NEAR_ONE, FAR_ONE) == 2
    by_room = [{"is_frontier": 1, "room": "bed"}, {"is_frontier": 1, "room": "desk"}]
    assert pick(policy, *by_room) == 2
    assert pick(policy, NEAR_ONE, FAR_ONE, goal="violin") == 1


def test_counts_survive_a_file(tmp_path) -> None:
    COUNTS.save(tmp_path / "c.json")
    again = Cooccurrence.load(tmp_path / "c.json")
    assert again.near == COUNTS.near and again.room == COUNTS.room


def test_random_is_not_always_the_same() -> None:
    policy = Random(1)
    assert {pick(policy, NEAR_ONE, FAR_ONE) for _ in range(20)} == {1, 2}


@pytest.mark.parametrize("name", [n for n in POLICY_NAMES if n not in ("cooccurrence_frontier", LEARNED)])
def test_policies_are_made_by_name(name: str) -> None:
    policy = policy_by_name(name, WORDS)
    assert policy.name == name
    assert np.isfinite(policy.logits(situation({"is_frontier": 1, "gain": 0.2, "path": 0.1}))[0, :2]).all()


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(BadInputError, match="nearest_frontier"):
        policy_by_name("wander", WORDS)


def test_a_learned_policy_is_not_given_to_labels_it_cannot_read() -> None:
    for name in (LEARNED, "weights.safetensors"):
        with pytest.raises(BadInputError) as caught:
            policy_by_name(name, LabelVectors())
        assert caught.value.reason == "policy_unavailable"


class _Embedder:
    """Texts by hash, as wide as a real embedder's."""

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.stack([np.resize(WORDS.vectors([text])[0], 384) for text in texts])


def test_auto_takes_the_best_one_measured() -> None:
    pytest.importorskip("torch")
    pytest.importorskip("safetensors")
    assert policy_by_name("auto", LabelVectors(_Embedder())).name == "learned-text"


def test_auto_needs_nothing() -> None:
    assert policy_by_name("auto", WORDS).name == "information_gain"
