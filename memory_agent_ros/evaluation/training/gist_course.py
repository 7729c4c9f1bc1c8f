"""The task family that the tiny model of memory-to-LoRA learns to read: random gists, and questions about them.

``memory-agent train tiny-gist-reader``. It begins with one room and one kind of thing and ends with several of both.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from memory_agent_ros.evaluation.adapters.gist import ask, random_gist, tell, words
from memory_agent_ros.evaluation.training.passages import Passage
from memory_agent_ros.evaluation.training.train_tiny_reader import Course, encoded

#: Share of the training with one room; chance of the held-out forms: they are held out from adapters, not the language.
_SINGLE, _HELD_OUT, _BARE = 0.4, 0.33, 0.04
_LOOKED = 150


def gist_course(tokenizer: Any, rooms: int = 3, kinds: int = 5) -> Course:
    """The course.

    Args:
        tokenizer: of :func:`~memory_agent_ros.evaluation.adapters.gist.words`.
        rooms: most rooms of a context.
        kinds: most kinds of things in a room.
    """

    def one(rng: np.random.Generator, most_rooms: int, most_kinds: int, asked: int, bare: bool = False) -> Passage:
        gist = random_gist(rng, int(rng.integers(1, most_rooms + 1)), (1, most_kinds))
        questions = ask(gist, rng, held_out=bool(rng.random() < _HELD_OUT), limit=asked)
        context = None if bare else tell(gist, colours=bool(rng.random() < 0.8))
        if context is not None and "colour" in {q.kind for q in questions}:
            context = tell(gist, colours=True)
        return encoded(tokenizer, context, [(q.text, q.answer) for q in questions])

    def batch(rng: np.random.Generator, share: float, tokens: int) -> list[Passage]:
        most_rooms = 1 if share < _SINGLE else max(1, min(rooms, 1 + int((share - _SINGLE) / 0.1)))
        most_kinds = max(1, min(kinds, 1 + int(share / 0.08)))
        bare = rng.random() < _BARE
        count = max(8, tokens // (14 if bare else 80 + 5 * most_rooms * most_kinds))
        return [one(rng, most_rooms, most_kinds, 1 if bare else 8, bare) for _ in range(count)]

    def look(most_rooms: int, most_kinds: int, bare: bool = False) -> list[Passage]:
        rng = np.random.default_rng((29, most_rooms, most_kinds))
        return [one(rng, most_rooms, most_kinds, 1, bare) for _ in range(_LOOKED)]

    looks = {
        f"in_context@{n}x{k}": look(n, k)
        for n, k in dict.fromkeys(((1, 2), (min(rooms, 2), min(kinds, 3)), (rooms, kinds)))
    }
    return Course(words(), batch, looks | {"no_context": look(1, 2, bare=True)}, tuple(looks))
