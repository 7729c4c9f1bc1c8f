"""A trie over token ids as flat arrays: what may follow a prefix is a slice, for many beams at once.

After STATIC ("Vectorizing the Trie", arXiv 2602.22647): transitions in compressed sparse rows, a dense table for the
first level. Differences: names have any length, so nodes inside the trie may end a name; nodes are numbered level by
level in the order of their edges, so that edge ``e`` leads to node ``e + 1`` and no table of children is kept; and
steps give the allowed tokens themselves, not a mask over the vocabulary, which on a CPU costs more than the search.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.records.errors import BadInputError

#: The node before the first token.
ROOT = 0
#: In place of a node: the tokens read so far begin no name.
OUTSIDE = -1
#: In place of the only token that may follow: a name must end here; there is a choice.
END, SEVERAL = -1, -2

Tokens = NDArray[np.int32]
Nodes = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Candidates:
    """What may follow at each of M beams, beam after beam.

    Attributes:
        tokens: (C,) int32, ascending within a beam.
        nodes: (C,) int64 the node each token leads to.
        starts: (M + 1,) int64; beam m has the entries ``starts[m]:starts[m + 1]``.
        ends: (M,) bool, whether a name may end here.
    """

    tokens: Tokens
    nodes: Nodes
    starts: NDArray[np.int64]
    ends: Flags

    @property
    def rows(self) -> NDArray[np.int64]:
        """(C,) the beam of each entry."""
        return np.repeat(np.arange(len(self.ends)), np.diff(self.starts))


@dataclass(frozen=True, eq=False)
class Trie:
    """Names as token ids. Never changes; :meth:`permitted` gives another one.

    Attributes:
        vocabulary: number of token ids.
        tokens: (E,) int32 token of each edge, ordered by parent, then token; edge e leads to node e + 1.
        first_edge: (E + 2,) int64; node s has the edges ``first_edge[s]:first_edge[s + 1]``.
        levels: (L + 2,) int64, the first node of each depth, and the number of nodes. The root is depth 0.
        keys: (E,) int64, ``parent * vocabulary + token``, ascending.
        first: (vocabulary,) int64 dense first level: the node under the root, or OUTSIDE.
        node_of: (N,) int64 the node at which each name ends; OUTSIDE for names that are not permitted.
        ends: (E + 1,) bool, whether a name ends at a node.
        only: (E + 2,) int32 the token that alone may follow a node, or END, or SEVERAL; the last entry is OUTSIDE's.
    """

    vocabulary: int
    tokens: Tokens
    first_edge: NDArray[np.int64]
    levels: NDArray[np.int64]
    keys: NDArray[np.int64]
    first: Nodes
    node_of: Nodes
    ends: Flags
    only: Tokens

    def __len__(self) -> int:
        """How many names can be reached."""
        return int(np.count_nonzero(self.node_of >= 0))

    @property
    def depth(self) -> int:
        """Tokens of the longest name."""
        return len(self.levels) - 2

    def candidates(self, nodes: Nodes) -> Candidates:
        """What may follow.

        Args:
            nodes: (M,) int64; nothing follows at OUTSIDE.
        """
        inside = np.maximum(nodes, ROOT)
        begin = self.first_edge[inside]
        count = np.where(nodes >= 0, self.first_edge[inside + 1] - begin, 0)
        starts = np.zeros(len(nodes) + 1, np.int64)
        np.cumsum(count, out=starts[1:])
        edges = np.arange(starts[-1]) + np.repeat(begin - starts[:-1], count)
        return Candidates(self.tokens[edges], edges + 1, starts, self.ends[inside] & (nodes >= 0))

    def allowed(self, node: int) -> Tokens:
        """The tokens that may follow one node, ascending, as a view."""
        if node < 0:
            return self.tokens[:0]
        return self.tokens[self.first_edge[node] : self.first_edge[node + 1]]

    def advance(self, nodes: Nodes, tokens: NDArray[np.int64]) -> Nodes:
        """The nodes after one more token; OUTSIDE where it does not follow.

        Args:
            nodes: (M,) int64.
            tokens: (M,) of any integer type.
        """
        if not nodes.any():
            known = (tokens >= 0) & (tokens < self.vocabulary)
            return np.where(known, self.first[np.where(known, tokens, 0)], OUTSIDE)
        if not len(self.keys):
            return np.full(len(nodes), OUTSIDE)
        wanted = nodes * self.vocabulary + tokens
        edges = np.searchsorted(self.keys, wanted)
        found = self.keys.take(edges, mode="clip") == wanted
        return np.where(found & (nodes >= 0) & (tokens >= 0) & (tokens < self.vocabulary), edges + 1, OUTSIDE)

    def walk(self, ids: Sequence[int]) -> int:
        """The node after a sequence of token ids, from the root; OUTSIDE if no name begins so."""
        node = np.zeros(1, np.int64)
        for token in ids:
            node = self.advance(node, np.array([token]))
        return int(node[0])

    def mask(self, nodes: Nodes) -> Flags:
        """(M, vocabulary) bool of the tokens that may follow; for a GPU see ``torch_trie``."""
        found = self.candidates(nodes)
        out = np.zeros((len(nodes), self.vocabulary), np.bool_)
        out[found.rows, found.tokens] = True
        return out

    def names_at(self, node: int) -> NDArray[np.int64]:
        """The names that end at a node: several if names have the same tokens."""
        return np.flatnonzero(self.node_of == node) if node >= 0 else np.zeros(0, np.int64)

    def permitted(self, names: Flags) -> Trie:
        """The trie without some of its names: an edge stays if a permitted name lies below it.

        Args:
            names: (N,) bool. Names that were not permitted before stay so.

        Nothing is sorted: what is left keeps its order, so that the rule of the numbering still holds.
        """
        node_of = np.where(names, self.node_of, OUTSIDE)
        ends = np.zeros(len(self.ends), np.bool_)
        ends[node_of[node_of >= 0]] = True
        parents = self._parents()
        keep = ends.copy()
        for low, high in itertools.pairwise(self.levels[:0:-1]):  # from the deepest level up
            below = np.arange(high, low)
            keep[parents[below[keep[below]] - 1]] = True
        keep[ROOT] = True
        number = np.cumsum(keep) - 1
        edges = keep[1:]
        levels = _levels(np.add.reduceat(keep, self.levels[:-1], dtype=np.int64))
        node_of = np.where(node_of >= 0, number[node_of], OUTSIDE)
        return _assemble(self.vocabulary, number[parents[edges]], self.tokens[edges], levels, node_of)

    def _parents(self) -> Nodes:
        """(E,) the node each edge leaves."""
        return np.repeat(np.arange(len(self.ends)), np.diff(self.first_edge))


def build(names: Sequence[Sequence[int]], vocabulary: int) -> Trie:
    """A trie of names.

    Args:
        names: N sequences of token ids; repeated ones share a node.
        vocabulary: number of token ids.

    Raises:
        BadInputError: ``empty_name``, ``token_range``.
    """
    lengths = np.fromiter(map(len, names), np.int64, len(names))
    flat = np.fromiter(itertools.chain.from_iterable(names), np.int64, int(lengths.sum()))
    return build_flat(flat, lengths, vocabulary)


def build_flat(ids: NDArray[np.int64], lengths: NDArray[np.int64], vocabulary: int) -> Trie:
    """A trie of names that lie one after the other in one array.

    Args:
        ids: (sum of lengths,) token ids.
        lengths: (N,) tokens of each name.
        vocabulary: number of token ids.

    Raises:
        BadInputError: ``empty_name``, ``token_range``.
    """
    if len(lengths) and lengths.min() < 1:
        raise BadInputError("empty_name", "a name without tokens cannot be decoded; leave it out")
    if len(ids) and (ids.min() < 0 or ids.max() >= vocabulary):
        raise BadInputError("token_range", f"token ids must lie in 0..{vocabulary - 1}: is this the right tokenizer?")
    starts = np.cumsum(lengths) - lengths
    node_of = np.zeros(len(lengths), np.int64)
    order, node = np.arange(len(lengths)), np.zeros(len(lengths), np.int64)
    parents, tokens, sizes = [], [], [1]
    while True:
        depth = len(sizes) - 1
        goes_on = lengths[order] > depth
        node_of[order[~goes_on]] = node[~goes_on]
        order, node = order[goes_on], node[goes_on]
        if not len(order):
            break
        level_start = sum(sizes[:-1])
        key = (node - level_start) * vocabulary + ids[starts[order] + depth]
        rank = _argsort(key, int(sizes[-1]) * vocabulary)
        order, key = order[rank], key[rank]
        fresh = np.concatenate(([True], key[1:] != key[:-1]))
        node = level_start + sizes[-1] - 1 + np.cumsum(fresh)
        parent, token = np.divmod(key[fresh], vocabulary)
        parents.append(parent + level_start)
        tokens.append(token.astype(np.int32))
        sizes.append(len(parent))
    empty = [np.zeros(0, np.int64)]
    return _assemble(
        vocabulary,
        np.concatenate(parents or empty),
        np.concatenate(tokens or [np.zeros(0, np.int32)]),
        _levels(np.array(sizes)),
        node_of,
    )


def _argsort(key: NDArray[np.int64], limit: int) -> NDArray[np.int64]:
    """The order of keys in 0..limit. Key and position in one number sort several times faster, if both fit."""
    bits = max(1, int(len(key) - 1).bit_length())
    if limit.bit_length() + bits > 62:
        return np.argsort(key, kind="stable")
    packed = np.sort((key << bits) | np.arange(len(key)))
    return packed & ((1 << bits) - 1)


def _levels(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Nodes of each depth -> first node of each depth, and the number of nodes. Empty levels are dropped."""
    return np.concatenate(([0], np.cumsum(sizes[sizes > 0])))


def _assemble(vocabulary: int, parents: Nodes, tokens: Tokens, levels: NDArray[np.int64], node_of: Nodes) -> Trie:
    count = len(tokens) + 1
    first_edge = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(parents, minlength=count), out=first_edge[1:])
    ends = np.zeros(count, np.bool_)
    ends[node_of[node_of >= 0]] = True
    under_root = first_edge[1]
    first = np.full(vocabulary, OUTSIDE, np.int64)
    first[tokens[:under_root]] = np.arange(1, under_root + 1)
    keys = parents * vocabulary + tokens
    follow = np.diff(first_edge)
    only = np.full(count + 1, SEVERAL, np.int32)
    single = np.flatnonzero((follow == 1) & ~ends)
    only[single] = tokens[first_edge[single]]
    only[:-1][follow == 0] = END
    only[-1] = END
    return Trie(vocabulary, tokens, first_edge, levels, keys, first, node_of, ends, only)
