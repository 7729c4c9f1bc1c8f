"""Ways to keep a model to a set of names, one step of a batch at a time: scores in, the best allowed tokens out.

Each arm gets the scores as the model leaves them, a (B, vocabulary) tensor, and keeps what state it likes. All but the
grammar and the free arm have the same sequences of tokens, so they must choose the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from memory_agent_ros.evaluation.constrained.names import NameSet
from memory_agent_ros.reasoning.decoding.codec import CallCodec
from memory_agent_ros.reasoning.decoding.grammar import allowed_tokens
from memory_agent_ros.reasoning.decoding.processor import TrieProcessor
from memory_agent_ros.reasoning.decoding.search import greedy_step
from memory_agent_ros.reasoning.decoding.trie import ROOT, Trie, build

#: Names that a grammar is built of at most: building takes 4 s for as many, and grows faster than they do.
MOST_ALTERNATIVES = 100_000
_PROMPT = 4


class Arm(Protocol):
    """One way."""

    def start(self, rows: int) -> None:
        """Begin a name in each row."""
        ...

    def step(self, scores: Any, written: Any) -> NDArray[np.integer]:
        """The next token of each row; the stop token in rows that are done.

        Args:
            scores: (B, vocabulary) float32.
            written: (B, T) int64 prompt and tokens so far.
        """
        ...


class TrieArm:
    """Ours: compact candidates."""

    def __init__(self, trie: Trie, stop: int) -> None:
        self._trie, self._stop = trie, stop

    def start(self, rows: int) -> None:
        """Begin."""
        self._nodes = np.full(rows, ROOT, np.int64)

    def step(self, scores: Any, written: Any) -> NDArray[np.integer]:
        """Next tokens."""
        tokens, self._nodes = greedy_step(self._trie, scores.numpy(), self._nodes, self._stop)
        return tokens


class ProcessorArm:
    """Any logits processor of transformers, then the best of the masked scores."""

    def __init__(self, processor: Callable[[Any, Any], Any]) -> None:
        self._processor = processor

    def start(self, rows: int) -> None:
        """Nothing is kept: the processor reads all tokens so far."""

    def step(self, scores: Any, written: Any) -> NDArray[np.integer]:
        """Next tokens."""
        best: NDArray[np.integer] = self._processor(written, scores).argmax(-1).numpy()
        return best


class DictTrieArm:
    """Nested dictionaries, one row after the other; a token without alternative is taken unseen."""

    def __init__(self, root: dict[int, Any], stop: int) -> None:
        self._root, self._stop = root, stop

    def start(self, rows: int) -> None:
        """Begin."""
        self._at = [self._root] * rows

    def step(self, scores: Any, written: Any) -> NDArray[np.integer]:
        """Next tokens."""
        values, out = scores.numpy(), []
        for row, node in enumerate(self._at):
            keys = list(node)
            if not keys:
                out.append(self._stop)
                continue
            best = keys[0] if len(keys) == 1 else keys[int(values[row].take(keys).argmax())]
            self._at[row] = node[best]
            out.append(best)
        return np.array(out)


class GrammarArm:
    """llguidance with the names as alternatives of one token of its lexer, which is the form that it builds fastest.

    It follows bytes: a name may be written in any tokens that spell it.
    """

    def __init__(self, matcher: Any, stop: int) -> None:
        self._matcher, self._stop = matcher, stop

    def start(self, rows: int) -> None:
        """Begin."""
        self._at = [self._matcher.deep_copy() for _ in range(rows)]
        self._done = [False] * rows

    def step(self, scores: Any, written: Any) -> NDArray[np.integer]:
        """Next tokens."""
        values, out = scores.numpy(), np.full(len(self._at), self._stop)
        for row, matcher in enumerate(self._at):
            if self._done[row]:
                continue
            allowed = allowed_tokens(matcher)
            out[row] = allowed[values[row].take(allowed).argmax()]
            self._done[row] = out[row] == self._stop
            if not self._done[row]:
                matcher.consume_token(int(out[row]))
        return out


class FreeArm:
    """No constraint: the best of all tokens."""

    def start(self, rows: int) -> None:
        """Nothing is kept."""

    def step(self, scores: Any, written: Any) -> NDArray[np.integer]:
        """Next tokens."""
        best: NDArray[np.integer] = scores.argmax(-1).numpy()
        return best


def dict_trie(ids: Sequence[Sequence[int]], stop: int) -> dict[int, Any]:
    """Names as nested dictionaries; the stop token leads to an empty one."""
    root: dict[int, Any] = {}
    for name in ids:
        node = root
        for token in name:
            node = node.setdefault(token, {})
        node[stop] = {}
    return root


def follow(root: dict[int, Any], stop: int) -> Callable[[int, Any], list[int]]:
    """What ``PrefixConstrainedLogitsProcessor`` asks: the tokens that may follow those of a row."""

    def allowed(batch: int, row: Any) -> list[int]:
        node = root
        for token in row[_PROMPT:].tolist():
            node = node.get(token, {})
        return list(node) or [stop]

    return allowed


def grammar_matcher(texts: Sequence[str], codec: CallCodec) -> Any:
    """A matcher of llguidance for any of the names, a space before each."""
    import llguidance

    tokens = llguidance.LLTokenizer(codec.backend.to_str(), eos_token=codec.stop, slices=[])
    limits = llguidance._lib.LLParserLimits(
        initial_lexer_fuel=10**9, step_lexer_fuel=10**9, max_lexer_states=10**7, max_grammar_size=10**8
    )
    made = llguidance.LLMatcher(tokens, f"start: NAME\nNAME: / ({'|'.join(texts)})/", limits=limits)
    if made.is_error():
        raise AssertionError(made.get_error())
    return made


def arms(names: NameSet, trie: Trie, root: dict[int, Any], matcher: Any | None) -> dict[str, Arm]:
    """All arms over the same names, ours first."""
    from transformers import PrefixConstrainedLogitsProcessor

    made: dict[str, Arm] = {
        "trie": TrieArm(trie, names.stop),
        "trie_processor": ProcessorArm(TrieProcessor(trie, names.stop, _PROMPT)),
        "dict_trie": DictTrieArm(root, names.stop),
        "prefix_processor": ProcessorArm(PrefixConstrainedLogitsProcessor(follow(root, names.stop), 1)),
    }
    if matcher is not None:
        made["grammar"] = GrammarArm(matcher, names.stop)
    return made | {"unconstrained": FreeArm()}


def prompts(rows: int) -> Any:
    """(B, T) what stands before the names: any tokens."""
    return torch.zeros(rows, _PROMPT, dtype=torch.int64)


def trie_of(names: NameSet) -> Trie:
    """Ours, of token ids."""
    return build(names.ids, names.vocabulary)
