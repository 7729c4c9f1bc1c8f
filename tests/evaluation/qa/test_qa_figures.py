"""Figures of the ``qa`` benchmark from made-up marks; tasks of a made-up world are fair ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from memory_agent_ros.evaluation.benches import qa
from memory_agent_ros.evaluation.qa.arms import AFTER_FULL, ARMS, turns, with_needed
from memory_agent_ros.evaluation.qa.families.catalogue import FAMILIES
from memory_agent_ros.evaluation.qa.families.in_openeqas_manner import OPENEQA
from memory_agent_ros.evaluation.qa.families.template import slot_names
from memory_agent_ros.evaluation.qa.marks import Apartment, Mark, TaskMarks
from memory_agent_ros.records.errors import BadInputError


def _task(
    klass: str, marks: Mapping[str, Mark], *, held_out: bool = False, openeqa: bool = False, unanswerable: bool = False
) -> TaskMarks:
    return TaskMarks(0, klass, f"{klass}_01", held_out, openeqa, unanswerable, "where", "?", "", dict(marks))


def _marks(full: bool, rule: bool, **more: object) -> dict[str, Mark]:
    given = {"confidence": 0.9, "seconds": 1.0, "route": "think", "steps": 2, "cites": True} | more
    return {
        "full": Mark(full, False, **given),  # type: ignore[arg-type]
        "rule_parser": Mark(rule, not rule),
        "gold_tool_call": Mark(True, False),
    }


@pytest.fixture
def runs() -> list[Apartment]:
    first = [
        _task("locate", _marks(True, True)),
        _task("locate", _marks(True, False, seconds=4.0), held_out=True),
        _task("count", _marks(False, False, cites=False, seconds=30.0, steps=9)),
    ]
    unknown = {"full": Mark(True, True, 0.8), "rule_parser": Mark(True, True), "gold_tool_call": Mark(True, True)}
    second = [
        _task("unanswerable", unknown, held_out=True, unanswerable=True),
        _task("locate", _marks(True, True, route="no_think", seconds=0.1)),
        _task("object_state", _marks(False, False), openeqa=True),
    ]
    return [Apartment(0, first), Apartment(1, second)]


def test_figures(runs: Sequence[Apartment], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qa, "spread", lambda *_, **__: iter(runs))
    monkeypatch.setattr("memory_agent_ros.evaluation.statistics.RESAMPLES", 20)
    monkeypatch.setattr(qa, "available", lambda: ("full", "rule_parser", "gold_tool_call"))
    found = qa.bench("val", range(2), 1, {})
    value = {name: figure.value for name, figure in found.figures.items()}
    assert value["accuracy"] == pytest.approx(4 / 5) and value["accuracy_openeqa_manner"] == 0.0
    assert value["accuracy@locate"] == 1.0 and value["accuracy@count"] == 0.0 and "accuracy@time" not in value
    assert value["abstain_unanswerable"] == 1.0 and value["abstain_answerable"] == 0.0
    assert value["valid_citations"] == pytest.approx(4 / 5)
    assert value["held_out_over_rule_parser"] == pytest.approx(0.5)
    assert value["seen_less_held_out"] == pytest.approx(2 / 3 - 1.0)
    assert value["p95_s"] == pytest.approx(3.7) and value["p95_long_s"] == 30.0 and value["p95_tool_s"] == 0.1
    assert value["accuracy_where_held"] == pytest.approx(3 / 4) and value["tasks"] == 5
    assert set(found.arms) == {"full", "rule_parser", "gold_tool_call"}
    assert found.figures["abstain_answerable"].goal is not None


def test_questions_in_openeqas_manner_are_our_own_row() -> None:
    assert len(OPENEQA) >= 150 and len({f.template for f in OPENEQA}) == len(OPENEQA)
    assert not {f.template for f in OPENEQA} & {f.template for f in FAMILIES}
    assert len({f.klass for f in OPENEQA}) == 7
    assert all(slot_names(f.program) <= slot_names(f.template) | {"x"} for f in OPENEQA)


def test_arms_take_turns_and_full_comes_before_those_that_need_it() -> None:
    rng = np.random.default_rng(0)
    orders = [turns(ARMS, rng) for _ in range(60)]
    assert {order[0] for order in orders} >= {"full", "blind", "rule_parser", "oracle"}
    assert all(sorted(order) == sorted(ARMS) for order in orders)
    assert all(order.index("full") < order.index(arm) for order in orders for arm in AFTER_FULL)
    assert sorted(turns(["blind", "oracle"], rng)) == ["blind", "oracle"]
    assert with_needed(["oracle", "no_pictures"]) == ("full", "no_pictures", "oracle")
    assert with_needed(["rule_parser"]) == ("rule_parser",)
    with pytest.raises(BadInputError, match="rule_parser"):
        with_needed(["rules"])
