"""Calls under constraint in ``model.generate`` of transformers: in batches, sampled, with beams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import LogitsProcessor

from memory_agent_ros.reasoning.decoding.call_decoder import CallDecoder
from memory_agent_ros.records.errors import BadInputError


class CallProcessor(LogitsProcessor):
    """Lets a model write one call for each prompt of a batch, then the stop token.

    A decoder is found by the tokens it has written, so that beams may be reordered, repeated and dropped.

    Args:
        decoders: one for each prompt, at the beginning of a call.
        stop: token after a call: the model's end of sequence.
        prompt_tokens: length of the prompts (padded on the left to one length).
    """

    def __init__(self, decoders: Sequence[CallDecoder], stop: int, prompt_tokens: int) -> None:
        self._stop, self._prompt = stop, prompt_tokens
        self._begin = list(decoders)
        self._known: dict[tuple[int, tuple[int, ...]], CallDecoder | None] = {}

    def decoder(self, prompt: int, written: Sequence[int]) -> CallDecoder | None:
        """The decoder of a prompt after tokens of ``generate``, stop tokens dropped; None if they are no call."""
        ids = list(written)
        return self._at(prompt, tuple(ids[: ids.index(self._stop)] if self._stop in ids else ids))

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """(M, T) tokens so far and (M, vocabulary) scores -> scores with -inf at what may not follow.

        Raises:
            BadInputError: ``batch_size`` if the rows are not as many for each prompt.
        """
        rows = input_ids[:, self._prompt :].tolist()
        beams, rest = divmod(len(rows), len(self._begin))
        if rest:
            raise BadInputError("batch_size", f"{len(rows)} rows for {len(self._begin)} decoders: one a prompt")
        out = torch.full_like(scores, -torch.inf)
        used = {}
        for row, written in enumerate(rows):
            prompt = row // beams
            decoder = self.decoder(prompt, written)
            if decoder is not None:
                used[prompt, tuple(decoder.ids)] = decoder
            over = decoder is None or decoder.done
            allowed = [self._stop] if over or decoder is None else decoder.allowed().tolist()
            out[row, allowed] = scores[row, allowed]
        self._known = dict(used)
        return out

    def _at(self, prompt: int, written: tuple[int, ...]) -> CallDecoder | None:
        """From the decoder of one token less, if that is known; a beam of no probability may have become no call."""
        key = prompt, written
        if key not in self._known:
            if not written:
                return self._begin[prompt]
            before = self._at(prompt, written[:-1])
            self._known[key] = None if before is None else _after(before, written[-1])
        return self._known[key]


def _after(decoder: CallDecoder, token: int) -> CallDecoder | None:
    after = decoder.copy()
    try:
        after.advance(token)
    except BadInputError:
        return None
    return after
