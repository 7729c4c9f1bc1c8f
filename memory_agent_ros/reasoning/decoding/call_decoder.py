"""One call, token by token: what may follow, what must, and how much of the model's belief the constraint left."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from memory_agent_ros.reasoning.calls import Kind, ToolCall, parse_call
from memory_agent_ros.reasoning.decoding.entities import Entities
from memory_agent_ros.reasoning.decoding.grammar import CallGrammar, CallScope, allowed_tokens
from memory_agent_ros.reasoning.decoding.trie import OUTSIDE, ROOT, Tokens
from memory_agent_ros.records.errors import BadInputError


@dataclass(frozen=True)
class Slot:
    """A place for a name in the call.

    Attributes:
        kind: of the name.
        first: number of its first token in the call.
        last: number of the token after the name, with which the model ended it; -1 while it is open.
        spelled: the name as it stands in the call; "" while it is open.
        names: names of the memory that are spelled so.
    """

    kind: Kind
    first: int
    last: int = -1
    spelled: str = ""
    names: tuple[str, ...] = ()


class CallDecoder:
    """Follows one call as it is written.

    Args:
        grammar: of the calls.
        entities: the names that may stand in it; kept to the end of the call, whatever the index does.
        scope: what it may refer to; kinds of names of which there are none are left out of it.

    Raises:
        BadInputError: ``no_tool``, ``tool_unknown``.
    """

    def __init__(self, grammar: CallGrammar, entities: Entities, scope: CallScope) -> None:
        self._grammar, self._entities = grammar, entities
        self._scope = replace(scope, kinds=scope.kinds & entities.kinds)
        self._matcher = grammar.matcher(self._scope)
        self._node = OUTSIDE
        self._allowed: tuple[Tokens, Kind | None] | None = None
        self.ids: list[int] = []
        self.slots: list[Slot] = []

    @property
    def done(self) -> bool:
        """Whether the call is whole."""
        return self._node == OUTSIDE and bool(self._matcher.is_accepting())

    @property
    def in_name(self) -> bool:
        """Whether the last token belongs to a name that may go on."""
        return self._node != OUTSIDE

    def allowed(self) -> Tokens:
        """(A,) int32 ascending ids that may follow; empty when the call is whole."""
        return self._next()[0]

    def at_name(self) -> bool:
        """Whether a name may begin, go on or end here: where the constraint is on what the memory holds."""
        return self.in_name or self._next()[1] is not None

    def advance(self, token: int) -> None:
        """One more token.

        Raises:
            BadInputError: ``token_not_allowed``.
        """
        allowed, opens = self._next()
        place = int(np.searchsorted(allowed, token))
        if place >= len(allowed) or allowed[place] != token:
            raise BadInputError("token_not_allowed", f"token {token} does not continue {self.text()!r}")
        if opens is not None:
            node = self._names(opens).trie.advance(np.array([ROOT]), np.array([token]))[0]
            if node != OUTSIDE:
                self._matcher.consume_token(self._grammar.placeholders[opens])
                self.slots.append(Slot(opens, len(self.ids)))
            self._move(int(node), token)
        elif self.in_name:
            node = self._names(self.slots[-1].kind).trie.advance(np.array([self._node]), np.array([token]))[0]
            if node == OUTSIDE:
                self._close()
            self._move(int(node), token)
        else:
            self._move(OUTSIDE, token)

    def take_forced(self) -> list[int]:
        """Append all tokens that are the only ones allowed, and return them: the model need not be asked."""
        start = len(self.ids)
        while len(self.allowed()) == 1:
            self.advance(int(self.allowed()[0]))
        return self.ids[start:]

    def text(self) -> str:
        """The call so far, names as they are spelled."""
        out, at = "", 0
        for slot in self.slots:
            out += self._grammar.codec.text(self.ids[at : slot.first])
            if slot.last < 0:
                return out + self._grammar.codec.text(self.ids[slot.first :])
            out, at = out + slot.spelled, slot.last
        return out + self._grammar.codec.text(self.ids[at:])

    def call(self) -> ToolCall:
        """The call, when it is whole.

        Raises:
            CallError: it is not whole.
        """
        return parse_call(self.text())

    def copy(self) -> CallDecoder:
        """Another one in the same place."""
        twin = object.__new__(CallDecoder)
        twin.__dict__.update(self.__dict__)
        twin._matcher = self._matcher.deep_copy()
        twin.ids, twin.slots = list(self.ids), list(self.slots)
        return twin

    def _names(self, kind: Kind) -> Any:
        return self._entities.of[kind]

    def _move(self, node: int, token: int) -> None:
        if node == OUTSIDE:
            self._matcher.consume_token(token)
        self._node, self._allowed = node, None
        self.ids.append(token)

    def _close(self) -> None:
        slot = self.slots[-1]
        names = self._names(slot.kind)
        rows = names.trie.names_at(self._node)
        found = tuple(names.names[row] for row in rows)
        self.slots[-1] = replace(slot, last=len(self.ids), spelled=names.spelled[rows[0]], names=found)

    def _next(self) -> tuple[Tokens, Kind | None]:
        """What may follow, and the kind of a name that may begin here."""
        if self._allowed is None:
            self._allowed = self._found()
        return self._allowed

    def _found(self) -> tuple[Tokens, Kind | None]:
        if self.in_name:
            trie = self._names(self.slots[-1].kind).trie
            inside = trie.allowed(self._node)
            return (_either(inside, self._syntax()) if trie.ends[self._node] else inside), None
        if self.done:
            return np.zeros(0, np.int32), None
        syntax = self._syntax()
        for kind, placeholder in self._grammar.placeholders.items():
            if placeholder in syntax:
                return _either(syntax[syntax != placeholder], self._names(kind).trie.allowed(ROOT)), kind
        return syntax, None

    def _syntax(self) -> Tokens:
        return allowed_tokens(self._matcher)


def _either(one: Tokens, other: Tokens) -> Tokens:
    return np.union1d(one, other) if len(one) and len(other) else (one if len(one) else other)
