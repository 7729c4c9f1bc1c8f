"""The embedded model beside its constraint: what a token of it costs, and what it writes when nothing holds it."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch

from memory_agent_ros.evaluation.constrained.outputs import valid_text
from memory_agent_ros.reasoning.decoding.call_decoder import CallDecoder
from memory_agent_ros.reasoning.decoding.entities import Entities
from memory_agent_ros.reasoning.decoding.grammar import CallGrammar, CallScope
from memory_agent_ros.reasoning.language.cached import CachedModel
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
            started = time.perf_counter()
            model(ids[:, :1], past_key_values=cache, use_cache=True).logits.argmax(-1)
            out.append((time.perf_counter() - started) * 1e6)
    return out[1:]


def call_step_us(grammar: CallGrammar, entities: Entities, calls: int, seed: int) -> list[float]:
    """Microseconds a token that following a call takes, choice of the best included: the mean of each call."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(32, grammar.codec.vocabulary)).astype(np.float32)
    out = []
    for number in range(-calls, calls):  # the first half fills the grammar library's own tables
        started = time.perf_counter()
        decoder = CallDecoder(grammar, entities, CallScope.after(number % 4, True))
        while not decoder.done:
            allowed = decoder.allowed()
            decoder.advance(int(allowed[scores[(number + len(decoder.ids)) % 32].take(allowed).argmax()]))
        if number >= 0:
            out.append((time.perf_counter() - started) * 1e6 / len(decoder.ids))
    return out


def free_calls(loaded: LoadedModel, entities: Entities, instructed: bool, count: int) -> tuple[int, list[str]]:
    """How many first calls to household questions the model writes invalidly when it is free, and what it wrote.

    Args:
        loaded: the model.
        entities: the names that there are: :data:`THINGS`, :data:`ROOMS`.
        instructed: put instructions and examples first, for a model that was not trained on calls.
        count: questions; in every third the thing asked for is none that the memory knows.
    """
    encoder, cached = Encoder(loaded.tokenizer), CachedModel(loaded.model)
    before = encoder.text(instructions()) if instructed else []
    wrong, texts = 0, []
    for number in range(count):
        thing = _ABSENT[number % len(_ABSENT)] if number % 3 == 2 else THINGS[number % len(THINGS)]
        asked = _QUESTIONS[number % len(_QUESTIONS)].format(a=thing, r=ROOMS[number % len(ROOMS)])
        ids = [*before, *encoder.transcript(Transcript(asked, THINGS[:8] + ROOMS))]
        texts.append(_line(encoder, cached, ids))
        wrong += not valid_text(texts[-1], entities, CallScope.after(0))
    return wrong, texts


def _line(encoder: Encoder, cached: CachedModel, ids: list[int]) -> str:
    """What the model writes up to the end of the line."""
    start, text = len(ids), ""
    for _ in range(_LINE_TOKENS):
        ids = [*ids, int(cached.logits(ids)[-1].argmax())]
        text = encoder.tokenizer.decode(ids[start:], skip_special_tokens=True)
        if "\n" in text.lstrip() or ids[-1] == encoder.tokenizer.eos_token_id:
            break
    return text.lstrip().partition("\n")[0].strip()
