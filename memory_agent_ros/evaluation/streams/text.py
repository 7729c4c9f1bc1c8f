"""Long English text that is on every machine with Python: the language reference that ``help()`` shows."""

from __future__ import annotations

import re
from pydoc_data import topics
from typing import Any

import torch
from torch import Tensor


def reference_text(split: str) -> str:
    """Half of the reference's chapters in their order: ``test`` is the second half, other splits the first."""
    chapters = [topics.topics[name].strip() for name in sorted(topics.topics)]
    total, so_far, cut = sum(map(len, chapters)), 0, 0
    while so_far + len(chapters[cut]) <= total / 2:
        so_far += len(chapters[cut])
        cut += 1
    chosen = chapters[cut:] if split == "test" else chapters[:cut]
    return re.sub(r"\n{3,}", "\n\n", "\n\n".join(chosen))


def stream_of(text: str, tokenizer: Any, length: int, seed: int) -> Tensor:
    """(length,) tokens of a text, from a place that the seed draws; after its end it begins again."""
    ids = torch.tensor(tokenizer(text)["input_ids"])
    start = int(torch.randint(len(ids), (), generator=torch.Generator().manual_seed(seed)))
    return ids[(start + torch.arange(length)) % len(ids)]
