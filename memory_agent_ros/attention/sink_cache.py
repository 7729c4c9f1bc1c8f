"""A key/value cache of constant size for streams without end: attention sinks, pinned text, recent tokens.

StreamingLLM (arXiv 2309.17453): a model that was trained without a limit puts much attention on the first tokens of its
text, whatever they say. Kept with the recent ones, they let it read on far beyond the length of its training. What
lies between is gone: this is working memory, not storage. Between the two a third region holds what must stay: the
goal, rules, evidence found for a question.

Positions are those within the cache, without gaps. The index of a token in the buffer is its position, and what is read
is one slice of the buffer::

    buffer   ........ sinks  pinned  oldest recent ... newest recent ..........
                      begin          first                          end

New tokens are written at ``end``. Where recent ones are dropped, sinks and pinned text are written anew right before
the oldest that stays, turned to there from the keys as they were first computed. At the buffer's end the recent tokens
are moved to its beginning; each is moved a small number of times before it is dropped, so no error adds up.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin

from memory_agent_ros.attention.rotary import Rotation, decoder_of, rotation_of
from memory_agent_ros.records.errors import BadInputError


@dataclass(frozen=True)
class SinkConfig:
    """Sizes of the regions, in tokens.

    Attributes:
        sink: first tokens of the stream, kept for ever; 0 makes it a plain sliding window.
        pinned: most of pinned text.
        recent: how many of the latest tokens before it a token reads at least.
        chunk: most that are fed at once.
    """

    sink: int = 4
    pinned: int = 256
    recent: int = 1020
    chunk: int = 512

    def __post_init__(self) -> None:
        if min(self.sink, self.pinned) < 0 or min(self.recent, self.chunk) < 1:
            raise BadInputError("cache_size", f"regions of a cache cannot be negative, the last two not empty: {self}")

    @property
    def slots(self) -> int:
        """Length of the buffer."""
        return self.sink + self.pinned + self.recent + self.chunk


class SinkLayer(CacheLayerMixin):
    """Tensors of one layer.

    Attributes:
        keys, values: (B, H, slots, D) the buffer.
        front_keys, front_values: (B, H, sink + pinned, D) sinks and pinned text as first computed: the key of the i-th
            is turned to position i.
    """

    is_sliding = False

    def __init__(self, config: SinkConfig, rotation: Rotation) -> None:
        super().__init__()
        self.config, self.rotation = config, rotation
        self.front_keys: Tensor | None = None
        self.front_values: Tensor | None = None

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Take the memory, all that will ever be taken."""
        self.dtype, self.device = key_states.dtype, key_states.device

        def room(states: Tensor, length: int) -> Tensor:
            return states.new_zeros((*states.shape[:2], length, states.shape[-1]))

        with torch.inference_mode(False), torch.no_grad():  # such tensors can be written to in any mode
            front = self.config.sink + self.config.pinned
            self.keys, self.values = room(key_states, self.config.slots), room(value_states, self.config.slots)
            self.front_keys, self.front_values = room(key_states, front), room(value_states, front)
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Write (B, H, n, D) at ``at`` and return what lies from ``begin`` to its end."""
        begin, at = int(kwargs["begin"]), int(kwargs["at"])
        end = at + key_states.shape[-2]
        self.keys[:, :, at:end] = key_states.detach()
        self.values[:, :, at:end] = value_states.detach()
        return self.keys[:, :, begin:end], self.values[:, :, begin:end]

    def update_front(self, key_states: Tensor, value_states: Tensor, at: int) -> tuple[Tensor, Tensor]:
        """Write (B, H, n, D) into the front and return it up to its end."""
        assert self.front_keys is not None and self.front_values is not None
        end = at + key_states.shape[-2]
        self.front_keys[:, :, at:end] = key_states.detach()
        self.front_values[:, :, at:end] = value_states.detach()
        return self.front_keys[:, :, :end], self.front_values[:, :, :end]

    def place_front(self, length: int, begin: int) -> None:
        """Put the first of the front into the buffer."""
        assert self.front_keys is not None and self.front_values is not None
        self.keys[:, :, begin : begin + length] = self.rotation(self.front_keys[:, :, :length], begin)
        self.values[:, :, begin : begin + length] = self.front_values[:, :, :length]

    def move(self, start: int, end: int, by: int) -> None:
        """Move a stretch of the buffer."""
        self.keys[:, :, start + by : end + by] = self.rotation(self.keys[:, :, start:end].clone(), by)
        self.values[:, :, start + by : end + by] = self.values[:, :, start:end].clone()

    def tensors(self) -> list[Tensor]:
        """All that it holds."""
        found = (self.keys, self.values, self.front_keys, self.front_values)
        return [t for t in found if t is not None]

    def reorder_cache(self, beam_idx: Tensor) -> None:
        """Take rows of the batch, some perhaps more than once."""
        if self.is_initialized:
            self._map(lambda t: t.index_select(0, beam_idx.to(t.device)))

    def batch_repeat_interleave(self, repeats: int) -> None:
        """Each row of the batch several times."""
        if self.is_initialized:
            self._map(lambda t: t.repeat_interleave(repeats, dim=0))

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep some rows of the batch."""
        if self.is_initialized:
            self._map(lambda t: t[indices])

    def reset(self) -> None:
        """Let go of everything."""
        self.keys = self.values = self.front_keys = self.front_values = None
        self.is_initialized = False

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Known to the cache only."""
        raise NotImplementedError("ask the SinkCache")

    def get_seq_length(self) -> int:
        """Known to the cache only."""
        raise NotImplementedError("ask the SinkCache")

    def get_max_length(self) -> int:
        """-1: a stream has no end."""
        return -1

    def _map(self, change: Any) -> None:
        with torch.inference_mode(False), torch.no_grad():
            self.keys, self.values = change(self.keys), change(self.values)
            self.front_keys, self.front_values = change(self.front_keys), change(self.front_values)


class SinkCache(Cache):
    """``past_key_values`` of constant size for a Llama-type causal language model.

    It goes into ``model(...)`` and ``model.generate(...)``. A hook on the model gives tokens their positions within the
    cache whenever such a cache is passed, and does nothing otherwise. Rows of a batch are of the same length, without
    padding. Longer prompts than ``config.chunk`` are fed in parts (``generate``: ``prefill_chunk_size``).

    Args:
        model: whose cache it is.
        config: sizes.

    Raises:
        BadInputError: ``model_unknown``, ``rotary_unknown``, ``cache_too_long`` for the positions the model knows.
    """

    def __init__(self, model: Any, config: SinkConfig | None = None) -> None:
        self.config = config or SinkConfig()
        decoder = decoder_of(model)
        known = getattr(decoder.config, "max_position_embeddings", None)
        if known is not None and self.config.slots > known:
            raise BadInputError(
                "cache_too_long", f"{self.config.slots} slots, but the model knows {known} positions; take less"
            )
        rotation = rotation_of(decoder)
        super().__init__(layers=[SinkLayer(self.config, rotation) for _ in decoder.layers])
        _hook(decoder)
        self._clear()

    def _clear(self) -> None:
        self.seen = 0  # tokens of the stream
        self.evicted = 0
        self.pinned = 0
        self._begin, self._first, self._end = 0, self.config.sink, 0
        self._expected = -1  # tokens of the forward that is under way
        self._pinning = False
        self._limit: int | None = None  # of a branch

    @property
    def held(self) -> int:
        """Tokens that are there, pinned ones included; the next part drops those beyond the recent region."""
        return self._end - self._begin

    @property
    def nbytes(self) -> int:
        """Bytes of all tensors; constant from the first token on."""
        return sum(t.numel() * t.element_size() for layer in self.layers for t in layer.tensors())

    def prepare(self, tokens: int) -> tuple[int, int]:
        """Make room for a forward of some tokens, called by the hook.

        Returns:
            their positions, from and to.

        Raises:
            BadInputError: ``chunk_too_long``, ``branch_too_long``.
        """
        if tokens > self.config.chunk:
            raise BadInputError(
                "chunk_too_long",
                f"{tokens} tokens at once, the cache takes {self.config.chunk}: feed them in parts "
                "(generate: prefill_chunk_size), or take a larger chunk",
            )
        self._expected = tokens
        if self._pinning:
            start = self.config.sink + self.pinned
            return start, start + tokens
        if self._limit is None:
            self._evict()
            self._compact(tokens)
        elif self._end + tokens > self._limit:
            raise BadInputError("branch_too_long", "more tokens than the branch was opened for")
        return self._end, self._end + tokens

    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Write keys and values (B, H, n, D) of a layer; returns those (B, H, held + n, D) to attend to.

        Raises:
            BadInputError: ``cache_of_another_model``: its hook did not see this forward.
        """
        tokens, layer = key_states.shape[-2], self.layers[layer_idx]
        if tokens != self._expected:
            raise BadInputError("cache_of_another_model", "make the cache with the model that it is passed to")
        if not layer.is_initialized:
            layer.lazy_initialization(key_states, value_states)
        last = layer_idx == len(self.layers) - 1
        if self._pinning:
            out = layer.update_front(key_states, value_states, self.config.sink + self.pinned)
            self.pinned += tokens if last else 0
        else:
            sinks = min(self.config.sink - self.seen, tokens)
            if sinks > 0:
                layer.update_front(key_states[:, :, :sinks], value_states[:, :, :sinks], self.seen)
            out = layer.update(key_states, value_states, begin=self._begin, at=self._end)
            self._end += tokens if last else 0
            self.seen += tokens if last else 0
        self._expected = -1 if last else self._expected
        return out

    def pin(self, model: Any, ids: Tensor) -> None:
        """Put text into the pinned region in place of what was there; empty text empties it.

        It is computed after the sinks and without a view of the stream, so that it means the same whenever it comes.

        Args:
            model: the cache's.
            ids: (B, n) tokens.

        Raises:
            BadInputError: ``pinned_too_long``; ``pin_before_start``: the sinks are not yet there.
        """
        if ids.shape[-1] > self.config.pinned:
            raise BadInputError("pinned_too_long", f"{ids.shape[-1]} tokens to pin, room for {self.config.pinned}")
        if self.seen < self.config.sink or self.seen == 0:
            raise BadInputError("pin_before_start", f"feed {max(self.config.sink, 1)} tokens first, then pin")
        self._evict()
        self.pinned, self._pinning = 0, True
        try:
            with torch.no_grad():
                for part in ids.split(self.config.chunk, dim=-1) if ids.shape[-1] else ():
                    model(input_ids=part, past_key_values=self, use_cache=True, logits_to_keep=1)
        finally:
            self._pinning = False
            self._place(self._first)

    @contextmanager
    def branch(self, tokens: int) -> Iterator[None]:
        """Try how the stream could go on, then forget it: for up to ``tokens`` tokens nothing is dropped.

        Raises:
            BadInputError: ``chunk_too_long``.
        """
        self.prepare(tokens)
        before, self._limit = (self._end, self.seen), self._end + tokens
        try:
            yield
        finally:
            (self._end, self.seen), self._limit, self._expected = before, None, -1

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Tokens of the stream so far, dropped ones too."""
        return self.seen

    def get_mask_sizes(self, query_length: int, layer_idx: int = 0) -> tuple[int, int]:
        """How many keys will be attended to, and the number of the first if the newest is the stream's newest."""
        held = self.config.sink + self.pinned if self._pinning else self.held
        return held + query_length, self.seen - held

    def reset(self) -> None:
        """Begin a new stream."""
        super().reset()
        self._clear()

    def crop(self, tokens_to_remove: int) -> None:
        """Refused.

        Raises:
            BadInputError: ``cache_no_crop``.
        """
        raise BadInputError("cache_no_crop", "this cache cannot be cropped; use branch() to try something")

    def _evict(self) -> None:
        first = self._end - self.config.recent
        if first > self._first:
            self.evicted += first - self._first
            self._place(first)

    def _compact(self, tokens: int) -> None:
        if self._end + tokens > self.config.slots:
            self._move(self.config.sink + self.config.pinned)

    def _place(self, first: int) -> None:
        """Let the recent region begin at an index, sinks and pinned text right before it."""
        front = self.config.sink + self.pinned
        self._first = first
        if first < front:
            self._move(self.config.sink + self.config.pinned)
            return
        self._begin = first - front
        for layer in self.layers:
            layer.place_front(front, self._begin)

    def _move(self, first: int) -> None:
        """Move the recent region, then the front."""
        by = first - self._first
        for layer in self.layers:
            layer.move(self._first, self._end, by)
        self._end += by
        self._place(first)


def _hook(decoder: Any) -> None:
    hooks = getattr(decoder, "_forward_pre_hooks", {})
    if _positions not in hooks.values():
        decoder.register_forward_pre_hook(_positions, with_kwargs=True)


def _positions(decoder: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]] | None:
    """Give tokens their positions within the cache; refuse padding, which the cache could not keep apart."""
    cache = kwargs.get("past_key_values")
    if not isinstance(cache, SinkCache):
        return None
    tokens = kwargs.get("input_ids")
    if tokens is None:
        tokens = kwargs["inputs_embeds"] if not args else args[0]
    mask = kwargs.get("attention_mask")
    if mask is not None and (mask.ndim != 2 or not bool(mask.all())):
        raise BadInputError("cache_no_padding", "rows of a batch must be of the same length, without padding")
    start, end = cache.prepare(tokens.shape[1])
    positions = torch.arange(start, end, device=tokens.device)[None]
    return args, {**kwargs, "position_ids": positions, "attention_mask": None}
