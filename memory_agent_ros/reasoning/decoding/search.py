"""Greedy steps and beam search over a trie, for any model that scores tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.reasoning.decoding.trie import END, OUTSIDE, ROOT, SEVERAL, Nodes, Tokens, Trie

Scores = NDArray[np.float32]
#: (M token sequences, all of one length) -> (M, vocabulary) log-probabilities of the next token.
Scorer = Callable[[list[tuple[int, ...]]], NDArray[np.floating]]


def greedy_step(trie: Trie, scores: Scores, nodes: Nodes, stop: int) -> tuple[Tokens, Nodes]:
    """The best allowed token of each beam, and where it leads.

    Args:
        trie: what is allowed.
        scores: (M, vocabulary or more) of the next token, higher is better.
        nodes: (M,) where each beam stands.
        stop: token that ends a name, allowed where a name may end.

    Returns:
        (M,) tokens and (M,) nodes; a beam that stopped, or that stood outside, gets ``stop`` and OUTSIDE.
    """
    tokens = trie.only.take(nodes, mode="wrap")  # the last entry, at -1, is that of OUTSIDE
    after = trie.first_edge.take(nodes, mode="wrap") + 1
    free = np.flatnonzero(tokens == SEVERAL)
    if len(free):
        tokens[free], after[free] = _best(trie, scores, nodes[free], free, stop)
    ends = tokens == END
    tokens[ends], after[ends] = stop, OUTSIDE
    return tokens, after


def _best(trie: Trie, scores: Scores, nodes: Nodes, rows: NDArray[np.int64], stop: int) -> tuple[Tokens, Nodes]:
    """The same for beams that have a choice, at ``rows`` (F,) of the scores; END in place of ``stop``."""
    if not nodes.any():
        allowed = trie.allowed(ROOT)
        best = np.array([scores[row].take(allowed).argmax() for row in rows])
        return allowed[best], best + 1
    begin = trie.first_edge.take(nodes)
    count = trie.first_edge.take(nodes + 1) - begin
    column = np.arange(count.max())
    beyond = column >= count[:, None]
    allowed = trie.tokens.take(begin[:, None] + column, mode="clip")
    allowed[beyond] = 0  # reading scattered scores is what takes the time: none that do not count
    if scores.flags.c_contiguous:
        value = scores.ravel().take((rows * scores.shape[1])[:, None] + allowed)
    else:
        value = scores[rows[:, None], allowed]
    value[beyond] = -np.inf
    best = value.argmax(axis=1)
    line = np.arange(len(rows))
    ends = trie.ends.take(nodes)
    if ends.any():
        ends &= scores[rows, stop] >= value[line, best]
    return np.where(ends, END, allowed[line, best]), begin + best + 1


@dataclass(frozen=True)
class Found:
    """A name that a search ended with.

    Attributes:
        tokens: without the stop token.
        node: where it ends.
        score: sum of the log-probabilities, stop token included.
    """

    tokens: tuple[int, ...]
    node: int
    score: float


def beam_search(trie: Trie, score: Scorer, width: int, stop: int) -> list[Found]:
    """The likeliest names, best first.

    Args:
        trie: the names.
        score: the model.
        width: beams kept a step, and names returned; with as many as there are names the search is exact.
        stop: token that ends a name.
    """
    beams: list[tuple[int, ...]] = [()]
    nodes, totals = np.zeros(1, np.int64), np.zeros(1)
    done: list[Found] = []
    while len(beams):
        scores = np.asarray(score(beams), np.float64)
        found = trie.candidates(nodes)
        for m in np.flatnonzero(found.ends):
            done.append(Found(beams[m], int(nodes[m]), float(totals[m] + scores[m, stop])))
        done = sorted(done, key=lambda f: -f.score)[:width]
        rows, sums = found.rows, totals[found.rows] + scores[found.rows, found.tokens]
        keep = _largest(sums, width)
        if len(done) == width:
            keep = keep[sums[keep] > done[-1].score]  # log-probabilities only fall
        beams = [(*beams[rows[k]], int(found.tokens[k])) for k in keep]
        nodes, totals = found.nodes[keep], sums[keep]
    return done


def _largest(values: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Indices of the largest values, largest first; of equal ones the first."""
    return np.argsort(-values, kind="stable")[:count]
