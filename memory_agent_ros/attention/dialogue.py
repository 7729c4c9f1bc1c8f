"""A dialogue of days in constant memory, on any Llama-type model.

It is working memory: what was dropped is gone, and :meth:`StreamingDialogue.append` hands it out so that who needs it
can store it. What must stay, such as the goal and the evidence of the moment, is pinned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from memory_agent_ros.attention.sink_cache import SinkCache, SinkConfig
from memory_agent_ros.records.errors import BadInputError

OPENING = "What a robot and the people around it said, from the beginning:\n"


@dataclass(frozen=True)
class StreamState:
    """How much of a dialogue is there.

    Attributes:
        seen: tokens so far, the opening included.
        held: tokens of them that are there; what comes next drops those beyond the recent region.
        evicted: tokens of them that are gone.
        pinned: pinned tokens, beside those.
        nbytes: of the cache; does not change.
    """

    seen: int
    held: int
    evicted: int
    pinned: int
    nbytes: int


class StreamingDialogue:
    """Reads text as it comes, keeps sinks, pinned text and the recent past, scores and writes what comes next.

    Args:
        model: a causal language model of transformers.
        tokenizer: its tokenizer.
        config: sizes of what is kept.
        opening: the first text; its first tokens are the sinks.

    Raises:
        BadInputError: ``opening_too_short``; those of :class:`SinkCache`.
    """

    def __init__(self, model: Any, tokenizer: Any, config: SinkConfig | None = None, opening: str = OPENING) -> None:
        self._model, self._tokenizer = model, tokenizer
        self._cache = SinkCache(model, config)
        self._held: list[int] = []  # tokens held, without the sinks
        self._told = 0  # how many dropped ones were handed out
        ids = self._encode(opening)
        if len(ids) < max(self._cache.config.sink, 1):
            raise BadInputError("opening_too_short", "the opening has fewer tokens than there are sinks")
        self._next = self._feed(ids)
        self._held = ids[self._cache.config.sink :]

    @property
    def state(self) -> StreamState:
        """How much is there."""
        cache = self._cache
        return StreamState(cache.seen, cache.seen - cache.evicted, cache.evicted, cache.pinned, cache.nbytes)

    def append(self, text: str) -> str:
        """Read text.

        Returns:
            the text dropped since the last time, "" if none: it can no longer be recalled from here.
        """
        return self._take(self._encode(text))

    @property
    def pinnable(self) -> int:
        """Most tokens of pinned text."""
        return self._cache.config.pinned

    def length(self, text: str) -> int:
        """Tokens of a text."""
        return len(self._encode(text))

    def pin(self, text: str) -> None:
        """Keep text whatever comes, in place of what was pinned before.

        Raises:
            BadInputError: ``pinned_too_long``.
        """
        self._cache.pin(self._model, self._tensor(self._encode(text)))

    def score(self, choices: Sequence[str]) -> list[float]:
        """Mean log-probability of each choice's tokens as what comes next; the dialogue does not change.

        Raises:
            BadInputError: ``choice_empty``, ``chunk_too_long``.
        """
        out = []
        for choice in choices:
            ids = self._encode(choice)
            if not ids:
                raise BadInputError("choice_empty", "a choice without tokens has no probability")
            logits = [self._next]
            if len(ids) > 1:
                with self._cache.branch(len(ids) - 1):
                    logits.append(self._forward(ids[:-1], len(ids) - 1))
            heard = torch.cat(logits).float().log_softmax(dim=-1)
            out.append(float(heard.gather(1, self._tensor(ids).T).mean()))
        return out

    def generate(
        self, tokens: int, processor: Callable[[Tensor, Tensor], Tensor] | None = None, stop: str = "\n"
    ) -> str:
        """Write what comes next, the likeliest token each time; it becomes part of the dialogue.

        Args:
            tokens: most to write.
            processor: a ``LogitsProcessor``: (1, n) tokens written so far and (1, V) scores -> scores.
            stop: text that ends it, kept in the dialogue but not returned.
        """
        return self._write(tokens, processor, stop, self._take)

    def draft(self, tokens: int, processor: Callable[[Tensor, Tensor], Tensor] | None = None, stop: str = "\n") -> str:
        """What :meth:`generate` would write; the dialogue does not change.

        Raises:
            BadInputError: ``chunk_too_long``: it may be as long as what is fed at once.
        """

        def read(ids: list[int]) -> None:
            self._next = self._forward(ids, 1)

        before = self._next
        try:
            with self._cache.branch(tokens):
                return self._write(tokens, processor, stop, read)
        finally:
            self._next = before

    def _write(
        self,
        tokens: int,
        processor: Callable[[Tensor, Tensor], Tensor] | None,
        stop: str,
        read: Callable[[list[int]], object],
    ) -> str:
        ids: list[int] = []
        text = ""
        while len(ids) < tokens and stop not in text:
            scores = self._next[None, -1].float()
            if processor is not None:
                scores = processor(self._tensor(ids), scores)
            chosen = int(scores.argmax())
            if chosen == self._tokenizer.eos_token_id:
                break
            ids.append(chosen)
            read([chosen])
            text = self._tokenizer.decode(ids)
        return text.partition(stop)[0]

    def _take(self, ids: list[int]) -> str:
        if not ids:
            return ""
        self._next = self._feed(ids)
        self._held += ids
        gone, self._told = self._cache.evicted - self._told, self._cache.evicted
        dropped, self._held = self._held[:gone], self._held[gone:]
        return str(self._tokenizer.decode(dropped)) if dropped else ""

    def _feed(self, ids: list[int]) -> Tensor:
        size = self._cache.config.chunk
        for start in range(0, len(ids), size):
            logits = self._forward(ids[start : start + size], 1)
        return logits

    def _forward(self, ids: list[int], keep: int) -> Tensor:
        """(keep, V) logits of the last tokens."""
        with torch.inference_mode():
            out = self._model(
                input_ids=self._tensor(ids), past_key_values=self._cache, use_cache=True, logits_to_keep=keep
            )
        return out.logits[0]

    def _encode(self, text: str) -> list[int]:
        """Without special tokens: what looks like one in a text is text."""
        return list(self._tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True))

    def _tensor(self, ids: Sequence[int]) -> Tensor:
        return torch.tensor([list(ids)], dtype=torch.long, device=self._model.device)
