"""Merkle trees of 32 children a node over byte strings, hashed with SHA-256.

As in RFC 6962, what is hashed begins with its level, so that no node passes for a leaf; unlike there, a node has up to
32 children instead of two. A frame's commitments then are one node, and a day's records have proofs of four nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

#: Children of a node.
ARITY = 32
#: Bytes of a hash.
HASH_BYTES = 32


def node(level: int, children: bytes) -> bytes:
    """Hash of a node, from its children one after the other; leaves are the children of level 0."""
    return sha256(bytes([level]) + children).digest()


def packed_root(leaves: bytes, size: int) -> bytes:
    """Root over leaves of ``size`` bytes each, packed one after the other; over none it is that of an empty node."""
    level, stride = 0, size * ARITY
    while True:
        if len(leaves) <= stride:
            return node(level, leaves)
        leaves = b"".join(node(level, leaves[at : at + stride]) for at in range(0, len(leaves), stride))
        level, stride = level + 1, HASH_BYTES * ARITY


def packed_path(leaves: bytes, size: int, index: int) -> list[tuple[int, bytes]]:
    """What proves one leaf: from the bottom to the top, its position among the children of its node, and those.

    Raises:
        IndexError: there is no such leaf.
    """
    if not 0 <= index < len(leaves) // size:
        raise IndexError(f"no leaf {index} among {len(leaves) // size}")
    path, level = [], 0
    while True:
        stride = size * ARITY
        at, position = divmod(index, ARITY)
        path.append((position, leaves[at * stride : (at + 1) * stride]))
        if len(leaves) <= stride:
            return path
        leaves = b"".join(node(level, leaves[k : k + stride]) for k in range(0, len(leaves), stride))
        index, size, level = at, HASH_BYTES, level + 1


def root_of_path(leaf: bytes, path: Sequence[tuple[int, bytes]]) -> bytes | None:
    """The root that a path leads to; None if it does not hold together or does not begin at the leaf."""
    found = leaf
    for level, (position, children) in enumerate(path):
        size = len(found)
        if not 0 <= position < ARITY or len(children) > size * ARITY or len(children) % size:
            return None
        if children[position * size : (position + 1) * size] != found:
            return None
        found = node(level, children)
    return found if path else None


class GrowingTree:
    """The root over a list of hashes that only grows, from a few kilobytes.

    Args:
        state: of :meth:`state`; nothing for an empty list.
    """

    def __init__(self, state: tuple[int, Sequence[bytes]] = (0, ())) -> None:
        self.count = state[0]
        self._levels: list[bytes] = list(state[1])

    def add(self, hashes: Sequence[bytes]) -> None:
        """Append hashes."""
        self.count += len(hashes)
        full = HASH_BYTES * ARITY
        coming = b"".join(hashes)
        for level in range(64):
            if level == len(self._levels):
                self._levels.append(b"")
            held = self._levels[level] + coming
            whole = len(held) - len(held) % full
            self._levels[level] = held[whole:]
            coming = b"".join(node(level, held[at : at + full]) for at in range(0, whole, full))
            if not coming:
                return

    def root(self) -> bytes:
        """The same as :func:`packed_root` of all hashes."""
        carried = b""
        top = max((k for k, held in enumerate(self._levels) if held), default=0)
        for level in range(top):
            held = self._levels[level] + carried
            carried = node(level, held) if held else b""
        held = (self._levels[top] if self._levels else b"") + carried
        # A single full node below is the root itself: nothing was hashed above it.
        if top > 0 and len(held) == HASH_BYTES:
            return held
        return node(top, held)

    def state(self) -> tuple[int, list[bytes]]:
        """Count, and per level the children that wait for their node to be full."""
        return self.count, list(self._levels)
