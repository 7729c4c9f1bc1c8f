"""Sentences with choices and slots: ``"[Where is|Find] the {x} {r:in}?"``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from memory_agent_ros.reasoning import wording
from memory_agent_ros.reasoning.wording import with_article

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{(\w+)(?::(\w+))?\}")
#: How often a thing is called by another word than its label.
_SYNONYM = 0.15

#: Other words for labels; a person does not know what the memory calls a thing.
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "refrigerator": ("fridge",), "sofa": ("couch", "settee"), "bookshelf": ("bookcase",), "wardrobe": ("closet",),
    "nightstand": ("bedside table", "night table"), "counter": ("countertop", "kitchen counter", "worktop"),
    "frying pan": ("skillet", "fry pan"), "plant": ("potted plant", "houseplant"), "storage box": ("storage bin",),
    "bathtub": ("tub", "bath tub"), "dish rack": ("dish drainer",), "tray": ("serving tray",),
    "washstand": ("washbasin stand", "vanity unit"), "mug": ("coffee mug",), "desk": ("writing desk",),
    "washing machine": ("washer", "laundry machine"), "desk caddy": ("desk organizer",), "basket": ("wicker basket",),
    "wine rack": ("wine holder",), "spice rack": ("spice shelf",), "moka pot": ("espresso pot", "moka"),
    "soup can": ("tin of soup", "can of soup"), "milk carton": ("carton of milk",),
    "juice carton": ("carton of juice",), "ketchup bottle": ("bottle of ketchup",), "cookie box": ("box of cookies",),
    "macaroni box": ("box of macaroni",),
    "wine bottle": ("bottle of wine",), "dressing bottle": ("bottle of dressing",), "television": ("TV",),
    "laptop": ("notebook computer",), "garbage can": ("trash can",), "bin": ("waste bin",), "armchair": ("easy chair",),
}  # fmt: skip


@dataclass(frozen=True)
class Thing:
    """A kind of thing in a slot, by its label."""

    label: str


@dataclass(frozen=True)
class Where:
    """A room in a slot, by its name."""

    name: str


@dataclass(frozen=True)
class Said:
    """Words in a slot, and what stands for them in a call."""

    words: str
    value: str


Slot = Thing | Where | Said


def written(template: str, slots: Mapping[str, Slot], rng: np.random.Generator) -> str:
    """A sentence: choices drawn, slots filled, first letter large.

    Slots: ``{x}`` a thing, ``{x:s}`` in the plural, ``{x:a}`` with "a"; ``{r}`` a room with its article, ``{r:in}``
    with "in" before it; other slots as they are.
    """
    text = _chosen(template, rng)
    nouns: dict[str, str] = {}
    for name, slot in slots.items():
        if isinstance(slot, Thing):
            others = SYNONYMS.get(slot.label, ())
            nouns[name] = str(rng.choice(others)) if others and rng.random() < _SYNONYM else slot.label
    text = _SLOT.sub(lambda m: _filled(slots[m[1]], m[2] or "", nouns.get(m[1], "")), text)
    text = " ".join(text.split())
    return text[:1].upper() + text[1:]


def _chosen(template: str, rng: np.random.Generator) -> str:
    while True:
        match = _CHOICE.search(template)
        if match is None:
            return template
        options = match[1].split("|")
        template = template[: match.start()] + options[int(rng.integers(len(options)))] + template[match.end() :]


def _filled(slot: Slot, form: str, noun: str) -> str:
    if isinstance(slot, Thing):
        return {"": noun, "s": _plural(noun), "a": with_article(noun)}[form]
    if isinstance(slot, Where):
        room = the_room(slot.name)
        return f"in {room}" if form == "in" else room
    return slot.words


def _plural(noun: str) -> str:
    """Of "tin of soup" the first word."""
    head, of, rest = noun.partition(" of ")
    return wording.plural(head) + of + rest


def the_room(name: str) -> str:
    """A room in a sentence: "the kitchen", "room 3", "Anna's room"."""
    return name if name[:1].isupper() or any(c in "'0123456789" for c in name) else f"the {name}"


def called(program: str, slots: Mapping[str, Slot]) -> list[str]:
    """Calls of a program with slots, ``"find({x}); answer(where, $1)"``."""

    def value(match: re.Match[str]) -> str:
        slot = slots[match[1]]
        return slot.label if isinstance(slot, Thing) else slot.name if isinstance(slot, Where) else slot.value

    return [_SLOT.sub(value, part.strip()) for part in program.split(";")]


def slot_names(text: str) -> set[str]:
    """Names of the slots of a template or a program."""
    return {m[1] for m in _SLOT.finditer(text)}


def size(template: str) -> int:
    """In how many ways its choices can fall."""
    ways = 1
    while (match := _CHOICE.search(template)) is not None:
        ways *= match[1].count("|") + 1
        template = template[: match.start()] + "." + template[match.end() :]
    return ways
