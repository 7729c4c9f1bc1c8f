"""Calls: written, read back, checked."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_agent_ros.reasoning.calls import (
    TOOLS,
    Argument,
    CallError,
    Kind,
    Parameter,
    Reference,
    ToolCall,
    call,
    call_segments,
    check_references,
    format_call,
    parse_call,
)
from memory_agent_ros.reasoning.transcript import RESULT_CHARS, Transcript, prompt_text

_NAMES = st.text(string.ascii_lowercase + string.digits + " '-", min_size=1, max_size=20).map(str.strip).filter(bool)


def _argument(parameter: Parameter) -> st.SearchStrategy[Argument]:
    if parameter.kind is Kind.RESULT:
        return st.integers(0, 29).map(Reference)
    if parameter.kind is Kind.NUMBER:
        return st.integers(0, 999_999_999).map(float) | st.integers(1, 99).map(lambda n: n / 4)
    return st.sampled_from(parameter.choices) if parameter.choices else _NAMES


@st.composite
def _calls(draw: st.DrawFn) -> ToolCall:
    tool = TOOLS[draw(st.sampled_from(sorted(TOOLS)))]
    given_ = {p.name: draw(_argument(p)) for p in tool.parameters if not p.optional or draw(st.booleans())}
    return ToolCall(tool.name, given_)


@given(_calls())
def test_what_is_written_is_read_back(one: ToolCall) -> None:
    assert parse_call(format_call(one)) == one
    assert "".join(text for text, _ in call_segments(one)) == str(one)
    names = [
        v for p in TOOLS[one.tool].parameters if p.kind in (Kind.THING, Kind.ROOM) and (v := one.arguments.get(p.name))
    ]
    assert [text for text, kind in call_segments(one) if kind is not None] == names


def test_as_it_looks() -> None:
    assert str(call("find", "mug", **{"in": "living room"})) == "find(mug, in=living room)"
    assert str(call("near", Reference(1), 1.5, thing="bowl")) == "near($1, 1.5, thing=bowl)"
    assert str(call("changes", since=600.0, kind="moved")) == "changes(since=600, kind=moved)"
    assert str(call("rooms")) == "rooms()"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("where is the mug", "no call"),
        ("delete($1)", "no tool"),
        ("find()", "needs thing"),
        ("find(mug, kitchen)", "no further argument"),
        ("find(mug, on=kitchen)", "no argument on"),
        ("near(mug)", "not a result"),
        ("near($1, -2)", "not a number"),
        ("relation(above, $1)", "one of on, in"),
        ("find(mug, in=a=b)", "not a room"),
        ("count($1, $2)", "no further argument"),
    ],
)
def test_what_is_no_call_says_why(text: str, said: str) -> None:
    with pytest.raises(CallError, match=said):
        parse_call(text)


def test_results_must_be_there() -> None:
    calls = [parse_call("find(mug)"), parse_call("near($1)"), parse_call("answer(list, $2)")]
    check_references(calls)
    with pytest.raises(CallError, match=r"\$3"):
        check_references([*calls[:1], parse_call("near($3)")])
    with pytest.raises(CallError, match=r"\$0"):
        check_references([parse_call("near($0)")])
    check_references([parse_call("near($0)")], dialogue=True)


def test_prompt_holds_question_names_and_results() -> None:
    start = Transcript("what is next\nto it?", ("mug", "kitchen"), ("where is the mug?", "kitchen"))
    told = start.after(parse_call("relation(next_to, $0)"), "2 things: " + "bowl " * 40)
    lines = prompt_text(told).split("\n")
    assert lines[:3] == ["Known: mug, kitchen", "Before: where is the mug? kitchen", "Question: what is next to it?"]
    assert lines[3] == "relation(next_to, $0)"
    assert lines[4].startswith("= 2 things: bowl") and len(lines[4]) <= RESULT_CHARS + 2
    assert lines[5] == ""
