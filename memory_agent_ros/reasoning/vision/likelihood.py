"""How likely a causal language model finds each of several answers, after a question and vectors in place of words.

The question comes first, so that what it asks for is known when the crop is read, and so that its part is computed once
for all crops. All answers go through the model together behind one copy of the crop: a mask lets each see what comes
before and itself, and its positions follow the crop's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

_BEFORE, _AFTER = "Question: {question}\nPicture:", "\nAnswer:"


@dataclass(frozen=True, eq=False)
class _Tail:
    """What follows the crop: the end of the prompt and all answers.

    Attributes:
        ids: (L,) tokens; ``positions`` (L,) counted from the end of the crop.
        seen: (L, L) bool, which of these tokens sees which.
        at, owner, target: (M,) for the M tokens of the answers: where each is predicted, whose it is, which it is.
    """

    ids: Tensor
    positions: Tensor
    seen: Tensor
    at: Tensor
    owner: Tensor
    target: Tensor


class AnswerLikelihood:
    """Scores answers with a frozen language model.

    Args:
        model: a causal model of transformers that takes ``inputs_embeds`` and masks of four dimensions.
        tokenizer: its tokenizer.
    """

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self._model, self._tokenizer = model, tokenizer
        self._tail = lru_cache(maxsize=64)(self._make_tail)
        self.type: torch.dtype = next(model.parameters()).dtype

    @property
    def words(self) -> Tensor:
        """(V, D) embeddings of the vocabulary."""
        table: Tensor = self._model.get_input_embeddings().weight
        return table

    def tokens(self, text: str) -> list[int]:
        """Tokens of a text, without the model's marks of beginning and end."""
        return list(self._tokenizer.encode(text, add_special_tokens=False))

    def log_likelihood(self, question: str, vectors: Tensor, answers: Sequence[str]) -> Tensor:
        """(N, T, D) vectors of N crops -> (N, K) log-probability of each whole answer; differentiable."""
        tail = self._tail(tuple(answers))
        head = torch.tensor(self.tokens(_BEFORE.format(question=question)))
        count, crop, rest = len(vectors), vectors.shape[1], len(tail.ids)
        with torch.no_grad():
            past = self._model(input_ids=head[None], use_cache=True).past_key_values
            past.batch_repeat_interleave(count)
        embedded = torch.cat([vectors.to(self.type), self.words[tail.ids][None].expand(count, -1, -1)], dim=1)
        seen = torch.ones(crop + rest, len(head) + crop + rest, dtype=torch.bool)
        seen[:crop, len(head) :] = torch.ones(crop, crop + rest, dtype=torch.bool).tril()
        seen[crop:, len(head) + crop :] = tail.seen
        mask = torch.zeros(seen.shape, dtype=self.type).masked_fill(~seen, torch.finfo(self.type).min)
        positions = len(head) + torch.cat([torch.arange(crop), crop + tail.positions])
        hidden = self._model.base_model(
            inputs_embeds=embedded,
            attention_mask=mask[None, None].expand(count, 1, -1, -1),
            position_ids=positions[None].expand(count, -1),
            past_key_values=past,
            use_cache=True,
        ).last_hidden_state[:, crop + tail.at.unique()]
        logits = self._model.get_output_embeddings()(hidden).float().log_softmax(dim=-1)
        row = torch.searchsorted(tail.at.unique(), tail.at)
        told = logits[:, row, tail.target]
        return torch.zeros(count, len(answers)).index_add(1, tail.owner, told)

    def _make_tail(self, answers: tuple[str, ...]) -> _Tail:
        first = self.tokens(_AFTER)
        ids, positions, at, owner, target = list(first), list(range(len(first))), [], [], []
        written = [self.tokens(f" {answer}") for answer in answers]
        size = len(first) + sum(len(w) - 1 for w in written)
        seen = torch.zeros(size, size, dtype=torch.bool)
        seen[:, : len(first)] = True
        seen[: len(first), : len(first)] = torch.ones(len(first), len(first), dtype=torch.bool).tril()
        for number, tokens in enumerate(written):
            start, length = len(ids), len(tokens) - 1  # nothing is predicted after the last token
            ids += tokens[:-1]
            positions += range(len(first), len(first) + length)
            at += [len(first) - 1, *range(start, start + length)]
            owner += [number] * len(tokens)
            target += tokens
            seen[start : start + length, start : start + length] = torch.ones(length, length, dtype=torch.bool).tril()
        parts = [torch.tensor(x) for x in (ids, positions, at, owner, target)]
        return _Tail(parts[0], parts[1], seen, *parts[2:])
