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
    chunks, run = list[str](), ""
    for sentence in (part for s in sentences(text) for part in _cut(s, most, count)):
        longer = f"{run} {sentence}" if run else sentence
        if run and count(longer) > most:
            chunks.append(run)
            run = sentence
        else:
            run = longer
    return [*chunks, run] if run else chunks


def _cut(sentence: str, most: int, count: Callable[[str], int]) -> Sequence[str]:
    if count(sentence) <= most:
        return (sentence,)
    parts, run = list[str](), ""
    for word in sentence.split():
        longer = f"{run} {word}" if run else word
        if run and count(longer) > most:
            parts.append(run)
            run = word
        else:
            run = longer
    return [*parts, run]
