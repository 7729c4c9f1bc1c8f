import json
from dataclasses import replace

import numpy as np
import pytest

from memory_agent_ros.exploration.tips import TipMemory, content, kind_of, tip_from_dict, tip_text, tip_to_dict
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.tip import Tip, TipSource


def tip(key, score=1.0, text="went to the kitchen", domain="search", choice=(1.0, 2.0, 3.0)):
    key = np.asarray(key, np.float32)
    source = TipSource("search/4/1/0", 3, "learned", 17, "search/4")
    return Tip(
        domain, "mug", key / np.linalg.norm(key), np.asarray(choice, np.float32), "frontier", score, text, source
    )


def keys(*rows):
    array = np.asarray(rows, np.float32)
    return array / np.linalg.norm(array, axis=1, keepdims=True)


def test_only_like_situations_of_the_domain_are_read():
    memory = TipMemory()
    memory.add([tip([1, 0], text="a"), tip([0, 1], text="b"), tip([1, 0], text="c", domain="discover")])
    found = memory.retrieve("search", keys([1, 0.1], [0.1, 1], [-1, -1]))
    assert [[t.text for t in row] for row in found.tips] == [["a"], ["b"], []]
    assert found.tokens.mask.tolist() == [[True], [True], [False]]


def test_the_gate_is_half():
    memory = TipMemory()
    memory.add([tip([1, 0])])
    close, far = np.cos(np.deg2rad([59, 61])), np.sin(np.deg2rad([59, 61]))
    found = memory.retrieve("search", np.stack([close, far], axis=1).astype(np.float32))
    assert [len(row) for row in found.tips] == [1, 0]


def test_best_score_first_then_nearest_and_at_most_ten():
    memory = TipMemory()
    memory.add([tip([1, 0.01 * n], score=0.5, text=f"half {n}") for n in range(20)])
    memory.add([tip([1, 0.5], score=1.0, text="full"), tip([1, 0], score=0.0, text="none")])
    (row,) = memory.retrieve("search", keys([1, 0])).tips
    assert [t.text for t in row] == ["full"] + [f"half {n}" for n in range(9)]


def test_tokens_hold_choice_score_and_cosine():
    memory = TipMemory()
    memory.add([tip([1, 0], score=0.25)])
    features = memory.retrieve("search", keys([1, 1])).tokens.features
    np.testing.assert_allclose(features, [[[1.0, 2.0, 3.0, 0.25, np.sqrt(0.5)]]], rtol=1e-6)


def test_the_same_content_is_kept_once_and_counts_as_new():
    memory = TipMemory(capacity=2)
    memory.add([tip([1, 0], text="a"), tip([1, 0], text="b"), tip([0, 1], text="a"), tip([1, 0], text="c")])
    assert [t.text for t in memory.tips("search")] == ["a", "c"]
    assert memory.tips("search")[0].situation.tolist() == [0.0, 1.0]


def test_the_oldest_leave_each_domain_first():
    memory = TipMemory(capacity=1000)
    memory.add([tip([1, 0], text=str(n)) for n in range(1003)] + [tip([1, 0], text="other", domain="discover")])
    assert len(memory.tips("search")) == 1000 and memory.tips("search")[0].text == "3"
    assert len(memory) == 1001


def test_rows_are_answered_as_if_asked_alone():
    rng = np.random.default_rng(0)
    memory = TipMemory()
    memory.add([tip(rng.normal(size=4), float(rng.random()), str(n)) for n in range(200)])
    asked = keys(*rng.normal(size=(64, 4)))
    together = memory.retrieve("search", asked)
    for n in range(64):
        alone = memory.retrieve("search", asked[n : n + 1])
        assert [t.text for t in together.tips[n]] == [t.text for t in alone.tips[0]]


def test_an_empty_memory_gives_no_tips():
    found = TipMemory().retrieve("search", keys([1, 0], [0, 1]))
    assert found.tokens.mask.shape == (2, 0) and found.tips == ((), ())


def test_json_there_and_back():
    first = tip([0.6, 0.8], 0.5)
    second = tip_from_dict(json.loads(json.dumps(tip_to_dict(first))))
    assert (second.source, second.text, second.score, second.kind) == (first.source, first.text, 0.5, "frontier")
    np.testing.assert_allclose(second.situation, first.situation, atol=1e-6)
    assert content(first) == content(second)


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"situation": ["x"]}, "tip_format"), ({"choice": [float("nan")]}, "tip_format"), ({"source": {}}, "tip_format")],
)
def test_broken_tips_are_refused(change, reason):
    with pytest.raises(BadInputError) as error:
        tip_from_dict(tip_to_dict(tip([1, 0])) | change)
    assert error.value.reason == reason


def test_tips_of_other_widths_or_impossible_scores_are_refused():
    memory = TipMemory()
    memory.add([tip([1, 0])])
    with pytest.raises(BadInputError, match="domain of their own"):
        memory.add([tip([1, 0], choice=(1.0,))])
    with pytest.raises(BadInputError, match="share"):
        memory.add([replace(tip([1, 0]), score=float("nan"))])


def test_words_say_what_was_done_and_how_it_ended():
    assert tip_text("a mug", "frontier in the kitchen", 1.0, 4) == (
        "Looking for a mug, I chose: frontier in the kitchen. The episode succeeded in 4 decisions; do it again."
    )
    assert "failed after 9" in tip_text("", "stop", 0.0, 9)
    assert [kind_of(t) for t in ("viewpoint on a bed", "Stop: here", "open the door", "")] == [
        "viewpoint", "stop", "choice", "choice",
    ]  # fmt: skip
