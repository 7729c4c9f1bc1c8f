"""The benchmark of constrained decoding: its arms agree, its judge can say no, and it runs where no model is."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("llguidance")

from memory_agent_ros.evaluation.benches import constrained
from memory_agent_ros.evaluation.constrained.arms import arms, dict_trie, grammar_matcher, trie_of
from memory_agent_ros.evaluation.constrained.embedded import call_step_us
from memory_agent_ros.evaluation.constrained.names import NameSet, name_set
from memory_agent_ros.evaluation.constrained.outputs import (
    invalid_calls,
    invalid_choices,
    invalid_names,
    random_model,
    valid,
    valid_text,
)
from memory_agent_ros.evaluation.constrained.timing import _decode, time_steps
from memory_agent_ros.reasoning.decoding.entities import EntityIndex
from memory_agent_ros.reasoning.decoding.grammar import CallScope
from tests.reasoning.decoding.small import ROOMS, THINGS, codec, grammar


def small_set(count: int = 60) -> NameSet:
    return name_set(count, 1, codec())


def test_names_are_distinct_and_the_same_for_a_seed() -> None:
    names = small_set()
    assert len(set(names.texts)) == len(names.ids) == 60 and names.tokenise_s > 0
    assert names.texts == small_set().texts != name_set(60, 2, codec()).texts
    assert [codec().text(ids) for ids in names.ids] == [f" {text}" for text in names.texts]
    plain = name_set(60, 1, None)
    assert len(set(map(tuple, plain.ids))) == 60 and max(map(max, plain.ids)) < plain.vocabulary


@pytest.mark.parametrize("rows", [1, 9])
def test_arms_over_the_same_tokens_choose_the_same(rows: int) -> None:
    import torch

    names = small_set()
    matcher = grammar_matcher(names.texts, codec())
    made = arms(names, trie_of(names), dict_trie(names.ids, names.stop), matcher)
    times = time_steps(made, names.vocabulary, rows, names.stop, decodes=3, seed=0)
    assert times.disagreements == 0 and times.tokens > 0
    assert all(len(t) == 3 and min(t) > 0 for t in times.step_us.values())
    broken = {**made, "dict_trie": made["unconstrained"]}
    assert time_steps(broken, names.vocabulary, rows, names.stop, decodes=3, seed=0).disagreements > 0
    scores = [torch.randn(rows, names.vocabulary) for _ in range(24)]
    for row in _decode(made["grammar"], scores, names.stop)[1].tolist():
        assert codec().text([t for t in row if t != names.stop]).strip() in names.texts


def test_the_judge_of_calls_can_say_no() -> None:
    known = EntityIndex(codec()).update(THINGS, ROOMS)
    after_one = CallScope.after(1)
    for text, good in (
        ("find(mug, in=kitchen)", True), ("find( mug, in= kitchen)", True), ("find(nothing)", True), ("near($1)", True),
        ("find(spoon)", False), ("find(mug, in=mug)", False), ("near($2)", False), ("near($0)", False),
        ("fly($1)", False), ("find(mug", False), ("", False),
    ):  # fmt: skip
        assert valid_text(text, known, after_one) == good, text
        assert valid(codec(), codec().encode_text(text), known, after_one) == good, text


def test_a_random_model_is_valid_under_constraint_and_not_without() -> None:
    names = small_set()
    model = random_model(names.vocabulary, names.stop, 0)
    assert invalid_names(model, names, trie_of(names), 60, 0) == 0
    assert invalid_names(model, names, None, 60, 0) >= 55
    known = EntityIndex(codec()).update(THINGS, ROOMS)
    assert invalid_calls(model, grammar(), known, 20, 0) == 0
    assert invalid_choices(grammar(), known, 50, 0) == 0
    assert all(took > 0 for took in call_step_us(grammar(), known, 5, 0))


def test_it_runs_without_the_embedded_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constrained, "_model", lambda: (None, None))
    found = constrained.bench("val", range(1), 1, {"sizes": (50,), "batches": (1,), "outputs": 0.01})
    assert {"step_us@50_1", "rebuild_s@50", "share@50", "over_dict_trie@50_1"} <= set(found.figures)
    assert found.figures["invalid"].value == 0 and found.figures["outputs"].value == 30
    assert found.figures["disagreements"].value == 0
    assert set(found.arms) == {"trie", "trie_processor", "dict_trie", "prefix_processor", "unconstrained"}
    assert np.isnan(found.figures["tokenise_s@50"].value)
    assert found.arms["unconstrained"]["invalid"].value == 4
