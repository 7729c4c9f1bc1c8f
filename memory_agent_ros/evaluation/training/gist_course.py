"""The task family that the tiny model of memory-to-LoRA learns to read: random gists, and questions about them.

``memory-agent train tiny-gist-reader``. As for :mod:`train_tiny_reader`, it begins with sentences of the words that
matter, "mug counter", of one room; then there are several rooms, and sentences and questions grow whole.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from memory_agent_ros.evaluation.adapters.gist import (
    COLOUR,
    FURNITURE,
    GONE,
    MOVED,
    NEW,
    NUMBERS,
    PLACE,
    ROOMS,
    STAYED,
    THINGS,
    Gist,
    ask,
    random_gist,
    tell,
    words,
)
from memory_agent_ros.evaluation.training.passages import Passage
from memory_agent_ros.evaluation.training.train_tiny_reader import Course, encoded, thinned
from memory_agent_ros.records.looks import COLOURS

#: Shares of the training: only the words that matter until, whole sentences from, several rooms from, all rooms from.
_BARE, _WHOLE, _SEVERAL, _ALL = 0.3, 0.6, 0.15, 0.3
#: Chances of held-out forms (they are held out from adapters, not the language), of a batch without a context, of one
#: thinned by a share of its own.
_HELD_OUT, _UNASKED, _THINNED = 0.33, 0.04, 0.1
#: Share of the contexts that tell colours.
_COLOURED = 0.8
_FEWEST, _LOOKED = 3, 150
_KEPT = frozenset((*THINGS, *FURNITURE, *NUMBERS, *COLOURS, STAYED, GONE, MOVED, NEW, "."))
#: Words of questions that tell what is asked.
_ASKING = frozenset(("many", "count", "room", "on", "became", "happened", "colour"))


def gist_course(tokenizer: Any, rooms: int = 3, kinds: int = 5) -> Course:
    """The course.

    Args:
        tokenizer: of :func:`~memory_agent_ros.evaluation.adapters.gist.words`.
        rooms: most rooms of a context.
        kinds: most kinds of things in a room.
    """

    def batch(rng: np.random.Generator, share: float, tokens: int) -> list[Passage]:
        keep = min(1.0, max(0.0, (share - _BARE) / (_WHOLE - _BARE)))
        keep = float(rng.random()) if rng.random() < _THINNED else keep
        most = 1 if share < _SEVERAL else rooms if share >= _ALL else min(2, rooms)
        bare = bool(rng.random() < _UNASKED)
        out, used = list[Passage](), 0
        while used < tokens:
            gist = random_gist(rng, int(rng.integers(1, most + 1)), (min(_FEWEST, kinds), kinds + (most == 1)))
            out.append(_passage(tokenizer, rng, gist, keep, bare))
            used += len(out[-1])
        return out

    def look(most_rooms: int, most_kinds: int, bare: bool = False) -> list[Passage]:
        rng = np.random.default_rng((29, most_rooms, most_kinds))
        out = list[Passage]()
        while len(out) < _LOOKED:
            gist = random_gist(rng, most_rooms, (most_kinds, most_kinds))
            asked = ask(gist, rng, held_out=True, limit=1)
            out.append(
                encoded(tokenizer, None if bare else tell(gist, colours=True), [(asked[0].text, asked[0].answer)])
            )
        return out

    looks = {
        f"in_context@{n}x{k}": look(n, k)
        for n, k in dict.fromkeys(((1, 2), (min(rooms, 2), min(kinds, 3)), (rooms, kinds)))
    }
    return Course(words(), batch, looks | {"no_context": look(1, 2, bare=True)}, tuple(looks))


def _passage(tokenizer: Any, rng: np.random.Generator, gist: Gist, keep: float, bare: bool) -> Passage:
    several, colours = len(gist) > 1, bool(rng.random() < _COLOURED)
    kept = _KEPT | {*ROOMS} if several else _KEPT  # the name of the only room tells no sentence from another
    left_out = {*(() if colours else (COLOUR,)), *(() if several or keep >= 1.0 else (PLACE,))}
    asked = [q for q in ask(gist, rng, held_out=bool(rng.random() < _HELD_OUT)) if q.kind not in left_out]
    context = None if bare else thinned(tell(gist, colours=colours), keep, kept, rng)
    chosen = asked[: 1 if bare else 8]
    return encoded(tokenizer, context, [(thinned(q.text, keep, kept | _ASKING, rng), q.answer) for q in chosen])
