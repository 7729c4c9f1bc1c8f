"""The trie against plain sets: members only, every member, prefixes, repeats, permissions."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory_agent_ros.reasoning.decoding.search import beam_search, greedy_step
from memory_agent_ros.reasoning.decoding.trie import OUTSIDE, ROOT, Trie, build
from memory_agent_ros.records.errors import BadInputError

VOCABULARY, STOP = 7, 6
#: Few tokens and short names: prefixes, repeats and shared beginnings come by themselves.
NAMES = st.lists(st.lists(st.integers(0, STOP - 1), min_size=1, max_size=4).map(tuple), min_size=1, max_size=12)
FEW = settings(max_examples=60, deadline=None)


def members(trie: Trie) -> set[tuple[int, ...]]:
    """Every sequence that the steps of a trie can generate."""
    out, todo = set(), [((), ROOT)]
    while todo:
        ids, node = todo.pop()
        found = trie.candidates(np.array([node]))
        if found.ends[0]:
            out.add(ids)
        todo += [((*ids, int(t)), int(n)) for t, n in zip(found.tokens, found.nodes, strict=True)]
    return out


def random_scores(seed: int) -> Any:
    """A model: log-probabilities that depend on the whole prefix."""

    def score(beams: list[tuple[int, ...]]) -> np.ndarray:
        rows = [np.random.default_rng([seed, *beam]).normal(size=VOCABULARY) * 2 for beam in beams]
        return np.array([r - np.logaddexp.reduce(r) for r in rows])

    return score


def whole_score(score: Any, ids: tuple[int, ...]) -> float:
    return float(sum(score([ids[:k]])[0][token] for k, token in enumerate((*ids, STOP))))


@FEW
@given(NAMES)
def test_what_can_be_generated_is_exactly_the_set(names: list[tuple[int, ...]]) -> None:
    trie = build(names, VOCABULARY)
    assert members(trie) == set(names)
    assert len(trie) == len(names)
    assert trie.depth == max(map(len, names))


@FEW
@given(NAMES, st.lists(st.integers(-1, VOCABULARY), max_size=5))
def test_walking_tells_prefixes_from_anything_else(names: list[tuple[int, ...]], ids: list[int]) -> None:
    trie = build(names, VOCABULARY)
    node = trie.walk(ids)
    assert (node != OUTSIDE) == any(name[: len(ids)] == tuple(ids) for name in names)
    if node != OUTSIDE:
        follow = {name[len(ids)] for name in names if name[: len(ids)] == tuple(ids) and len(name) > len(ids)}
        assert set(trie.allowed(node).tolist()) == follow
        assert set(np.flatnonzero(trie.mask(np.array([node]))[0]).tolist()) == follow
        assert trie.names_at(node).tolist() == [n for n, name in enumerate(names) if name == tuple(ids)]
    else:
        assert not len(trie.allowed(node)) and not len(trie.names_at(node))


@FEW
@given(NAMES, st.data())
def test_a_name_that_is_not_permitted_cannot_be_reached(names: list[tuple[int, ...]], data: st.DataObject) -> None:
    chosen = np.array(data.draw(st.lists(st.booleans(), min_size=len(names), max_size=len(names))))
    trie = build(names, VOCABULARY).permitted(chosen)
    left = [name for name, ok in zip(names, chosen, strict=True) if ok]
    assert members(trie) == set(left)
    assert len(trie) == len(left)
    again = build(left, VOCABULARY)
    for part in ("tokens", "first_edge", "keys", "levels", "first", "ends"):
        assert np.array_equal(getattr(trie, part), getattr(again, part)), part
    assert [n for n in range(len(names)) if n in trie.names_at(trie.walk(names[n]))] == np.flatnonzero(chosen).tolist()


@FEW
@given(NAMES, st.integers(0, 99))
def test_a_wide_beam_is_brute_force(names: list[tuple[int, ...]], seed: int) -> None:
    score = random_scores(seed)
    wanted = sorted(((whole_score(score, ids), ids) for ids in set(names)), reverse=True)
    found = beam_search(build(names, VOCABULARY), score, len(wanted), STOP)
    assert [f.tokens for f in found] == [ids for _, ids in wanted]
    np.testing.assert_allclose([f.score for f in found], [s for s, _ in wanted])


@FEW
@given(NAMES, st.integers(0, 99), st.integers(1, 4))
def test_a_narrow_beam_keeps_the_best_prefixes_of_each_length(
    names: list[tuple[int, ...]], seed: int, width: int
) -> None:
    score, beams, done = random_scores(seed), [((), 0.0)], []
    while beams:
        done += [(s + score([ids])[0][STOP], ids) for ids, s in beams if ids in names]
        longer = {n[: len(ids) + 1] for ids, _ in beams for n in names if n[: len(ids)] == ids and len(n) > len(ids)}
        totals = dict(beams)
        scored = [(ids, totals[ids[:-1]] + score([ids[:-1]])[0][ids[-1]]) for ids in longer]
        beams = sorted(scored, key=lambda one: -one[1])[:width]
    found = beam_search(build(names, VOCABULARY), score, width, STOP)
    assert [f.tokens for f in found] == [ids for _, ids in sorted(done, reverse=True)[:width]]


@FEW
@given(NAMES, st.integers(0, 99), st.lists(st.integers(0, 9), min_size=1, max_size=6))
def test_a_greedy_step_takes_the_best_of_what_is_allowed(
    names: list[tuple[int, ...]], seed: int, places: list[int]
) -> None:
    trie = build(names, VOCABULARY)
    nodes = np.array([place % (len(trie.tokens) + 1) for place in places])
    scores = np.random.default_rng(seed).normal(size=(len(nodes), VOCABULARY)).astype(np.float32)
    tokens, after = greedy_step(trie, scores, nodes, STOP)
    for row, node in enumerate(nodes):
        allowed = trie.allowed(node).tolist() + [STOP] * bool(trie.ends[node])
        assert tokens[row] == max(allowed, key=lambda t: scores[row, t])
        wanted = OUTSIDE if tokens[row] == STOP else trie.advance(np.array([node]), tokens[row : row + 1])[0]
        assert after[row] == wanted
    padded = np.full((len(nodes), VOCABULARY + 5), 99.0, np.float32)  # models have room for more ids than there are
    padded[:, :VOCABULARY] = scores
    for same in (padded, np.asfortranarray(padded), padded[:, :VOCABULARY]):
        again, there = greedy_step(trie, same, nodes, STOP)
        assert again.tolist() == tokens.tolist() and there.tolist() == after.tolist()


@pytest.mark.parametrize("seed", range(4))
def test_greedy_decoding_in_a_batch_only_gives_members(seed: int) -> None:
    rng = np.random.default_rng(seed)
    names = [tuple(rng.integers(0, 50, rng.integers(1, 6)).tolist()) for _ in range(2000)]
    trie = build(names, 51)
    nodes, ids = np.zeros(64, np.int64), [[] for _ in range(64)]
    while (nodes != OUTSIDE).any():
        tokens, nodes = greedy_step(trie, rng.normal(size=(64, 51)).astype(np.float32), nodes, 50)
        for row, token in enumerate(tokens):
            ids[row].append(int(token))
    assert all(tuple(t for t in one if t != 50) in set(names) for one in ids)


def test_the_smallest_tries() -> None:
    one = build([(3,)], VOCABULARY)
    assert members(one) == {(3,)} and one.depth == 1
    none = build([], VOCABULARY)
    assert members(none) == set() and none.walk([0]) == OUTSIDE and not len(none)
    assert beam_search(none, random_scores(0), 3, STOP) == []
    single = build([(0, 0, 0), (0,)], 1)
    assert members(single) == {(0, 0, 0), (0,)}
    assert members(one.permitted(np.array([False]))) == set()


def test_keys_that_do_not_fit_beside_their_position_are_sorted_all_the_same() -> None:
    huge = 2**58
    assert members(_with_sparse_tokens(huge)) == {(2, 1), (1,), (2,)}


def _with_sparse_tokens(limit: int) -> Trie:
    from memory_agent_ros.reasoning.decoding import trie as module

    order = module._argsort(np.array([5, 1, 5, 0]), limit)
    assert order.tolist() == [3, 1, 0, 2] and module._argsort(np.array([5, 1, 5, 0]), 6).tolist() == [3, 1, 0, 2]
    return build([(2, 1), (1,), (2,)], VOCABULARY)


def test_what_is_no_name_is_refused() -> None:
    with pytest.raises(BadInputError, match="without tokens"):
        build([(1,), ()], VOCABULARY)
    for token in (-1, VOCABULARY):
        with pytest.raises(BadInputError, match="tokenizer"):
            build([(token,)], VOCABULARY)
