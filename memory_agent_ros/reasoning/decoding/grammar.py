"""The grammar of calls, from the table of tools, for llguidance (Microsoft, MIT).

llguidance tells which tokens may follow. Where a name stands it sees one token that no text has; the tries of the names
take over there. So the memory's names, which change, never become part of a grammar.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from memory_agent_ros.reasoning.calls import TOOLS, Kind, Parameter, Tool
from memory_agent_ros.reasoning.decoding.codec import CallCodec
from memory_agent_ros.reasoning.decoding.trie import Tokens
from memory_agent_ros.records.errors import BadInputError, MissingExtraError

#: What the grammar sees in place of a name.
PLACEHOLDERS = {Kind.THING: "<|memory_thing|>", Kind.ROOM: "<|memory_room|>"}
_NUMBER = r"NUMBER: /[0-9]{1,9}(\.[0-9]{1,2})?/"
#: Grammars kept: one for each number of results so far, with and without rooms, is plenty.
_KEPT = 256


@dataclass(frozen=True)
class CallScope:
    """What a call may refer to.

    Attributes:
        results: numbers of the results that there are; 0 for what the previous answer spoke of.
        kinds: kinds of names of which there are any.
        tools: tools that may be called.
    """

    results: tuple[int, ...] = ()
    kinds: frozenset[Kind] = frozenset(PLACEHOLDERS)
    tools: tuple[str, ...] = tuple(TOOLS)

    @classmethod
    def after(
        cls, calls: int, dialogue: bool = False, kinds: Collection[Kind] | None = None, tools: Sequence[str] = ()
    ) -> CallScope:
        """The scope after so many calls.

        Args:
            calls: whose results there are.
            dialogue: whether there was an answer before.
            kinds: of names; all by default.
            tools: all by default.
        """
        results = tuple(range(0 if dialogue else 1, calls + 1))
        return cls(results, frozenset(PLACEHOLDERS if kinds is None else kinds), tuple(tools or TOOLS))


def lark(scope: CallScope) -> str:
    """The grammar of one call.

    Raises:
        BadInputError: ``no_tool``; ``tool_unknown``.
    """
    unknown = [name for name in scope.tools if name not in TOOLS]
    if unknown:
        raise BadInputError("tool_unknown", f"no tool {', '.join(unknown)}; there are {', '.join(TOOLS)}")
    rules = {name: rule for name in scope.tools if (rule := _tool(TOOLS[name], scope)) is not None}
    if not rules:
        raise BadInputError("no_tool", "no tool can be called without a result; allow find, rooms or changes")
    lines = [f"start: {' | '.join(rules)}", *(f"{name}: {rule}" for name, rule in rules.items())]
    lines += [f"thing: {PLACEHOLDERS[Kind.THING]}", f"room: {PLACEHOLDERS[Kind.ROOM]}", _NUMBER]
    if scope.results:
        lines.append("result: " + " | ".join(f'"${number}"' for number in scope.results))
    return "\n".join(lines) + "\n"


def _tool(tool: Tool, scope: CallScope) -> str | None:
    """The rule of a tool, or None if one of its arguments cannot be given."""
    possible = [p for p in tool.parameters if _possible(p, scope)]
    if any(not p.optional for p in tool.parameters if p not in possible):
        return None
    return f'"{tool.name}(" {_arguments(possible, first=True)} ")"'


def _possible(parameter: Parameter, scope: CallScope) -> bool:
    if parameter.kind is Kind.RESULT:
        return bool(scope.results)
    return parameter.kind not in PLACEHOLDERS or parameter.kind in scope.kinds


def _arguments(parameters: Sequence[Parameter], first: bool) -> str:
    """The arguments from here on; commas stand between those that are there."""
    if not parameters:
        return ""
    one, rest = parameters[0], parameters[1:]
    lead = ", " * (not first) + f"{one.name}=" * one.keyword
    given = f'"{lead}" {_value(one)}' if lead else _value(one)
    after = _arguments(rest, first=False)
    if not one.optional:
        return f"{given} {after}"
    if not first:
        return f"({given})? {after}"
    without = _arguments(rest, first=True)
    return f"({given} {after}{f' | {without}' if without else ''})?"


def _value(parameter: Parameter) -> str:
    if parameter.kind is Kind.CHOICE:
        return "(" + " | ".join(f'"{choice}"' for choice in parameter.choices) + ")"
    return "NUMBER" if parameter.kind is Kind.NUMBER else str(parameter.kind)


class CallGrammar:
    """Matchers of calls for one tokenizer.

    Args:
        codec: of the tokenizer.

    Raises:
        MissingExtraError: llguidance is not installed.
        BadInputError: ``tokenizer`` if llguidance cannot read it.
    """

    def __init__(self, codec: CallCodec) -> None:
        try:
            import llguidance
        except ImportError as error:
            raise MissingExtraError(
                "constrained calls need llguidance: pip install 'memory_agent_ros[language]'"
            ) from error
        self.codec = codec
        own = type(codec.backend).from_str(codec.backend.to_str())
        own.add_special_tokens(list(PLACEHOLDERS.values()))
        #: Token id that the grammar sees in place of a name.
        self.placeholders: dict[Kind, int] = {kind: own.token_to_id(text) for kind, text in PLACEHOLDERS.items()}
        try:
            self._tokens = llguidance.LLTokenizer(own.to_str(), eos_token=codec.stop, slices=[])
        except (ValueError, RuntimeError) as error:
            raise BadInputError("tokenizer", f"llguidance cannot read this tokenizer: {error}") from error
        self._matcher = llguidance.LLMatcher
        self._prototype = lru_cache(_KEPT)(self._made)

    def matcher(self, scope: CallScope) -> Any:
        """A matcher at the beginning of a call.

        Raises:
            BadInputError: ``no_tool``, ``tool_unknown``.
        """
        return self._prototype(scope).deep_copy()

    def _made(self, scope: CallScope) -> Any:
        made = self._matcher(self._tokens, lark(scope))
        if made.is_error():
            raise AssertionError(f"the grammar of calls is no grammar: {made.get_error()}")
        return made


def allowed_tokens(matcher: Any) -> Tokens:
    """(A,) int32 ascending ids that a matcher allows next, placeholders included."""
    packed = np.frombuffer(matcher.compute_bitmask(), np.uint8)
    some = np.flatnonzero(packed)
    rows, bits = np.nonzero(np.unpackbits(packed[some, None], axis=1, bitorder="little"))
    return (some[rows] * 8 + bits).astype(np.int32)
