"""How a language model is given a passage and asked: the one thing that differs between base models."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_ENDS = re.compile(r"(?<=[.!?])\s+|\n+")


@dataclass(frozen=True)
class Prompts:
    """Token ids of what a base model reads.

    Attributes:
        passage: a passage alone, as an adapter is made from it.
        asked: (passage or None, question) -> ids that end where the answer begins.
        answer: of an answer, as the model would write it.
    """

    passage: Callable[[str], list[int]]
    asked: Callable[[str | None, str], list[int]]
    answer: Callable[[str], list[int]]


def sentences(text: str) -> list[str]:
    """A text's sentences or lines, without what stands around them."""
    return [s.strip() for s in _ENDS.split(text) if s.strip()]


def chunked(text: str, most: int, count: Callable[[str], int]) -> list[str]:
    """A text in chunks of whole sentences.

    Args:
        text: of any length.
        most: tokens of a chunk; a longer sentence is cut at words.
        count: tokens of a text.

    Raises:
        ValueError: ``most`` is below 1.
    """
    if most < 1:
        raise ValueError("a chunk must hold at least one token")
    return _packed([part for s in sentences(text) for part in _cut(s, most, count)], most, count)


def _cut(sentence: str, most: int, count: Callable[[str], int]) -> Sequence[str]:
    return (sentence,) if count(sentence) <= most else _packed(sentence.split(), most, count)


def _packed(parts: Sequence[str], most: int, count: Callable[[str], int]) -> list[str]:
    """Parts joined by spaces into as long texts as may be."""
    packed, run = list[str](), ""
    for part in parts:
        longer = f"{run} {part}" if run else part
        if run and count(longer) > most:
            packed.append(run)
            run = part
        else:
            run = longer
    return [*packed, run] if run else packed
