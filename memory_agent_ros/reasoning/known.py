"""The line ``Known:`` of a transcript: names of the memory that a question may mean, likeliest first.

Words decide first: a name that stands in the question comes before one that shares its noun, and that before one that
only means something like it. A model then copies a name, or sees that what is asked for is not among them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.reasoning.language.model import EntityNames
from memory_agent_ros.reasoning.rules.questions import singular
from memory_agent_ros.reasoning.transcript import KNOWN, Transcript
from memory_agent_ros.reasoning.words import words_in

#: A name that means less like any phrase of the question than this is not named: cosine of sentence vectors.
_ALIKE = 0.42
#: Names that stand in a question; a noun that they share with it; a word; meaning counts less than 1.
_WHOLE, _NOUN, _WORD = 3.0, 2.0, 1.0
#: Words of questions that name nothing.
_STOP_TEXT = """
a about after ago all already also altogether am an and any anybody anyone anything apartment are around as at be been
before being bigger biggest both but by can changed close closest color colour could count day days describe did
different do does done each else ever far farthest few find first for found from furthest gave get give go going gone
had happened has have here high highest hour hours how i idea if in inside into is it item items its just kind know
known largest larger last lately least less list locate located location long longer look looking lower lowest made
make many material may me metre metres minute minutes missing more most move moved much my near nearest next no not
notice noticed now number object objects of old on once one or other out over own part past people person place placed
please position put recently remember room rooms said same saw say second see seen several shall should show since
size smaller smallest some somebody someone something stand standing stands still stood taken taller tell than that
the their them then there these they thing things this those time times to today told total toward under until up us
use used want was we week weeks went were what when where whereabouts which while who why wide will with within
without would yesterday yet you your
"""
_STOP = frozenset(_STOP_TEXT.split())


class Meaning(Protocol):
    """Gives texts vectors that lie close where they mean the same."""

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """B strings -> (B, D) unit vectors."""
        ...


def known_names(
    question: str, names: EntityNames, meaning: Meaning | None = None, most: int = KNOWN
) -> tuple[str, ...]:
    """Names that a question may mean, likeliest first; names that nothing speaks for are left out.

    Args:
        question: what was asked; of a follow-up, with what it speaks of.
        names: of the memory.
        meaning: finds "refrigerator" for "fridge"; without it words alone decide.
        most: names.
    """
    every = list(dict.fromkeys((*names.things, *names.rooms)))
    if not every:
        return ()
    words = words_in(question)
    singulars = [singular(word) for word in words]
    asked = {w for pair in zip(words, singulars, strict=True) if pair[0] not in _STOP for w in pair}
    places = {name: place for name in every if (place := _place(name, words, singulars))}
    inside = {name for name, place in places.items() if any(_within(place, other) for other in places.values())}
    score = np.array([_by_words(name, places if name not in inside else {}, asked) for name in every])
    phrases = _phrases(words)
    if meaning is not None and phrases:
        alike = (meaning.embed_texts(every) @ meaning.embed_texts(phrases).T).max(axis=1)
        score += np.where(alike >= _ALIKE, np.clip(alike, 0.0, 0.99), 0.0)
    order = np.argsort(-score, kind="stable")
    return tuple(every[i] for i in order[:most] if score[i] > 0)


def opening(
    question: str, names: EntityNames, meaning: Meaning | None = None, earlier: tuple[str, str] | None = None
) -> Transcript:
    """A transcript before its first call; in a dialogue, names of the question before follow those of this one."""
    known = known_names(question, names, meaning)
    if earlier is not None:
        known = tuple(dict.fromkeys((*known, *known_names(earlier[0], names, meaning))))[:KNOWN]
    return Transcript(question, known, earlier)


def content_words(question: str) -> list[str]:
    """Words of a question that may name something, in the singular."""
    return [singular(word) for word in words_in(question) if word not in _STOP]


def phrases_of(question: str) -> list[str]:
    """Runs of words of a question that may name something, and their ends."""
    return _phrases(words_in(question))


def _place(name: str, words: Sequence[str], singulars: Sequence[str]) -> tuple[int, int] | None:
    """Where a name stands in the question, singular or plural: first word and the one after its last."""
    own, one = _own(name)
    for start in range(len(words) - len(own) + 1) if own else ():
        end = start + len(own)
        if list(words[start:end]) == own or [*words[start : end - 1], singulars[end - 1]] == one:
            return start, end
    return None


def _within(place: tuple[int, int], other: tuple[int, int]) -> bool:
    return place != other and other[0] <= place[0] and place[1] <= other[1]


def _own(name: str) -> tuple[list[str], list[str]]:
    """The words of a name, and the same with the last one in the singular."""
    own = words_in(name)
    return own, [*own[:-1], singular(own[-1])] if own else []


def _by_words(name: str, places: Mapping[str, tuple[int, int]], asked: set[str]) -> float:
    """How much of a name stands in the question; longer names first."""
    own, one = _own(name)
    if name in places:
        return _WHOLE + 0.1 * min(len(own), 5)
    if own and (one[-1] in asked or own[-1] in asked):
        return _NOUN
    return _WORD if asked & set(own) else 0.0


def _phrases(words: Sequence[str]) -> list[str]:
    """Runs of words that may name something, and their ends: "red coffee mug", "coffee mug", "mug"."""
    found: list[str] = []
    run: list[str] = []
    for word in [*words, ""]:
        if word and word not in _STOP:
            run.append(word)
            continue
        found += [singular(" ".join(run[start:])) for start in range(max(0, len(run) - 3), len(run))]
        run = []
    return list(dict.fromkeys(found))
