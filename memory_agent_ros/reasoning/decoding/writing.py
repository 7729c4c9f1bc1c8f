"""A model writes one call under constraint, greedily, over its own key/value cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.reasoning.calls import ToolCall
from memory_agent_ros.reasoning.decoding.call_decoder import CallDecoder, Slot
from memory_agent_ros.reasoning.decoding.trie import Tokens
from memory_agent_ros.records.errors import BadInputError

#: (tokens that the model has not read yet, how many of their last logits are wanted) -> (wanted, vocabulary) float32
#: logits of what follows each. The model keeps what it has read.
Reader = Callable[[list[int], int], NDArray[np.float32]]


@dataclass(frozen=True)
class Written:
    """A call, and how the model came to it.

    Attributes:
        call: the call.
        ids: its tokens.
        unread: the last of them, which the model has not read; the next reading starts with them.
        log_prob: of the call under the constraint: choices only, forced tokens are certain.
        slots: the places of names, in order.
        slot_mass: for each, the probability that the model without constraint stays within the memory's names from
            the first token of the name to the one after it: the product of what it gave to the allowed tokens.
        asked: tokens that the model chose.
    """

    call: ToolCall
    ids: tuple[int, ...]
    unread: tuple[int, ...]
    log_prob: float
    slots: tuple[Slot, ...]
    slot_mass: tuple[float, ...]
    asked: int

    @property
    def mass(self) -> float:
        """The least of the slots; 1 without any."""
        return min(self.slot_mass, default=1.0)


@dataclass(frozen=True)
class _Step:
    """A token of the call: what was allowed, and whether the constraint was the memory's."""

    allowed: Tokens
    token: int
    at_name: bool


def write_call(read: Reader, prompt: Sequence[int], decoder: CallDecoder, max_tokens: int = 96) -> Written:
    """Write the likeliest call, token by token; what is forced is read together with the next choice.

    Args:
        read: the model.
        prompt: tokens that it has not read yet, at least one.
        decoder: at the beginning of a call.
        max_tokens: of the call; a longest call takes some 40 tokens and its names.

    Raises:
        BadInputError: ``call_too_long``.
    """
    log_prob, asked = 0.0, 0
    mass = np.zeros(max_tokens + 1)  # log of what was left at each token of the call
    names = np.zeros(max_tokens + 1, np.bool_)
    unread: list[int] = list(prompt)
    open_steps: list[_Step] = []
    while True:
        decided = len(decoder.ids)
        ends = decoder.done
        if ends and not any(step.at_name for step in open_steps):
            break
        logits = read(unread, len(open_steps) + 1)
        unread = []
        for number, (step, row) in enumerate(zip(open_steps, logits, strict=False), start=decided - len(open_steps)):
            mass[number], names[number] = allowed_mass(row, step.allowed), step.at_name
        if ends:
            break
        chosen = _choose(decoder, logits[-1])
        mass[decided], names[decided] = allowed_mass(logits[-1], chosen.allowed), chosen.at_name
        log_prob += token_log_prob(logits[-1], chosen)
        asked += 1
        open_steps = _forced(decoder)
        unread = decoder.ids[decided:]
        if len(decoder.ids) > max_tokens:
            raise BadInputError("call_too_long", f"more than {max_tokens} tokens: {decoder.text()!r}")
    kept = np.where(names, mass, 0.0)
    slot_mass = [float(np.exp(kept[slot.first : slot.last + 1].sum())) for slot in decoder.slots]
    return Written(
        decoder.call(), tuple(decoder.ids), tuple(unread), log_prob, tuple(decoder.slots), tuple(slot_mass), asked
    )


def allowed_mass(logits: NDArray[np.float32], allowed: Tokens) -> float:
    """The log of the probability that the model gives to the allowed tokens, of its (vocabulary,) logits."""
    top = float(logits.max())
    exp = np.exp(logits - top)
    return float(np.log(exp[allowed].sum(dtype=np.float64) + 1e-300) - np.log(exp.sum(dtype=np.float64)))


def token_log_prob(logits: NDArray[np.float32], step: _Step) -> float:
    """The log-probability of a token among the allowed ones."""
    values = logits[step.allowed].astype(np.float64)
    return float(logits[step.token] - values.max() - np.log(np.exp(values - values.max()).sum()))


def _choose(decoder: CallDecoder, logits: NDArray[np.float32]) -> _Step:
    allowed = decoder.allowed()
    step = _Step(allowed, int(allowed[logits[allowed].argmax()]), decoder.at_name())
    decoder.advance(step.token)
    return step


def _forced(decoder: CallDecoder) -> list[_Step]:
    """Append what is forced."""
    steps = []
    while len(decoder.allowed()) == 1:
        steps.append(_Step(decoder.allowed(), int(decoder.allowed()[0]), decoder.at_name()))
        decoder.advance(steps[-1].token)
    return steps
