"""What the templates are sure of, and what they leave alone."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from memory_agent_ros.reasoning.calls import parse_call
from memory_agent_ros.reasoning.names import MemoryNames
from memory_agent_ros.reasoning.rules.plain_forms import _SENTENCES
from memory_agent_ros.reasoning.rules.translate import loosely, translate

NAMES = MemoryNames(("book", "coffee table", "mug", "table"), ("Anna's room", "kitchen"), 1)


def _find(label: str | None = None, *, text: str = "", **_: object) -> list[SimpleNamespace]:
    """A memory of mugs that knows that a cup is one."""
    if label in ("mug", "any mug") or text == "cup":
        return [SimpleNamespace(id=1, label="mug", relevance=0.9)]
    return []


def _calls(question: str, follows: bool = False) -> str | None:
    memory = SimpleNamespace(find=lambda *_, **__: [])
    found = translate(question, memory, NAMES, follows)
    return None if found is None else "; ".join(str(c) for c in found.calls)


@pytest.mark.parametrize(
    ("question", "calls"),
    [
        ("Where is the mug?", "find(mug); answer(where, $1)"),
        ("where are the coffee tables?", "find(coffee table); answer(where, $1)"),
        ("How many mugs are in the kitchen?", "find(mug, in=kitchen); count($1); answer(number, $2)"),
        ("which mugs are on the table?", "find(table); relation(on, $1, thing=mug); answer(list, $2)"),
        ("what is in Anna's room?", "find(anything, in=Anna's room); answer(list, $1)"),
        ("mugs in the kitchen on the table",
         "find(table); relation(on, $1, thing=mug); find(mug, in=kitchen); keep($2, $3); answer(list, $4)"),
        ("how many rooms are there?", "rooms(); count($1); answer(number, $2)"),
        ("what changed in the last 5 minutes?", "changes(since=300); answer(changes, $1)"),
        ("where is the piano?", "find(nothing); answer(where, $1)"),
        ("What colour is the mug?", "find(mug); describe_view($1, colour); answer(attribute, $2)"),
        ("How far is the mug from the table?",
         "find(mug); find(table); measure(distance, $1, $2); answer(number, $3)"),
        ("which mug is nearest to the table?", "find(mug); find(table); pick(nearest, $1, $2); answer(which, $3)"),
        ("are there more mugs than books?", "find(mug); find(book); compare(more, $1, $2); answer(yes_no, $3)"),
        ("where was the mug before?", "find(mug); answer(where_before, $1)"),
        ("has the book been moved?", "changes(kind=moved, thing=book); answer(yes_no, $1)"),
        ("which room is the largest?", "rooms(); pick(largest, $1); answer(which, $2)"),
    ],
)  # fmt: skip
def test_sure(question: str, calls: str) -> None:
    assert _calls(question) == calls


@pytest.mark.parametrize(
    "question",
    [
        "where is the red mug?", "where is the mug that I used yesterday?", "is the mug on the table or the book?",
        "what is next to it?", "where is the largest mug in the house?", "how many mugs and books are there?",
        "what colour is the red mug?", "how far is the mug from the window in the hall?", "why is the mug here?",
        "mugs on the table in the kitchen", "what is within 2 m of (1.0, 2.5)?", "tell me about the mug", "",
        "how many mugs are there in total?", "how many are these?", "what is in the attic?",
    ],
)  # fmt: skip
def test_not_sure(question: str) -> None:
    assert _calls(question) is None


@pytest.mark.parametrize(
    ("question", "calls", "unchecked"),
    [
        ("where is the red mug?", "find(mug); answer(where, $1)", ("red",)),
        ("how many cups are in the kitchen, please tell", None, ()),
        ("is there a cup in the kitchen now and then?", None, ()),
        ("is there any cup in the kitchen?", "find(mug, in=kitchen); answer(yes_no, $1)", ()),
        ("what is next to the broken mug?", "find(mug); relation(next_to, $1); answer(list, $2)", ("broken",)),
        ("did the old mug move?", "changes(thing=mug); answer(changes, $1)", ("old",)),
        ("when did you last see the zither that hums?", "find(nothing); last_seen($1); answer(when, $2)", ()),
        ("I wonder about any mugs in it", "find(mug); answer(list, $1)", ("i wonder about",)),
        ("what is in the attic?", None, ()),
        ("what is within 2 m of (1.0, 2.5)?", None, ()),
        ("why is the sky blue?", None, ()),
    ],
)
def test_as_well_as_templates_can(question: str, calls: str | None, unchecked: tuple[str, ...]) -> None:
    found = loosely(question, SimpleNamespace(find=_find), NAMES)
    assert (None if found is None else "; ".join(str(c) for c in found.calls)) == calls
    assert found is None or found.unchecked == unchecked


def test_it_is_the_thing_before() -> None:
    assert _calls("and what is on it?", follows=True) == "relation(on, $0); answer(list, $1)"
    assert _calls("where is it?", follows=True) == "answer(where, $0)"
    assert _calls("how many are these?", follows=True) == "count($0); answer(number, $1)"
    assert _calls("what colour is it?", follows=True) is None


def test_every_sentence_means_calls_that_can_be_written() -> None:
    for _, program in _SENTENCES:
        for call in program.format(x="mug", y="book", r="kitchen").split(";"):
            parse_call(call.strip())
