"""The embedded model beside its constraint: what a token costs, what it writes, and what when nothing holds it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from memory_agent_ros.attention.cached import CachedModel
from memory_agent_ros.reasoning.decoding.call_decoder import CallDecoder
from memory_agent_ros.reasoning.decoding.entities import Entities
from memory_agent_ros.reasoning.decoding.grammar import CallGrammar, CallScope
from memory_agent_ros.reasoning.decoding.writing import write_call
from memory_agent_ros.reasoning.language.embedded import LoadedModel
from memory_agent_ros.reasoning.language.encoding import Encoder
from memory_agent_ros.reasoning.language.instructions import instructions
from memory_agent_ros.reasoning.transcript import Transcript

#: Tokens before the measured ones, and tokens measured, by batch size.
_CONTEXT, _STEPS = {1: 200, 32: 32}, {1: 12, 32: 4}
_LINE_TOKENS = 32
THINGS = (
    "mug", "red mug", "coffee table", "office chair", "floor lamp", "bookshelf", "plant", "sofa", "laptop",
    "water bottle", "bowl", "television", "bed", "wardrobe", "toaster", "kettle",
)  # fmt: skip
ROOMS = ("kitchen", "living room", "bedroom", "hallway")
_ABSENT = ("bicycle", "guitar", "ironing board", "vacuum cleaner", "umbrella", "printer")
_QUESTIONS = (
    "Where is the {a}?",
    "How many of the {a} kind are in the {r}?",
    "What is next to the {a}?",
    "Is there a {a} in the {r}?",
    "When did you last see the {a}?",
)


def decode_step_us(model: Any, batch: int) -> list[float]:
    """Microseconds of each of some decode steps over a key/value cache."""
    ids = torch.randint(100, 1000, (batch, _CONTEXT[batch]), generator=torch.Generator().manual_seed(0))
    out = []
    with torch.inference_mode():
        cache = model(ids, use_cache=True, logits_to_keep=1).past_key_values
        for _ in range(_STEPS[batch] + 1):
            started = time.process_time()
            model(ids[:, :1], past_key_values=cache, use_cache=True).logits.argmax(-1)
            out.append((time.process_time() - started) * 1e6)
    return out[1:]


def call_step_us(grammar: CallGrammar, entities: Entities, calls: int, seed: int) -> list[float]:
    """Microseconds a token that following a call takes, choice of the best included: the mean of each call."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(32, grammar.codec.vocabulary)).astype(np.float32)
    out = []
    for number in range(-calls, calls):  # the first half fills the grammar library's own tables
        started = time.process_time()
        decoder = CallDecoder(grammar, entities, CallScope.after(number % 4, True))
        while not decoder.done:
            allowed = decoder.allowed()
            decoder.advance(int(allowed[scores[(number + len(decoder.ids)) % 32].take(allowed).argmax()]))
        if number >= 0:
            out.append((time.process_time() - started) * 1e6 / len(decoder.ids))
    return out


def questions(loaded: LoadedModel, instructed: bool, count: int) -> list[list[int]]:
    """Token ids of household questions; in every third the thing asked for is none that the memory knows.

    Args:
        loaded: the model.
        instructed: put instructions and examples first, for a model that was not trained on calls.
        count: how many.
    """
    encoder = Encoder(loaded.tokenizer)
    before = encoder.text(instructions()) if instructed else []
    out = []
    for number in range(count):
        thing = _ABSENT[number % len(_ABSENT)] if number % 3 == 2 else THINGS[number % len(THINGS)]
        asked = _QUESTIONS[number % len(_QUESTIONS)].format(a=thing, r=ROOMS[number % len(ROOMS)])
        out.append([*before, *encoder.transcript(Transcript(asked, THINGS[:8] + ROOMS))])
    return out


def free_calls(loaded: LoadedModel, asked: Sequence[list[int]]) -> list[str]:
    """What the model writes after each prompt, without constraint, up to the end of the line."""
    cached = CachedModel(loaded.model)
    return [_line(loaded.tokenizer, cached, ids) for ids in asked]


def held_calls(loaded: LoadedModel, asked: Sequence[list[int]], grammar: CallGrammar, entities: Entities) -> list[str]:
    """What it writes under constraint, as the text of its tokens."""
    cached, out = CachedModel(loaded.model), []
    for ids in asked:
        seen: list[int] = []

        def read(more: list[int], wanted: int, seen: list[int] = seen) -> NDArray[np.float32]:
            seen.extend(more)
            logits: NDArray[np.float32] = cached.logits(seen, wanted).numpy()
            return logits

        written = write_call(read, ids, CallDecoder(grammar, entities, CallScope.after(0)))
        out.append(grammar.codec.text(written.ids))
    return out


def _line(tokenizer: Any, cached: CachedModel, ids: list[int]) -> str:
    start, text = len(ids), ""
    for _ in range(_LINE_TOKENS):
        ids = [*ids, int(cached.logits(ids)[-1].argmax())]
        text = tokenizer.decode(ids[start:], skip_special_tokens=True)
        if "\n" in text.lstrip() or ids[-1] == tokenizer.eos_token_id:
            break
    return str(text).lstrip().partition("\n")[0].strip()
