"""Documents of facts about things in places among noise, and questions about them: what a tiny model reads.

Held out are combinations of trained words: a thing with a colour. Every thing may be at every place in every split:
were some pairs left out of ``train``, a model would learn that they never occur, and would rather name any other place
of the document. Held out from the adapters' training (the language model reads them all) are also ways to say a fact
and to ask for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

COLOURS = (
    "red", "blue", "green", "yellow", "white", "black", "grey", "brown", "pink", "orange", "purple", "golden",
)  # fmt: skip
THINGS = (
    "mug", "cup", "bowl", "plate", "spoon", "fork", "knife", "pan", "kettle", "bottle", "jar", "vase", "book", "pen",
    "lamp", "clock", "phone", "radio", "toy", "ball", "hat", "shoe", "scarf", "glove", "towel", "brush", "comb",
    "soap", "candle", "key", "wallet", "bag", "umbrella", "hammer", "torch", "camera",
)  # fmt: skip
#: The answers.
PLACES = (
    "shelf", "desk", "table", "counter", "sink", "stove", "fridge", "drawer", "cabinet", "bed", "sofa", "chair",
    "bench", "rack", "basket", "box", "floor", "carpet", "window", "door", "wardrobe", "crate", "tray", "ledge",
    "cart", "stool", "bin", "locker", "hook", "bathtub", "balcony", "stairs", "piano", "mirror", "oven", "washer",
    "heater", "closet", "hallway", "corner",
)  # fmt: skip
_NOISE = (
    "nothing happened here.", "it was quiet today.", "the robot drove on.", "the battery was full.",
    "somebody walked by.", "the light was off.", "it rained all day.", "the robot waited here.",
    "there was music.", "the day went by.", "nobody was here.", "the robot turned around.",
)  # fmt: skip
#: The last two are held out.
_FACTS = (
    "the {e} is on the {p}.", "somebody put the {e} at the {p}.", "you find the {e} at the {p}.",
    "the {e} was seen near the {p}.", "here the {e} stands by the {p}.", "today the {e} was left on the {p}.",
    "now the {e} lies at the {p}.", "the robot saw the {e} on the {p}.",
)  # fmt: skip
#: The last one is held out.
_QUESTIONS = ("where is the {e}?", "where did you see the {e}?", "what place has the {e}?", "at what place is the {e}?")
_HELD_FACTS, _HELD_QUESTIONS, _KINDS = 2, 1, 5


@dataclass(frozen=True)
class Asked:
    """A question with one right answer.

    Attributes:
        question: "where is the red mug?".
        answer: one word of :data:`PLACES`.
        chunk: number of the chunk that tells it.
    """

    question: str
    answer: str
    chunk: int


@dataclass(frozen=True)
class FactDocument:
    """A document in chunks.

    Attributes:
        chunks: texts of whole sentences.
        asked: questions, one for each fact.
    """

    chunks: tuple[str, ...]
    asked: tuple[Asked, ...]

    @property
    def text(self) -> str:
        """All chunks."""
        return " ".join(self.chunks)


@dataclass(frozen=True)
class FactFamily:
    """What documents are drawn.

    Attributes:
        facts: of a chunk, at least and at most.
        sentences: of a chunk, noise included.
        all_forms: draw from all ways to say and ask (for the language model's own training).
    """

    facts: tuple[int, int] = (1, 3)
    sentences: int = 4
    all_forms: bool = False

    def draw(self, rng: np.random.Generator, split: str, chunks: int) -> FactDocument:
        """A document of so many chunks; entities differ within it, so a very long one has fewer facts.

        Args:
            rng: of the draw.
            split: ``train``, ``val`` or ``test``: which combinations and forms.
            chunks: how many.
        """
        pool = _entities(split)
        counts = [int(rng.integers(self.facts[0], self.facts[1] + 1)) for _ in range(chunks)]
        while sum(counts) > len(pool):
            counts[counts.index(max(counts))] -= 1
        chosen = iter(rng.permutation(len(pool))[: sum(counts)].tolist())
        texts, asked = list[str](), list[Asked]()
        for number, count in enumerate(counts):
            lines = list[str]()
            for _ in range(count):
                colour, thing = pool[next(chosen)]
                entity, place = f"{COLOURS[colour]} {THINGS[thing]}", PLACES[int(rng.integers(len(PLACES)))]
                lines.append(self._form(rng, _FACTS, _HELD_FACTS, split).format(e=entity, p=place))
                form = self._form(rng, _QUESTIONS, _HELD_QUESTIONS, split)
                asked.append(Asked(form.format(e=entity), place, number))
            lines += [_NOISE[int(rng.integers(len(_NOISE)))] for _ in range(self.sentences - count)]
            texts.append(" ".join(lines[i] for i in rng.permutation(len(lines)).tolist()))
        return FactDocument(tuple(texts), tuple(asked))

    def _form(self, rng: np.random.Generator, forms: tuple[str, ...], held: int, split: str) -> str:
        first = 0 if split == "train" or self.all_forms else len(forms) - held
        last = len(forms) if self.all_forms or split != "train" else len(forms) - held
        return forms[int(rng.integers(first, last))]


def _entities(split: str) -> list[tuple[int, int]]:
    """Colour and thing of each entity of a split: a fifth is for ``val``, a fifth for ``test``."""
    kinds = {"val": (0,), "test": (1,)}.get(split, (2, 3, 4))
    return [(c, t) for c in range(len(COLOURS)) for t in range(len(THINGS)) if (2 * c + t) % _KINDS in kinds]


@cache
def content_words() -> frozenset[str]:
    """The words that tell a fact, and the full stop between two of them."""
    return frozenset((*COLOURS, *THINGS, *PLACES, "."))


def words() -> list[str]:
    """Every word of the family, in a fixed order."""
    told = " ".join((*_NOISE, *_FACTS, *_QUESTIONS)).replace("{e}", "").replace("{p}", "")
    split = told.replace(".", " . ").replace("?", " ? ").split()
    return list(dict.fromkeys((*COLOURS, *THINGS, *PLACES, *split)))
