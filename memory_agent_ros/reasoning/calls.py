"""The calls that a question becomes: which tools there are, of what types their arguments, and how a call is written.

A question becomes a short list of calls, one a line, each naming the results of earlier ones:

    find(mug, in=kitchen)
    near($1, 1.5)
    answer(list, $2)

``$n`` is the result of the n-th call, ``$0`` the things that the previous answer of the dialogue spoke of. Names are
entities of the memory (labels and rooms) and two words of our own: ``anything``, and ``nothing`` for what the memory
does not hold. A call only reads; whatever it finds, text from the world never becomes a call.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from memory_agent_ros.records.errors import MemoryAgentError

#: Names that stand for no entity: any thing, and a thing that the memory does not hold.
ANYTHING, NOTHING = "anything", "nothing"
#: Calls that one question may take.
MAX_CALLS = 30
#: A number in a call: metres or seconds, never negative.
NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,2})?")
_CALL = re.compile(r"(?P<tool>[a-z_]+)\((?P<arguments>.*)\)")
_KEYWORD = re.compile(r"(?P<name>[a-z]+)=(?P<value>.+)")


class CallError(MemoryAgentError):
    """A text that is no call, or a call with arguments that its tool does not take; the message says which."""


@dataclass(frozen=True)
class Reference:
    """The result of call ``number``, counted from 1; 0 is what the previous answer spoke of."""

    number: int

    def __str__(self) -> str:
        return f"${self.number}"


#: What an argument may be: a name or one of a parameter's choices, a number, a result.
Argument: TypeAlias = str | float | Reference


class Kind(enum.StrEnum):
    """Types of arguments."""

    THING = "thing"
    ROOM = "room"
    RESULT = "result"
    NUMBER = "number"
    CHOICE = "choice"


@dataclass(frozen=True)
class Parameter:
    """One parameter of a tool.

    Attributes:
        name: what it is called; written out where ``keyword`` is set ("in=kitchen").
        kind: its type. A thing is a label, ``anything`` or ``nothing``; a room the name of a room.
        choices: for a choice, what may stand there.
        optional: may be left out; an optional positional parameter is the last positional one.
        keyword: written as ``name=value``, after the positional ones, in the order of the table.
    """

    name: str
    kind: Kind
    choices: tuple[str, ...] = ()
    optional: bool = False
    keyword: bool = False


@dataclass(frozen=True)
class Tool:
    """One tool.

    Attributes:
        name: what it is called.
        parameters: positional ones first.
        says: what it gives, in a sentence.
    """

    name: str
    parameters: tuple[Parameter, ...]
    says: str


def _required(name: str, kind: Kind, *choices: str) -> Parameter:
    return Parameter(name, kind, choices)


def _optional(name: str, kind: Kind, *choices: str) -> Parameter:
    return Parameter(name, kind, choices, optional=True)


def _keyword(name: str, kind: Kind, *choices: str) -> Parameter:
    return Parameter(name, kind, choices, optional=True, keyword=True)


#: Orders in which one of several things is picked; the first two need something to measure from.
ORDERS = ("nearest", "farthest", "largest", "smallest", "highest", "lowest", "latest", "earliest")
#: What two results are compared by: their numbers of things or their numbers, sizes, heights, times, rooms, looks.
COMPARISONS = ("more", "fewer", "equal", "larger", "smaller", "taller", "shorter", "later", "earlier", "same_room")
#: What an answer tells of its result.
FORMS = (
    "where", "where_before", "room", "yes_no", "number", "list", "when", "which", "attribute", "changes", "describe",
)  # fmt: skip
RELATIONS = ("on", "in", "under", "next_to")
MEASURES = ("distance", "height", "width", "length", "above_floor")
ASPECTS = ("colour", "material", "state", "text")
CHANGES = ("moved", "gone", "added")

_TABLE = (
    Tool(
        "find",
        (
            _required("thing", Kind.THING),
            _keyword("in", Kind.ROOM),
            _keyword("state", Kind.CHOICE, "present", "gone"),
        ),
        "things of a kind, present and gone ones, in the whole map or in a room",
    ),
    Tool("rooms", (), "all rooms"),
    Tool(
        "near",
        (_required("around", Kind.RESULT), _optional("metres", Kind.NUMBER), _keyword("thing", Kind.THING)),
        "present things within so many metres (1) of others, nearest first",
    ),
    Tool(
        "relation",
        (
            _required("kind", Kind.CHOICE, *RELATIONS),
            _required("of", Kind.RESULT),
            _keyword("thing", Kind.THING),
        ),
        "present things that are on, in, under or next to others",
    ),
    Tool("keep", (_required("of", Kind.RESULT), _required("among", Kind.RESULT)), "things that are in both results"),
    Tool(
        "pick",
        (_required("order", Kind.CHOICE, *ORDERS), _required("of", Kind.RESULT), _optional("to", Kind.RESULT)),
        "the one that comes first in an order",
    ),
    Tool("count", (_required("of", Kind.RESULT),), "how many of them are present"),
    Tool("last_seen", (_required("of", Kind.RESULT),), "when one of them was last seen"),
    Tool("history", (_required("of", Kind.RESULT),), "what happened to them, oldest first"),
    Tool(
        "changes",
        (
            _keyword("since", Kind.NUMBER),
            _keyword("kind", Kind.CHOICE, *CHANGES),
            _keyword("thing", Kind.THING),
        ),
        "what was moved, is gone or came, in the last so many seconds or ever",
    ),
    Tool(
        "describe_view",
        (_required("of", Kind.RESULT), _required("aspect", Kind.CHOICE, *ASPECTS)),
        "what the stored pictures show of a thing",
    ),
    Tool(
        "measure",
        (_required("what", Kind.CHOICE, *MEASURES), _required("of", Kind.RESULT), _optional("to", Kind.RESULT)),
        "metres: between two things, or of one",
    ),
    Tool(
        "compare",
        (
            _required("by", Kind.CHOICE, *COMPARISONS),
            _required("of", Kind.RESULT),
            _required("with", Kind.RESULT),
        ),
        "whether the first is more, larger, later ... than the second, and which of them is",
    ),
    Tool(
        "answer",
        (_required("form", Kind.CHOICE, *FORMS), _required("of", Kind.RESULT)),
        "ends the list: what is told of a result",
    ),
)
#: Tool by name. ``answer`` ends a list of calls.
TOOLS: Mapping[str, Tool] = {tool.name: tool for tool in _TABLE}


@dataclass(frozen=True)
class ToolCall:
    """A call.

    Attributes:
        tool: key of :data:`TOOLS`.
        arguments: by parameter, in the order of the table; optional ones may be missing.
    """

    tool: str
    arguments: Mapping[str, Argument] = field(default_factory=dict)

    @property
    def is_answer(self) -> bool:
        """Whether it ends the list."""
        return self.tool == "answer"

    def __str__(self) -> str:
        return format_call(self)


def call(tool: str, *positional: Argument, **keywords: Argument) -> ToolCall:
    """A checked call: ``call("find", "mug", **{"in": "kitchen"})``.

    Raises:
        CallError: it has not the arguments that the tool takes.
    """
    known = TOOLS.get(tool)
    if known is None:
        raise CallError(f"there is no tool {tool!r}; there are {', '.join(TOOLS)}")
    given = dict(zip((p.name for p in known.parameters if not p.keyword), positional, strict=False))
    if len(given) < len(positional):
        raise CallError(f"{tool} takes no {len(positional)} arguments")
    given |= keywords
    ordered = {p.name: given.pop(p.name) for p in known.parameters if p.name in given}
    if given:
        raise CallError(f"{tool} has no argument {', '.join(given)}")
    for parameter in known.parameters:
        _check(tool, parameter, ordered.get(parameter.name))
    return ToolCall(tool, ordered)


def _check(tool: str, parameter: Parameter, value: Argument | None) -> None:
    if value is None:
        if not parameter.optional:
            raise CallError(f"{tool} needs {parameter.name}")
        return
    fits = {
        Kind.RESULT: isinstance(value, Reference),
        Kind.NUMBER: isinstance(value, int | float) and not isinstance(value, bool) and value >= 0,
        Kind.CHOICE: value in parameter.choices,
    }.get(parameter.kind, isinstance(value, str) and _is_name(value))
    if not fits:
        wanted = f"one of {', '.join(parameter.choices)}" if parameter.choices else f"a {parameter.kind}"
        raise CallError(f"{parameter.name} of {tool} is {value!s}, not {wanted}")


def _is_name(text: str) -> bool:
    """Names keep to characters that do not end them."""
    return bool(text) and text == text.strip() and not set(text) & set(",()=$\n")


def format_call(one: ToolCall) -> str:
    """As it is written; the inverse of :func:`parse_call`."""
    return "".join(text for text, _ in call_segments(one))


def call_segments(one: ToolCall) -> list[tuple[str, Kind | None]]:
    """The pieces of a written call: (text, kind) with the kind of things and rooms, None for all other text."""
    pieces: list[tuple[str, Kind | None]] = [(f"{one.tool}(", None)]
    for number, parameter in enumerate(p for p in TOOLS[one.tool].parameters if p.name in one.arguments):
        value = one.arguments[parameter.name]
        lead = ", " * bool(number) + f"{parameter.name}=" * parameter.keyword
        if parameter.kind in (Kind.THING, Kind.ROOM):
            pieces += [(lead, None), (str(value), parameter.kind)]
        else:
            pieces.append((lead + (_number(value) if isinstance(value, int | float) else str(value)), None))
    pieces.append((")", None))
    joined: list[tuple[str, Kind | None]] = []
    for text, kind in pieces:
        if kind is None and joined and joined[-1][1] is None:
            joined[-1] = (joined[-1][0] + text, None)
        elif text:
            joined.append((text, kind))
    return joined


def _number(value: float) -> str:
    """As :data:`NUMBER` has it, to two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def parse_call(text: str) -> ToolCall:
    """A call from its text.

    Raises:
        CallError: the text is no call, or not one that its tool takes.
    """
    match = _CALL.fullmatch(text.strip())
    if match is None:
        raise CallError(f"{text!r} is no call")
    tool = TOOLS.get(match["tool"])
    if tool is None:
        raise CallError(f"there is no tool {match['tool']!r}; there are {', '.join(TOOLS)}")
    positional: list[Argument] = []
    keywords: dict[str, Argument] = {}
    plain = [p for p in tool.parameters if not p.keyword]
    for part in [p.strip() for p in match["arguments"].split(",")] if match["arguments"].strip() else []:
        named = _KEYWORD.fullmatch(part)
        if named is not None:
            keyword = next((p for p in tool.parameters if p.keyword and p.name == named["name"]), None)
            if keyword is None:
                raise CallError(f"{tool.name} has no argument {named['name']}")
            keywords[keyword.name] = _value(keyword, named["value"])
        elif len(positional) < len(plain) and not keywords:
            positional.append(_value(plain[len(positional)], part))
        else:
            raise CallError(f"{tool.name} takes no further argument {part!r}")
    return call(tool.name, *positional, **keywords)


def _value(parameter: Parameter, text: str) -> Argument:
    if parameter.kind is Kind.RESULT and re.fullmatch(r"\$[0-9]{1,2}", text):
        return Reference(int(text[1:]))
    if parameter.kind is Kind.NUMBER and NUMBER.fullmatch(text):
        return float(text)
    return text


def check_references(calls: Sequence[ToolCall], dialogue: bool = False) -> None:
    """Each call may name results of calls before it, and ``$0`` only after an answer.

    Raises:
        CallError: one names a result that there is not yet.
    """
    for number, one in enumerate(calls, start=1):
        for value in one.arguments.values():
            if isinstance(value, Reference) and not (1 - dialogue <= value.number < number):
                raise CallError(f"{one} names {value}, which there is not")
