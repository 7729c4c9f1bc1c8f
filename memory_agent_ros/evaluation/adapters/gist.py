"""Questions about the gist of a map: how many, where usually, on what, what became of it, of what colour.

What is asked of a kind of thing in a room has one answer out of a closed set. A :class:`Gist` holds the true answers;
it is drawn at random (for a language model that learns to read it as text), or told from a memory that knows the truth.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from memory_agent_ros.adapters.memory_reading import ChunkReading, gone
from memory_agent_ros.records.event import EventKind
from memory_agent_ros.records.looks import COLOURS
from memory_agent_ros.records.relation import RelationKind

COUNT, PLACE, SUPPORT, BECAME, COLOUR = "count", "place", "support", "became", "colour"
#: Kinds of questions whose answers stand in the map's text; colours stand in its pixels only.
TOLD_IN_TEXT = (COUNT, PLACE, SUPPORT, BECAME)
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven")
STAYED, GONE, MOVED, NEW = "stayed", "gone", "moved", "new"
#: A thing first seen this long after the first thing of its room is new there, nanoseconds.
NEW_AFTER_NS = 600 * 10**9

THINGS: tuple[str, ...] = (
    "mug", "cup", "bowl", "plate", "spoon", "fork", "knife", "pan", "kettle", "bottle", "jar", "vase", "book", "pen",
    "lamp", "clock", "phone", "radio", "toy", "ball", "hat", "shoe", "scarf", "glove", "towel", "brush", "comb",
    "soap", "candle", "key", "wallet", "bag", "umbrella", "hammer", "torch", "camera",
)  # fmt: skip
FURNITURE: tuple[str, ...] = (
    "shelf", "desk", "table", "counter", "sink", "stove", "fridge", "drawer", "cabinet", "bed", "sofa", "chair",
    "bench", "rack", "basket", "box", "wardrobe", "crate", "stool", "locker", "cart", "piano", "dresser", "chest",
)  # fmt: skip
ROOMS: tuple[str, ...] = (
    "kitchen", "bedroom", "bathroom", "lounge", "office", "hallway", "pantry", "garage", "library", "nursery", "studio",
    "attic",
)  # fmt: skip
#: The last of each is asked on held-out apartments only.
QUESTIONS: Mapping[str, tuple[str, ...]] = {
    COUNT: ("how many {thing} are in the {room}?", "count the {thing} of the {room}?",
            "the {room} has how many {thing}?", "in the {room} are how many {thing}?",
            "what is the count of {thing} in the {room}?", "the {room} holds how many {thing}?"),
    PLACE: ("which room has the {thing}?", "in which room is the {thing}?", "the {thing} is in which room?",
            "what room is the {thing} in?", "the room of the {thing} is which?",
            "the {thing} is usually in which room?"),
    SUPPORT: ("what is the {thing} in the {room} on?", "on what is the {thing} of the {room}?",
              "the {thing} of the {room} is on what?", "in the {room} what is the {thing} on?",
              "the {thing} in the {room} is on what?"),
    BECAME: ("what became of the {thing} in the {room}?", "what happened to the {thing} of the {room}?",
             "the {thing} of the {room} became what?", "in the {room} what became of the {thing}?",
             "the {thing} in the {room} became what?"),
    COLOUR: ("what colour is the {thing} in the {room}?", "which colour has the {thing} of the {room}?",
             "the {thing} of the {room} is of what colour?", "in the {room} what colour is the {thing}?",
             "the {thing} in the {room} is of which colour?"),
}  # fmt: skip
CANDIDATES: Mapping[str, tuple[str, ...]] = {
    COUNT: NUMBERS, PLACE: ROOMS, SUPPORT: FURNITURE, BECAME: (STAYED, GONE, MOVED, NEW), COLOUR: COLOURS,
}  # fmt: skip


@dataclass(frozen=True)
class KindGist:
    """What is true of the things of one kind in one room.

    Attributes:
        count: how many are there now.
        support: what most of them are on, None if nothing or if that is not clear.
        became: of a single thing, one of stayed, gone, moved and new; None if there are several.
        colour: of a single thing that is there, None if it is not known.
    """

    count: int
    support: str | None = None
    became: str | None = None
    colour: str | None = None


#: Room -> kind of thing -> what is true of it.
Gist = Mapping[str, Mapping[str, KindGist]]


@dataclass(frozen=True)
class Question:
    """A question with one right answer.

    Attributes:
        text: as it is asked; ``kind`` of question, ``answer`` out of :data:`CANDIDATES` of that kind.
        room: whose chunk tells it.
    """

    text: str
    kind: str
    answer: str
    room: str


def words() -> list[str]:
    """Every word of the family, in a fixed order."""
    asked = " ".join(form for forms in QUESTIONS.values() for form in forms)
    for mark in ("{thing}", "{room}"):
        asked = asked.replace(mark, "")
    told = [*NUMBERS, STAYED, GONE, MOVED, NEW, *COLOURS, ".", *asked.replace("?", " ? ").split()]
    return list(dict.fromkeys((*THINGS, *FURNITURE, *ROOMS, *told)))


def facts(gist: Gist, *, colours: bool = False) -> list[list[str]]:
    """Of each kind of thing in each room, what is told: "kitchen mug two.", "kitchen mug on counter."

    One fact a sentence, each with its room and thing: a tiny model does not find its way back through a long line.

    Args:
        gist: the truth.
        colours: tell colours too.
    """
    out = []
    for room, kinds in gist.items():
        for label, kind in kinds.items():
            told = [NUMBERS[kind.count], kind.support and f"on {kind.support}", kind.became, colours and kind.colour]
            out.append([f"{room} {label} {one}." for one in told if one])
    return out


def tell(gist: Gist, *, colours: bool = False) -> str:
    """A gist as terse text: all :func:`facts`."""
    return " ".join(fact for some in facts(gist, colours=colours) for fact in some)


def ask(gist: Gist, rng: np.random.Generator, *, held_out: bool = False, limit: int = 10**6) -> list[Question]:
    """Questions that the gist has one answer to, in random order.

    Args:
        gist: the truth.
        rng: which forms, which kinds that are not there, which order.
        held_out: ask in the held-out form, else in the others.
        limit: how many at most; kinds of questions are then drawn evenly.
    """
    found: dict[str, list[tuple[str, str, str]]] = {kind: [] for kind in QUESTIONS}
    for room, kinds in gist.items():
        for label, kind in kinds.items():
            answers = {COUNT: NUMBERS[kind.count], SUPPORT: kind.support, BECAME: kind.became, COLOUR: kind.colour}
            for name, answer in answers.items():
                if answer is not None:
                    found[name].append((label, room, answer))
        found[COUNT] += [(label, room, NUMBERS[0]) for label in _absent(gist, room, rng)]
    found[PLACE] = [(label, room, room) for label, room in _usual(gist)]
    shuffled = {kind: [rows[i] for i in rng.permutation(len(rows)).tolist()] for kind, rows in found.items() if rows}
    out = list[Question]()
    while shuffled and len(out) < limit:
        what = str(rng.choice(list(shuffled)))
        label, room, answer = shuffled[what].pop()
        forms = QUESTIONS[what]
        form = forms[-1] if held_out else forms[int(rng.integers(len(forms) - 1))]
        out.append(Question(form.format(thing=label, room=room), what, answer, room))
        if not shuffled[what]:
            del shuffled[what]
    return out


def _absent(gist: Gist, room: str, rng: np.random.Generator) -> list[str]:
    """A few kinds that are not in a room: those of other rooms, or any."""
    others = sorted({label for kinds in gist.values() for label in kinds} - set(gist[room]))
    pool = others or [t for t in THINGS if t not in gist[room]]
    return [pool[i] for i in rng.permutation(len(pool))[: 1 + len(gist[room]) // 4].tolist()]


def _usual(gist: Gist) -> list[tuple[str, str]]:
    """Kinds with a room that has more of them than any other."""
    counts: dict[str, Counter[str]] = {}
    for room, kinds in gist.items():
        for label, kind in kinds.items():
            counts.setdefault(label, Counter())[room] += kind.count
    out = []
    for label, rooms in counts.items():
        ranked = rooms.most_common(2)
        if ranked[0][1] > 0 and (len(ranked) == 1 or ranked[0][1] > ranked[1][1]):
            out.append((label, ranked[0][0]))
    return out


def random_gist(rng: np.random.Generator, rooms: int, kinds: tuple[int, int]) -> Gist:
    """A gist of no map: every part drawn for itself."""
    out: dict[str, dict[str, KindGist]] = {}
    shared = rng.permutation(THINGS)[: max(3, int(0.7 * rooms * kinds[1]))]
    for room in rng.permutation(ROOMS)[:rooms].tolist():
        labels = rng.permutation(shared)[: int(rng.integers(kinds[0], kinds[1] + 1))].tolist()
        out[room] = {label: _random_kind(rng) for label in labels}
    return out


def _random_kind(rng: np.random.Generator) -> KindGist:
    count = int(min(rng.geometric(0.45), len(NUMBERS) - 1)) if rng.random() < 0.85 else 0
    support = str(rng.choice(FURNITURE)) if count and rng.random() < 0.85 else None
    became = GONE if count == 0 else str(rng.choice((STAYED, MOVED, NEW))) if count == 1 else None
    colour = str(rng.choice(COLOURS)) if count == 1 and rng.random() < 0.8 else None
    return KindGist(count, support, became, colour)


def gist_of(reading: ChunkReading, colours: Mapping[int, str]) -> dict[str, KindGist]:
    """What is true of each kind of thing in one room.

    Args:
        reading: of a memory that knows the truth.
        colours: of objects, by id, as far as they are known.
    """
    first = min((o.first_seen_ns for o in reading.objects), default=0)
    moved = {(c.label) for c in reading.changes if c.kind is EventKind.MOVED and c.after == reading.name}
    out = {}
    for label in sorted({o.label for o in reading.objects}):
        things = [o for o in reading.objects if o.label == label]
        present = [o for o in things if not gone(o)]
        supports = Counter(
            i.other for i in reading.links if i.subject == label and i.kind is RelationKind.ON
        ).most_common(2)
        clear = supports and (len(supports) == 1 or supports[0][1] > supports[1][1])
        became = colour = None
        if len(things) == 1:
            late = things[0].first_seen_ns > first + NEW_AFTER_NS
            became = GONE if not present else MOVED if label in moved else NEW if late else STAYED
        if len(present) == 1:
            colour = colours.get(present[0].id)
        count = min(len(present), len(NUMBERS) - 1)
        out[label] = KindGist(count, supports[0][0] if clear else None, became, colour)
    return out


def renamed(labels: Sequence[str], pool: Sequence[str], rng: np.random.Generator) -> dict[str, str]:
    """Each label another word of a pool; labels beyond its size share words at random."""
    order = rng.permutation(len(pool)).tolist()
    return {label: pool[order[i % len(pool)]] for i, label in enumerate(dict.fromkeys(labels))}
