"""Ten thousand outputs of a model that knows nothing, and some of one that can write: how many are invalid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from memory_agent_ros.evaluation.constrained.names import NameSet
from memory_agent_ros.reasoning.calls import TOOLS, CallError, Reference, ToolCall, parse_call
from memory_agent_ros.reasoning.decoding.call_decoder import CallDecoder
from memory_agent_ros.reasoning.decoding.call_processor import CallProcessor
from memory_agent_ros.reasoning.decoding.codec import CallCodec
from memory_agent_ros.reasoning.decoding.entities import Entities
from memory_agent_ros.reasoning.decoding.grammar import CallGrammar, CallScope
from memory_agent_ros.reasoning.decoding.processor import TrieProcessor
from memory_agent_ros.reasoning.decoding.trie import Trie

_BATCH, _PROMPT = 50, 4
#: Longest call: every character a token of its own.
_CALL_TOKENS = 120


def random_model(vocabulary: int, stop: int, seed: int) -> Any:
    """A Llama of one small layer with random weights: as surprised by a valid token as by any other."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=vocabulary, hidden_size=48, intermediate_size=96, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=2, initializer_range=0.2, eos_token_id=stop, pad_token_id=stop, bos_token_id=stop,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval()


def sampled(model: Any, count: int, tokens: int, stop: int, make: Any, seed: int) -> list[list[int]]:
    """Outputs of ``generate`` by sampling, in batches, without prompt and stop token.

    Args:
        model: the model.
        count: how many.
        tokens: of the longest.
        stop: token that ends one.
        make: rows -> logits processors.
        seed: of prompts and samples.
    """
    torch.manual_seed(seed)
    out: list[list[int]] = []
    while len(out) < count:
        prompts = torch.randint(0, model.config.vocab_size, (min(_BATCH, count - len(out)), _PROMPT))
        rows = model.generate(
            prompts, attention_mask=torch.ones_like(prompts), logits_processor=make(len(prompts)), do_sample=True,
            max_new_tokens=tokens,
        )  # fmt: skip
        out += [[t for t in row[_PROMPT:] if t != stop] for row in rows.tolist()]
    return out


def invalid_names(model: Any, names: NameSet, trie: Trie | None, count: int, seed: int) -> int:
    """How many of the sampled outputs are none of the names; without a trie the model is free."""
    known = {tuple(ids) for ids in names.ids}
    tokens = max(map(len, names.ids)) + 1

    def make(rows: int) -> list[Any]:
        return [] if trie is None else [TrieProcessor(trie, names.stop, _PROMPT)]

    return sum(tuple(one) not in known for one in sampled(model, count, tokens, names.stop, make, seed))


def invalid_calls(model: Any, grammar: CallGrammar, entities: Entities, count: int, seed: int) -> int:
    """How many of the sampled outputs are no valid call, by the parser and the memory's names."""
    rng = np.random.default_rng(seed)
    scopes: list[CallScope] = []

    def make(rows: int) -> list[Any]:
        new = [CallScope.after(int(rng.integers(0, 5)), bool(rng.integers(0, 2))) for _ in range(rows)]
        scopes.extend(new)
        return [CallProcessor([CallDecoder(grammar, entities, s) for s in new], grammar.codec.stop, _PROMPT)]

    written = sampled(model, count, _CALL_TOKENS, grammar.codec.stop, make, seed)
    return sum(not valid(grammar.codec, one, entities, s) for one, s in zip(written, scopes, strict=True))


def invalid_choices(grammar: CallGrammar, entities: Entities, count: int, seed: int) -> int:
    """The same for calls of which every token is drawn with equal chance from what is allowed."""
    rng, wrong = np.random.default_rng(seed), 0
    for _ in range(count):
        scope = CallScope.after(int(rng.integers(0, 5)), bool(rng.integers(0, 2)))
        decoder = CallDecoder(grammar, entities, scope)
        while not decoder.done and len(decoder.ids) < _CALL_TOKENS:
            decoder.advance(int(rng.choice(decoder.allowed())))
            decoder.take_forced()
        wrong += not valid(grammar.codec, decoder.ids, entities, scope)
    return wrong


def valid(codec: CallCodec, ids: Sequence[int], entities: Entities, scope: CallScope) -> bool:
    """Whether token ids are a call that its tool takes, about results and names that there are."""
    try:
        return about_what_is(codec.decode_call(ids), entities, scope)
    except CallError:
        return False


def valid_text(text: str, entities: Entities, scope: CallScope) -> bool:
    """The same for text as a model writes it without constraint; spaces are forgiven."""
    try:
        return about_what_is(parse_call(text.replace("( ", "(").replace("= ", "=")), entities, scope)
    except CallError:
        return False


def about_what_is(one: ToolCall, entities: Entities, scope: CallScope) -> bool:
    """Whether a call's results and names are there."""
    known = {kind: set(names.spelled) for kind, names in entities.of.items()}
    for parameter in TOOLS[one.tool].parameters:
        value = one.arguments.get(parameter.name)
        if isinstance(value, Reference):
            if value.number not in scope.results:
                return False
        elif value is not None and parameter.kind in known and value not in known[parameter.kind]:
            return False
    return True
