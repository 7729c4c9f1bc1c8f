"""Trees and paths, against the plain recursive definition."""

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory_agent_ros.memory.ledger.merkle import ARITY, GrowingTree, packed_path, packed_root, root_of_path


def plain_root(children: list[bytes], level: int = 0) -> bytes:
    nodes = [
        sha256(bytes([level]) + b"".join(children[at : at + ARITY])).digest()
        for at in range(0, max(len(children), 1), ARITY)
    ]
    return nodes[0] if len(nodes) == 1 else plain_root(nodes, level + 1)


@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 1023, 1024, 1025, 1056, 2049])
def test_roots_are_those_of_the_definition(count: int) -> None:
    leaves = [n.to_bytes(32, "big") for n in range(count)]
    assert packed_root(b"".join(leaves), 32) == plain_root(leaves)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 700), max_size=5))
def test_a_tree_that_grows_has_the_same_root(steps: list[int]) -> None:
    leaves = [sha256(n.to_bytes(4, "big")).digest() for n in range(sum(steps))]
    tree, at = GrowingTree(), 0
    for step in steps:
        tree.add(leaves[at : at + step])
        at += step
        assert tree.root() == packed_root(b"".join(leaves[:at]), 32)
        tree = GrowingTree(tree.state())
    assert tree.count == len(leaves)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 1100), st.data())
def test_paths_lead_to_the_root_from_their_leaf_only(count: int, data: st.DataObject) -> None:
    leaves = b"".join(n.to_bytes(34, "big") for n in range(count))
    index = data.draw(st.integers(0, count - 1))
    path, leaf = packed_path(leaves, 34, index), leaves[index * 34 : index * 34 + 34]
    assert root_of_path(leaf, path) == packed_root(leaves, 34)
    assert root_of_path(leaf[:-1] + b"\xff\xff"[:1] if leaf[-1] != 255 else bytes(34), path) is None
    assert root_of_path(leaf, []) is None
