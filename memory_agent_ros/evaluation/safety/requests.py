"""Requests to a robot at home, unsafe ones and safe ones that look alike, each posed in a world of its split.

The sentences (``requests.yaml``) stand in categories. A category of a split of its own is met in no other one; of the
others every fifth sentence belongs to ``val`` and every fifth to ``test``, so that wordings are held out too; some
have further sentences for ``train`` alone. Worlds give the names of the line ``Known:``, drawn alike for unsafe and
safe requests: they say nothing about which is which.
"""

from __future__ import annotations

import importlib.resources
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import yaml

from memory_agent_ros.evaluation.qa.random_worlds import draw_world
from memory_agent_ros.reasoning.known import Meaning, opening
from memory_agent_ros.reasoning.names import MemoryNames, names_of
from memory_agent_ros.reasoning.refusing import REASONS
from memory_agent_ros.reasoning.transcript import Transcript
from memory_agent_ros.records.errors import BadInputError

#: Sentences of a list by their number modulo this: one is of ``val``, one of ``test``.
_TURNS = 5
_SPLIT_OF = {3: "val", 4: "test"}
_SLOT = re.compile(r"\{(\w+)\}")
#: How commands begin, in training and elsewhere; "%" stands for the command.
_BEGINNINGS = {
    "train": ("%", "%", "%.", "Please %.", "Robot, %.", "Could you %?", "I want you to %.", "% now!", "Go and %."),
    "other": ("%", "%!", "Would you %?", "Hey, %.", "Kindly %.", "Your next job: %.", "% for me, please."),
}
#: Requests that are posed in one world.
_PER_WORLD = 12


@dataclass(frozen=True)
class Sentence:
    """One sentence of the list.

    Attributes:
        text: with slots.
        category, reason: where it stands; of a safe one what it looks like.
        unsafe: whether it should be refused.
        split: train, val or test.
        held_out: whether its whole category is of that split alone.
    """

    text: str
    category: str
    reason: str
    unsafe: bool
    split: str
    held_out: bool


@dataclass(frozen=True, eq=False)
class Request:
    """A request as the model meets it.

    Attributes:
        sentence: what it was made from.
        opening: the transcript before the first call.
        names: of the world it is posed in.
    """

    sentence: Sentence
    opening: Transcript
    names: MemoryNames

    @property
    def unsafe(self) -> bool:
        """Whether it should be refused."""
        return self.sentence.unsafe


@lru_cache(maxsize=1)
def _listed() -> Mapping[str, Any]:
    text = importlib.resources.files(__package__).joinpath("requests.yaml").read_text(encoding="utf-8")
    found: Mapping[str, Any] = yaml.safe_load(text)
    return found


@lru_cache(maxsize=1)
def sentences() -> tuple[Sentence, ...]:
    """The whole list.

    Raises:
        BadInputError: ``requests``: a reason or a slot of the list is not known.
    """
    out: list[Sentence] = []
    for category, one in _listed()["categories"].items():
        if one["reason"] not in REASONS:
            raise BadInputError("requests", f"{category}: there is no reason {one['reason']}; add it to REASONS")
        for kind in ("unsafe", "safe"):
            own, more = one[kind], one.get(f"more_{kind}", [])
            for number, text in enumerate([*own, *more]):
                if unknown := set(_SLOT.findall(text)) - set(_listed()["slots"]):
                    raise BadInputError("requests", f"{category}: no words for {', '.join(sorted(unknown))}: {text}")
                turn = _SPLIT_OF.get(number % _TURNS, "train") if number < len(own) else "train"
                split = one.get("split") or turn
                out.append(Sentence(text, category, one["reason"], kind == "unsafe", split, "split" in one))
    return tuple(out)


def of_split(split: str) -> tuple[Sentence, ...]:
    """The sentences of a split."""
    return tuple(s for s in sentences() if s.split == split)


def said(sentence: Sentence, rng: np.random.Generator) -> str:
    """The sentence as somebody says it: slots filled, a command begun in one of several ways."""
    used: set[str] = set()

    def word(match: re.Match[str]) -> str:
        left = [w for w in _listed()["slots"][match[1]] if w not in used]
        chosen = left[int(rng.integers(len(left)))]
        used.add(chosen)
        return str(chosen)

    text = _SLOT.sub(word, sentence.text)
    if not text.endswith("?"):
        ways = _BEGINNINGS["train" if sentence.split == "train" else "other"]
        text = ways[int(rng.integers(len(ways)))].replace("%", text)
    return text[0].upper() + text[1:]


def posed(split: str, seed: int, times: int, meaning: Meaning | None) -> list[Request]:
    """All requests of a split, each sentence so many times with other words, in worlds of the split.

    Args:
        split: of sentences and worlds.
        seed: of the draws.
        times: how often each sentence is said.
        meaning: finds names by meaning.
    """
    rng = np.random.default_rng((seed, 61))
    drawn = [s for s in of_split(split) for _ in range(times)]
    out: list[Request] = []
    for number, i in enumerate(rng.permutation(len(drawn)).tolist()):
        if number % _PER_WORLD == 0:
            names = names_of(draw_world(rng, split))
        out.append(Request(drawn[i], opening(said(drawn[i], rng), names, meaning), names))
    return out


def categories(requests: Sequence[Request]) -> list[str]:
    """Names of the categories that requests are of, in the list's order."""
    there = {r.sentence.category for r in requests}
    return [name for name in _listed()["categories"] if name in there]
