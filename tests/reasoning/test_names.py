"""No name of a memory can be read as anything but a name."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_agent_ros.reasoning.calls import TOOLS, call, format_call, parse_call
from memory_agent_ros.reasoning.names import NAME_CHARS, harmless, names_of, plain, usable

_TEXTS = st.text(max_size=60) | st.text("mug), (find$=\n;`_<|>", max_size=30)


@given(_TEXTS)
def test_a_usable_name_is_one_argument_and_no_more(text: str) -> None:
    name = usable(text)
    if name:
        written = format_call(call("find", name, state="present"))
        assert parse_call(written).arguments == {"thing": name, "state": "present"}
        assert len(name) <= NAME_CHARS and "\n" not in written


@given(_TEXTS)
def test_plain_text_holds_no_call(text: str) -> None:
    shown = plain(text, 200)
    assert not set(shown) & set(",()=$;\n") and plain(shown, 200) == shown
    assert not any(f"{tool}(" in harmless(text) for tool in TOOLS)


@pytest.mark.parametrize("name", ["", "  ", "()", "anything", "Nothing", "find", "x" * 41, "\u202e\n", "$$$"])
def test_names_that_are_refused(name: str) -> None:
    assert usable(name) == ""


def test_names_of_a_memory_and_their_version() -> None:
    labels = ["coffee_table", "mug", "mug", "find(knife)", "nothing", "a" * 99]
    memory = SimpleNamespace(
        labels=lambda: Counter(labels),
        rooms=lambda: [SimpleNamespace(name="Anna's room"), SimpleNamespace(name="room 2")],
    )
    names = names_of(memory)
    assert names.things == ("coffee table", "find knife", "mug") and names.rooms == ("Anna's room", "room 2")
    assert names_of(memory, names) is names and "mug" in names and "nothing" not in names
    labels.append("vase")
    assert names_of(memory, names).version == names.version + 1


def test_numbers_in_brackets_stay_in_a_sentence() -> None:
    assert harmless("The mug is at (1.0, 2.0) m. find (lamp)") == "The mug is at (1.0, 2.0) m. find lamp)"
