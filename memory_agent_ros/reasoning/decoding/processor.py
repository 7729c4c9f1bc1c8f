"""Names under constraint in ``model.generate`` of transformers: greedy, sampled, in batches and with beams."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from transformers import LogitsProcessor

from memory_agent_ros.reasoning.decoding.torch_trie import TorchTrie
from memory_agent_ros.reasoning.decoding.trie import OUTSIDE, ROOT, Trie
from memory_agent_ros.records.errors import BadInputError


class TrieProcessor(LogitsProcessor):
    """Lets a model write one name of a trie, then the stop token.

    Where each row stands follows from its tokens alone, so that beams may be reordered, repeated and dropped.

    Args:
        trie: the names.
        stop: token that ends a name: the model's end of sequence, or whatever the caller's text goes on with.
        prompt_tokens: length of the prompts (padded on the left to one length, as transformers want it).

    Raises:
        BadInputError: ``no_names`` if nothing could be written, ``stop_in_name``.
    """

    def __init__(self, trie: Trie, stop: int, prompt_tokens: int) -> None:
        if not len(trie):
            raise BadInputError("no_names", "no name is permitted; ask without this constraint or permit one")
        if bool((trie.tokens == stop).any()):
            raise BadInputError("stop_in_name", f"token {stop} occurs in a name, so it cannot end one")
        self._trie, self._stop, self._prompt = trie, stop, prompt_tokens
        self._on_device: TorchTrie | None = None
        self._ids, self._nodes = np.zeros((0, 0), np.int64), np.zeros(0, np.int64)

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """(M, T) tokens so far and (M, vocabulary) scores -> scores with -inf at what may not follow."""
        if scores.device.type == "cpu":
            return self._on_cpu(input_ids[:, self._prompt :].numpy(), scores)
        return self.masked(input_ids, scores)

    def masked(self, input_ids: Any, scores: Any) -> Any:
        """The same by masks on the scores' device, without a copy to the processor."""
        if self._on_device is None or self._on_device.device != scores.device:
            self._on_device = TorchTrie(self._trie, scores.device)
        trie, written = self._on_device, input_ids[:, self._prompt :]
        nodes = torch.full((len(written),), ROOT, device=scores.device)
        for depth in range(written.shape[1]):
            nodes = trie.advance(nodes, written[:, depth])
        allowed = torch.zeros_like(scores, dtype=torch.bool)
        allowed[:, : self._trie.vocabulary] = trie.mask(nodes, written.shape[1])
        allowed[:, self._stop] = trie.ends(nodes) | (nodes == OUTSIDE)
        return scores.masked_fill(~allowed, -torch.inf)

    def _on_cpu(self, written: Any, scores: Any) -> Any:
        nodes = self._where(written)
        found = self._trie.candidates(nodes)
        rows, tokens = torch.from_numpy(found.rows), torch.from_numpy(found.tokens.astype(np.int64))
        out = torch.full_like(scores, -torch.inf)
        out[rows, tokens] = scores[rows, tokens]
        stops = torch.from_numpy(np.flatnonzero(found.ends | (nodes == OUTSIDE)))
        out[stops, self._stop] = scores[stops, self._stop]
        return out

    def _where(self, written: Any) -> Any:
        """The node of each row, one step on from the last call if the rows are the same ones still."""
        length = written.shape[1]
        if length and self._ids.shape == (len(written), length - 1) and np.array_equal(self._ids, written[:, :-1]):
            nodes = self._trie.advance(self._nodes, written[:, -1])
        else:
            nodes = np.full(len(written), ROOT, np.int64)
            for column in written.T:
                nodes = self._trie.advance(nodes, column)
        self._ids, self._nodes = written.copy(), nodes
        return nodes
