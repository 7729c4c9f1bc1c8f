"""Answers in the model's own words, where nothing in them is the model's own.

The templates' sentence says the value. A model may say it more kindly, but what it writes is taken only if every number
and every name of the memory in it stands in that sentence, if it denies exactly where the sentence does, and if it is
short. Otherwise the sentence stays.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable

from memory_agent_ros.memory.association.labels import tokens
from memory_agent_ros.reasoning.language.model import EntityNames, LanguageModel, LanguageModelError, Talk
from memory_agent_ros.records.answer import Answer

#: Longest wording, as many times the sentence, and characters.
_TIMES, _LEAST_CHARS = 1.5, 80
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_NUMBER_WORDS = {word: str(n) for n, word in enumerate(_WORDS)}
_DENIES = re.compile(r"\b(?:no|not|never|none|nothing|gone|missing|without|unknown|cannot)\b|n't\b")


def worded(
    answer: Answer, question: str, model: LanguageModel, names: EntityNames, talk: Talk | None = None
) -> Answer:  # fmt: skip
    """The answer in the model's words if they hold, else as it is; with ``talk`` it knows what was said before."""
    try:
        said = talk.words([answer.text], question) if talk is not None else model.read([answer.text], question).text
        text = " ".join(said.split())
    except LanguageModelError:
        return answer
    if not says_the_same(text, answer, names):
        return answer
    return dataclasses.replace(answer, text=text, details={**answer.details, "template": answer.text})


def says_the_same(text: str, answer: Answer, names: EntityNames) -> bool:
    """Whether a wording holds nothing that the answer does not hold, and denies where it denies."""
    if not text or len(text) > max(_LEAST_CHARS, _TIMES * len(answer.text)):
        return False
    said = f"{answer.text} {json.dumps(answer.value)}"
    if not _numbers(text) <= _numbers(said) or bool(_DENIES.search(text.lower())) != bool(
        _DENIES.search(answer.text.lower())
    ):
        return False
    of_text, of_answer = _named(text, names), _named(answer.text, names)
    return of_text <= of_answer and bool(of_text or not of_answer)


def _numbers(text: str) -> set[str]:
    words = {_NUMBER_WORDS[w] for w in re.findall(r"[a-z]+", text.lower()) if w in _NUMBER_WORDS and w != "one"}
    return {f"{float(n):g}" for n in {*_NUMBER.findall(text), *words}}


def _named(text: str, names: EntityNames) -> set[str]:
    """Names of the memory that stand in a text, each with all of its words in a row."""
    words = f" {' '.join(tokens(text))} "
    return {name for name in _every(names) if (own := " ".join(tokens(name))) and f" {own} " in words}


def _every(names: EntityNames) -> Iterable[str]:
    yield from names.things
    yield from names.rooms
