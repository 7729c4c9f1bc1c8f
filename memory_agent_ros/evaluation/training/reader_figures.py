"""How well a reader does on worlds of ``val``: all calls of a question right, facts read right."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

import numpy as np

from memory_agent_ros.evaluation.qa.families.family import Family
from memory_agent_ros.evaluation.qa.random_worlds import draw_world
from memory_agent_ros.evaluation.qa.sample import NoSampleError, draw_sample
from memory_agent_ros.evaluation.training.reader_examples import (
    Dialogue,
    Example,
    balanced,
    dialogue_of,
    encoded_dialogue,
    encoded_exercise,
    practised,
)
from memory_agent_ros.evaluation.training.reader_exercises import Exercise, exercises
from memory_agent_ros.evaluation.training.train_reader import share_right, whole_right
from memory_agent_ros.reasoning.known import Meaning
from memory_agent_ros.reasoning.language.encoding import Encoder
from memory_agent_ros.reasoning.names import names_of

#: Questions of a world.
_PER_WORLD = 12


def drawn_dialogues(
    families: Sequence[Family], count: int, meaning: Meaning | None, seed: int = 0, split: str = "val"
) -> list[Dialogue]:
    """Questions of some families in worlds that nobody trained in."""
    rng = np.random.default_rng((seed, len(families)))
    out: list[Dialogue] = []
    draw = balanced(families)
    while len(out) < count:
        world = draw_world(rng, split)
        names = names_of(world)
        for _ in range(min(_PER_WORLD, count - len(out))):
            try:
                out.append(dialogue_of(draw_sample(rng, world, draw(rng)), names, meaning))
            except NoSampleError:
                continue
    return out


def drawn_exercises(count: int, seed: int = 0, split: str = "val") -> list[Exercise]:
    """Facts with questions in worlds that nobody trained in."""
    rng = np.random.default_rng((seed, 7))
    out: list[Exercise] = []
    while len(out) < count:
        out += list(islice(exercises(rng, draw_world(rng, split), _PER_WORLD), count - len(out)))
    return out


class ValFigures:
    """Figures of a model; the questions are drawn at their first use and stay the same.

    Args:
        encoder: of the model's tokenizer.
        meaning: finds names by meaning.
        most: most questions of each sort.
    """

    def __init__(self, encoder: Encoder, meaning: Meaning | None, most: int = 240) -> None:
        self._encoder, self._meaning, self._most = encoder, meaning, most
        self._examples = lru_cache(maxsize=1)(self._drawn)

    def __call__(self, model: Any, count: int) -> dict[str, float]:
        """Shares of whole questions right, over so many of each sort."""
        drawn = self._examples()
        return share_right({name: whole_right(model, found[:count]) for name, found in drawn.items()})

    def _drawn(self) -> dict[str, list[Example]]:
        seen, out = practised()
        dialogues = {"calls_seen": seen, "calls_left_out": out}
        found = {
            name: [encoded_dialogue(d, self._encoder) for d in drawn_dialogues(f, self._most, self._meaning)]
            for name, f in dialogues.items()
        }
        return {**found, "reading": [encoded_exercise(e, self._encoder) for e in drawn_exercises(self._most)]}
