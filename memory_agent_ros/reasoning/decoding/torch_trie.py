"""The trie on a GPU: fixed-size gathers and masks, no step that waits for the processor.

The form of STATIC (arXiv 2602.22647, section 4): each level reads as many edges a beam as its widest node has, and
drops what lies beyond the node's own. The first level is one dense mask.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import torch

from memory_agent_ros.reasoning.decoding.trie import OUTSIDE, ROOT, Trie


class TorchTrie:
    """A copy of a :class:`Trie` on a device.

    Args:
        trie: the trie.
        device: where its arrays go.
    """

    def __init__(self, trie: Trie, device: Any = "cpu") -> None:
        def there(values: Any, kind: Any) -> Any:
            return torch.from_numpy(np.array(values)).to(device=device, dtype=kind)

        widths = np.diff(trie.first_edge)
        #: Edges of the widest node of each depth.
        self.widths = [int(widths[low:high].max()) for low, high in itertools.pairwise(trie.levels)]
        self.vocabulary, self.device = trie.vocabulary, torch.device(device)
        padded = np.concatenate([trie.tokens, np.zeros(max([1, *self.widths]), np.int32)])
        self._tokens = there(padded, torch.int64)
        self._first_edge = there(trie.first_edge, torch.int64)
        self._ends = there(trie.ends, torch.bool)
        self._keys = there(trie.keys if len(trie.keys) else [-1], torch.int64)
        self._first = there(trie.first, torch.int64)

    def ends(self, nodes: Any) -> Any:
        """(M,) bool: whether a name may end at each of (M,) nodes."""
        return self._ends[nodes.clamp(min=ROOT)] & (nodes >= 0)

    def mask(self, nodes: Any, depth: int | None = None) -> Any:
        """The tokens that may follow.

        Args:
            nodes: (M,) int64.
            depth: of all nodes, where it is known: it spares work. OUTSIDE has any depth.

        Returns:
            (M, vocabulary) bool.
        """
        inside = (nodes >= 0)[:, None]
        dense = (self._first >= 0)[None] & inside
        if depth == 0:
            return dense
        begin = self._first_edge[nodes.clamp(min=ROOT)]
        count = self._first_edge[nodes.clamp(min=ROOT) + 1] - begin
        below = self.widths[1:] or [0]
        width = max(below) if depth is None else self.widths[min(depth, len(self.widths) - 1)]
        column = torch.arange(width, device=nodes.device)
        mine = (column < count[:, None]) & inside & (nodes != ROOT)[:, None]
        tokens = torch.where(mine, self._tokens[begin[:, None] + column], self.vocabulary)
        out = torch.zeros(len(nodes), self.vocabulary + 1, dtype=torch.bool, device=nodes.device)
        out = out.scatter_(1, tokens, True)[:, :-1]
        return out if depth is not None else out | (dense & (nodes == ROOT)[:, None])

    def advance(self, nodes: Any, tokens: Any) -> Any:
        """The (M,) nodes after one more token each; OUTSIDE where it does not follow."""
        known = (tokens >= 0) & (tokens < self.vocabulary) & (nodes >= 0)
        wanted = nodes * self.vocabulary + tokens
        edge = torch.searchsorted(self._keys, wanted).clamp(max=len(self._keys) - 1)
        return torch.where(known & (self._keys[edge] == wanted), edge + 1, OUTSIDE)
