"""Passages with several questions each, as a causal language model learns them. Needs torch.

All questions of a passage stand behind it in one row, but none attends to another: each stands, with its positions too,
as if it followed the passage alone. Were they to see each other, a model would find the last answers by elimination,
and never learn to look a fact up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Passage:
    """A passage and what is asked of it.

    Attributes:
        context: token ids.
        asked: token ids of a question and of its answer, for each question.
    """

    context: tuple[int, ...]
    asked: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]

    def __len__(self) -> int:
        """Tokens in all."""
        return len(self.context) + sum(len(q) + len(a) for q, a in self.asked)


@dataclass(frozen=True, eq=False)
class Packed:
    """A batch of passages.

    Attributes:
        ids, positions: (B, T).
        seen: (B, 1, T, T) bool: what each token attends to.
        lines, columns: (N,) where the answers' tokens stand.
        owners: (N,) number of the question, counted over the batch, that each of them belongs to.
    """

    ids: Tensor
    positions: Tensor
    seen: Tensor
    lines: Tensor
    columns: Tensor
    owners: Tensor


def packed(passages: Sequence[Passage]) -> Packed:
    """Passages as one batch, padded behind."""
    length = max(map(len, passages))
    ids, positions = (torch.zeros(len(passages), length, dtype=torch.long) for _ in range(2))
    part = torch.full((len(passages), length), -1)  # 0 the passage, 1... its questions, -1 padding
    places, question = list[tuple[int, int, int]](), 0
    for row, passage in enumerate(passages):
        start = end = len(passage.context)
        ids[row, :end], part[row, :end] = torch.tensor(passage.context), 0
        positions[row, :end] = torch.arange(end)
        for number, (asked, answer) in enumerate(passage.asked, 1):
            told = (*asked, *answer)
            stop = end + len(told)
            ids[row, end:stop], part[row, end:stop] = torch.tensor(told), number
            positions[row, end:stop] = torch.arange(start, start + len(told))
            places += [(row, i, question) for i in range(end + len(asked), stop)]
            end, question = stop, question + 1
    earlier = torch.ones(length, length, dtype=torch.bool).tril()
    seen = earlier & ((part[:, None, :] == 0) | (part[:, None, :] == part[:, :, None]))
    seen |= torch.eye(length, dtype=torch.bool)  # padding attends to itself: a row of nothing gives NaN
    return Packed(ids, positions, seen[:, None], *torch.tensor(places).unbind(dim=1))


def answer_logits(model: Any, batch: Packed) -> tuple[Tensor, Tensor]:
    """Logits where answers stand, (N, vocabulary) float32, and their tokens (N,); in bfloat16 where it is trained."""
    with torch.autocast(batch.ids.device.type, dtype=torch.bfloat16, enabled=model.training):
        hidden = model.model(
            input_ids=batch.ids, attention_mask=batch.seen, position_ids=batch.positions, use_cache=False
        ).last_hidden_state
        logits = model.lm_head(hidden[batch.lines, batch.columns - 1])
    return logits.float(), batch.ids[batch.lines, batch.columns]


def answers_right(model: Any, passages: Sequence[Passage], tokens: int = 4096) -> list[bool]:
    """Of each question, in order, whether every token of its answer is the likeliest one, given those before it.

    Args:
        model: of transformers.
        passages: at least one.
        tokens: of a batch, about.
    """
    right, some = list[bool](), list[Passage]()
    for number, passage in enumerate(passages):
        some.append(passage)
        if number + 1 == len(passages) or sum(map(len, some)) >= tokens:
            right += _right(model, packed(some))
            some = []
    return right


def _right(model: Any, batch: Packed) -> list[bool]:
    with torch.inference_mode():
        logits, wanted = answer_logits(model, batch)
    wrong = (logits.argmax(dim=-1) != wanted).long()
    found = torch.zeros(int(batch.owners.max()) + 1, dtype=torch.long).index_add(0, batch.owners, wrong)
    return [not count for count in found.tolist()]
