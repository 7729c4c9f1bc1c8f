"""A causal language model that keeps keys and values of what it read last. Needs torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from memory_agent_ros.attention.shared_prompt import pack


class CachedModel:
    """Logits of next tokens; a sequence that goes on from the last one, or shares its beginning, costs its new tokens.

    Args:
        model: a causal model of transformers, in evaluation mode.
        keep: whether keys and values are kept; without, everything is read again each time, with the same result.
    """

    def __init__(self, model: Any, keep: bool = True) -> None:
        self.model = model
        self._keep = keep
        self._device = next(model.parameters()).device
        self._cache: Any = None
        self._ids: list[int] = []
        #: Tokens that went through the model so far.
        self.tokens_read = 0

    def logits(self, ids: Sequence[int], last: int = 1) -> Tensor:
        """(last, vocabulary) float32 logits of what follows each of the last tokens.

        Args:
            ids: the whole sequence.
            last: of how many.
        """
        with torch.inference_mode():
            shared = self._return_to(_common(self._ids, ids, len(ids) - last))
            out = self._forward(ids[shared:], logits_to_keep=last)
            self._ids = list(ids)
            return out[-last:]

    def continuations(self, prompt: Sequence[int], texts: Sequence[Sequence[int]]) -> list[Tensor]:
        """Log-probabilities of the tokens of several texts, each as if it stood alone behind the prompt.

        Args:
            prompt: token ids; at least one.
            texts: C sequences of token ids, each of at least one.

        Returns:
            C float32 tensors, one value a token.
        """
        first = self.logits(prompt).log_softmax(dim=-1)
        with torch.inference_mode():
            packed = {name: tensor.to(self._device) for name, tensor in pack(prompt, texts).items()}
            size = len(prompt)
            dtype = next(self.model.parameters()).dtype
            seen = packed["seen"][size:]
            mask = torch.zeros(seen.shape, device=self._device, dtype=dtype)
            mask.masked_fill_(~seen, torch.finfo(dtype).min)
            if not self._keep:
                self._return_to(0)
                self._forward(prompt)
            out = self._forward(
                packed["ids"][size:].tolist(),
                attention_mask=mask[None, None],
                position_ids=packed["positions"][None, size:],
            )
            self._ids = list(prompt)
            self._return_to(size)
            heard = torch.cat([first, out.log_softmax(dim=-1)])[packed["before"] - (size - 1)]
            found = heard.gather(1, packed["ids"][size:, None]).squeeze(1)
        return list(found.split([len(t) for t in texts]))

    def forget(self) -> None:
        """Let go of what was read, keys and values with it."""
        self._cache, self._ids = None, []

    def _forward(self, ids: Sequence[int], **inputs: Any) -> Tensor:
        """(T, vocabulary) float32 logits of more tokens, whose keys and values are then in the cache."""
        self.tokens_read += len(ids)
        out = self.model(
            input_ids=torch.tensor([list(ids)], device=self._device),
            past_key_values=self._cache,
            use_cache=True,
            **inputs,
        )
        self._cache = out.past_key_values
        logits: Tensor = out.logits[0].float()
        return logits

    def _return_to(self, length: int) -> int:
        """Forget all but the first tokens; how many are still there, which may be fewer if they cannot be cut."""
        length = length if self._keep else 0
        if length == 0 or self._cache is None:
            self.forget()
            return 0
        surplus = self._cache.get_seq_length() - length
        if surplus > 0:
            try:
                self._cache.crop(-surplus)
            except (NotImplementedError, RuntimeError):  # windows and recurrent states that cannot go back
                self._cache, length = None, 0
        self._ids = self._ids[:length]
        return length


def _common(one: Sequence[int], other: Sequence[int], most: int) -> int:
    """Length of the common beginning."""
    limit = min(len(one), len(other), most)
    return next((n for n in range(limit) if one[n] != other[n]), limit)
