"""Simulated apartments as what is where: looks that are seen in each room, and questions where each thing is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.records.errors import MissingExtraError
from memory_agent_ros.records.looks import COLOURS

#: Pictures of the robot's last views before a question, and what each names: floor, wall and things.
VIEWS, THINGS_SEEN = 4, 4
#: Tokens of a view, which are routed together, of a question, and of both.
VIEW, QUESTION = 2 + THINGS_SEEN, 3
LENGTH = VIEWS * VIEW + QUESTION
#: Share of looks of which the detector tells another colour.
MISTAKEN = 0.1
ROOM, SUPPORT = "in which room", "on what"
_PLAIN = "plain"


@dataclass(frozen=True)
class Fact:
    """A question and its one true answer.

    Attributes:
        kind: :data:`ROOM` or :data:`SUPPORT`.
        thing: its look, "red mug"; no other thing of the apartment looks like it.
        answer: "kitchen", "cabinet".
    """

    kind: str
    thing: str
    answer: str


@dataclass(frozen=True)
class Place:
    """An apartment.

    Attributes:
        rooms: of each its floor, its wall and the looks of what stands there.
        facts: what can be asked.
    """

    rooms: tuple[tuple[str, str, tuple[str, ...]], ...]
    facts: tuple[Fact, ...]


@lru_cache(maxsize=512)
def place(split: str, seed: int, placement: str = "uniform") -> Place:
    """The apartment of a split and seed; ``uniform`` has no habits, so that no answer can be guessed.

    Raises:
        MissingExtraError: the simulator is not installed.
    """
    try:
        from memory_agent_sim.attributes import attributes_of
        from memory_agent_sim.catalogue import FLOOR_TEXTURES, TILED_FLOORS, WALL_TEXTURES
        from memory_agent_sim.layout import draw_layout
    except ImportError as error:
        raise MissingExtraError(f"{error}; install the simulator: pip install ./sim (or `make setup`)") from error
    layout = draw_layout(split, seed, placement=placement)

    def look(key: str, category: str) -> str:
        return f"{attributes_of(key).colour or _PLAIN} {category}"

    looks = [look(o.instance.key, o.instance.category) for o in layout.objects]
    dry = tuple(f for f in FLOOR_TEXTURES if f not in TILED_FLOORS)
    rooms = []
    for index, room in enumerate(layout.plan.rooms):
        floors = TILED_FLOORS if room.name in ("bathroom", "kitchen") else dry
        floor = floors[layout.floor_choice[index] % len(floors)]
        wall = WALL_TEXTURES[layout.wall_choice[index] % len(WALL_TEXTURES)]
        pieces = [look(f.instance.key, f.instance.category) for f in layout.furniture if f.room == index]
        things = [text for o, text in zip(layout.objects, looks, strict=True) if o.room == index]
        rooms.append((f"floor {floor}", f"wall {wall}", (*pieces, *things)))
    counts, facts = Counter(looks), list[Fact]()
    for thing, text in zip(layout.objects, looks, strict=True):
        if counts[text] == 1:
            on = "floor" if thing.furniture is None else layout.furniture[thing.furniture].instance.category
            facts += [Fact(ROOM, text, layout.plan.rooms[thing.room].name), Fact(SUPPORT, text, on)]
    return Place(tuple(rooms), tuple(facts))


class Words:
    """All words of views, questions and answers, as numbers.

    Raises:
        MissingExtraError: the simulator is not installed.
    """

    def __init__(self) -> None:
        try:
            from memory_agent_sim.catalogue import FLOOR_TEXTURES, MOVABLE_SOURCES, WALL_TEXTURES
            from memory_agent_sim.furnishing import WISHES
            from memory_agent_sim.furniture import KINDS
        except ImportError as error:
            raise MissingExtraError(f"{error}; install the simulator: pip install ./sim (or `make setup`)") from error
        categories = sorted({s.category for s in MOVABLE_SOURCES} | set(KINDS))
        self.answers = {ROOM: sorted(WISHES), SUPPORT: sorted([*KINDS, "floor"])}
        looks = [f"{colour} {category}" for category in categories for colour in (*COLOURS, _PLAIN)]
        pictures = [f"floor {n}" for n in sorted(FLOOR_TEXTURES)] + [f"wall {n}" for n in sorted(WALL_TEXTURES)]
        answers = [*self.answers[ROOM], *self.answers[SUPPORT]]
        self.words = ["ask", ROOM, SUPPORT, *answers, *pictures, *looks]
        self.number = {word: n for n, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def choices(self, kind: str) -> NDArray[np.int64]:
        """Numbers of the answers that a kind of question can have."""
        return np.array([self.number[a] for a in self.answers[kind]], dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Moments:
    """Views and a question each.

    Attributes:
        tokens: (N, LENGTH) int64, the answer not among them.
        answers: (N,) int64, the true answer's number.
        support: (N,) bool, whether the question is of kind :data:`SUPPORT`.
    """

    tokens: NDArray[np.int64]
    answers: NDArray[np.int64]
    support: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.answers)

    def rows(self, rows: NDArray[np.intp] | slice) -> Moments:
        """Some of them."""
        return Moments(self.tokens[rows], self.answers[rows], self.support[rows])


def joined(parts: Sequence[Moments]) -> Moments:
    """One after the other."""
    return Moments(*(np.concatenate([getattr(p, n) for p in parts]) for n in ("tokens", "answers", "support")))


def moments(words: Words, where: Place, facts: Sequence[Fact], rng: np.random.Generator) -> Moments:
    """A moment for each fact: views of any rooms, which never show the thing, and tell no room's name and no support.

    So that no answer stands in the tokens: it must have been learned, and the views only tell which apartment this is.
    """
    rows = []
    for fact in facts:
        row = []
        for _ in range(VIEWS):
            floor, wall, looks = where.rooms[int(rng.integers(len(where.rooms)))]
            row += [floor, wall, *_seen([x for x in looks if x != fact.thing], rng)]
        rows.append([words.number[w] for w in (*row, "ask", fact.kind, fact.thing)])
    support = np.array([f.kind == SUPPORT for f in facts], dtype=bool)
    answers = np.array([words.number[f.answer] for f in facts], dtype=np.int64)
    return Moments(np.array(rows, dtype=np.int64).reshape(len(facts), LENGTH), answers, support)


def _seen(looks: Sequence[str], rng: np.random.Generator) -> list[str]:
    """Some of the looks, now and then in a wrong colour; again and again the same ones where there are few."""
    if not looks:
        return [f"{_PLAIN} chair"] * THINGS_SEEN
    found = []
    for index in np.resize(rng.permutation(len(looks)), THINGS_SEEN).tolist():
        text = looks[index]
        if rng.random() < MISTAKEN:
            text = f"{COLOURS[int(rng.integers(len(COLOURS)))]} {text.split(' ', 1)[1]}"
        found.append(text)
    return found


def asked(facts: Sequence[Fact], count: int, rng: np.random.Generator) -> list[Fact]:
    """As many questions as a robot gets: of some things often, of most seldom (Zipf's law)."""
    weights = 1.0 / (1.0 + rng.permutation(len(facts)))
    return [facts[i] for i in rng.choice(len(facts), count, p=weights / weights.sum()).tolist()]
