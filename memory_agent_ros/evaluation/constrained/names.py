"""Names to decode: as many as asked for, of words of a real tokenizer's vocabulary."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from memory_agent_ros.reasoning.decoding.codec import CallCodec

#: Words that names are made of, words of a name, and the share of names with a number behind.
_WORDS, _LENGTHS, _NUMBERED = 5000, (2, 3, 4), 0.3
#: Where there is no tokenizer: ids of a vocabulary of this size.
VOCABULARY, STOP = 49152, 0


@dataclass(frozen=True)
class NameSet:
    """Names and their tokens.

    Attributes:
        texts: distinct names.
        ids: their token ids.
        vocabulary: number of token ids.
        stop: token that ends a name.
        tokenise_s: seconds that the tokenizer took for all of them; NaN without one.
    """

    texts: tuple[str, ...]
    ids: list[list[int]]
    vocabulary: int
    stop: int
    tokenise_s: float


def name_set(count: int, seed: int, codec: CallCodec | None) -> NameSet:
    """Names of two to four words, some numbered; the same for a seed.

    Args:
        count: how many.
        seed: of the random numbers.
        codec: of the tokenizer; without one a word is a token id.
    """
    rng = np.random.default_rng([seed, count])
    words = rng.permutation(_words(codec))[:_WORDS]
    texts: dict[str, None] = {}
    while len(texts) < count:
        missing = count - len(texts)
        picked = words[rng.integers(0, len(words), (missing, max(_LENGTHS)))]
        lengths = rng.choice(_LENGTHS, missing)
        numbers = np.where(rng.random(missing) < _NUMBERED, rng.integers(2, 100, missing), 0)
        for row, length, number in zip(picked.tolist(), lengths.tolist(), numbers.tolist(), strict=True):
            texts[" ".join(row[:length]) + (f" {number}" if number else "")] = None
    if codec is None:
        coded = [[int(word) for word in text.split()] for text in texts]
        return NameSet(tuple(texts), coded, VOCABULARY, STOP, float("nan"))
    started = time.process_time()
    ids = codec.encode_names(list(texts))
    return NameSet(tuple(texts), ids, codec.vocabulary, codec.stop, time.process_time() - started)


def _words(codec: CallCodec | None) -> Sequence[str]:
    """Words that are one token each, a space before them included."""
    if codec is None:
        return [str(n) for n in range(100, VOCABULARY)]
    plain = (codec.text([n]) for n in range(codec.vocabulary))
    return sorted(
        {
            t[1:]
            for t in plain
            if t[:1] == " " and len(t) > 3 and t[1:].isascii() and t[1:].islower() and t[1:].isalpha()
        }
    )
