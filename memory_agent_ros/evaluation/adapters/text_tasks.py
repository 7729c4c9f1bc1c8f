"""A library of robot-language tasks: the same command, to be answered in a task's own form.

A task is a choice of six attributes (dialect of the tool, language of the words, fields of the report, their order,
opening, closing). Each has several descriptions. The command does not tell the task: without its description only
chance gives the form that is wanted. Held out are

* ``combination``: pairs of values that no trained task has together,
* ``attribute``: reports of fields that no trained task asks for, though each field occurs in others,

other ones for ``val`` and ``test``, and for both the last wordings of each value, and commands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass

import numpy as np

from memory_agent_ros.evaluation.adapters.text_words import (
    CLOSINGS,
    DIALECTS,
    FIELDS,
    LANGUAGE_WORDINGS,
    LANGUAGES,
    OPENINGS,
    ORDERS,
    REPORTS,
    report_wordings,
)

#: By attribute of :class:`Task`, in its order, the wordings of each value.
ATTRIBUTES: dict[str, Mapping[str, tuple[str, ...]]] = {
    "dialect": DIALECTS,
    "language": LANGUAGE_WORDINGS,
    "report": {report: report_wordings(report) for report in REPORTS},
    "order": ORDERS,
    "opening": OPENINGS,
    "closing": CLOSINGS,
}
#: Wordings of each value at the end of its list that no training reads.
HELD_WORDINGS = 2
#: By split, pairs of values that no other split has together: ((attribute, value), (attribute, value)).
Pair = tuple[tuple[str, str], tuple[str, str]]
HELD_PAIRS: dict[str, tuple[Pair, ...]] = {
    "val": (
        (("dialect", "object"), ("language", "german")),
        (("dialect", "path"), ("closing", "over")),
        (("language", "spanish"), ("opening", "roger")),
        (("dialect", "bullets"), ("order", "backward")),
    ),
    "test": (
        (("dialect", "function"), ("language", "spanish")),
        (("dialect", "tags"), ("language", "french")),
        (("dialect", "flags"), ("closing", "thanks")),
        (("language", "german"), ("opening", "attention")),
        (("dialect", "equals"), ("order", "backward")),
    ),
}
HELD_REPORTS: dict[str, tuple[str, ...]] = {
    "val": ("action+place", "action+colour+place"),
    "test": ("colour+thing", "action+thing+place"),
}
#: Every so many commands is for examining, never for training.
_HELD_COMMANDS = 8


@dataclass(frozen=True, order=True)
class Task:
    """How commands are to be answered; values as in :data:`ATTRIBUTES`."""

    dialect: str
    language: str
    report: str
    order: str
    opening: str
    closing: str

    @property
    def values(self) -> tuple[tuple[str, str], ...]:
        """(attribute, value) pairs."""
        return tuple(zip(ATTRIBUTES, astuple(self), strict=True))

    @property
    def name(self) -> str:
        """Short, for reports."""
        return "/".join(value or "none" for value in astuple(self))

    def answer(self, command: Command) -> str:
        """The one right answer, words separated by blanks."""
        language = LANGUAGES.index(self.language)
        wanted = [(f, FIELDS[f][n][language]) for f, n in zip(FIELDS, command.words, strict=True) if f in self.fields]
        if self.order == "backward":
            wanted.reverse()
        return " ".join(part for part in (self.opening, _written(self.dialect, wanted), self.closing) if part)

    @property
    def fields(self) -> tuple[str, ...]:
        """Of the report."""
        return tuple(self.report.split("+"))

    def description(self, rng: np.random.Generator, held_out: bool = False) -> str:
        """One of its descriptions: a sentence for each attribute, in any order.

        Args:
            rng: chooses wordings and order.
            held_out: wordings that training never reads.
        """
        told = []
        for attribute, value in self.values:
            wordings = ATTRIBUTES[attribute][value]
            chosen = wordings[-HELD_WORDINGS:] if held_out else wordings[:-HELD_WORDINGS]
            told.append(chosen[int(rng.integers(len(chosen)))])
        return " ".join(told[i] for i in rng.permutation(len(told)).tolist())


@dataclass(frozen=True)
class Command:
    """What the robot is told: numbers of the words of each of :data:`FIELDS`."""

    words: tuple[int, ...]

    @property
    def text(self) -> str:
        """As the robot hears it."""
        return " ".join(FIELDS[f][n][0] for f, n in zip(FIELDS, self.words, strict=True))

    @property
    def held_out(self) -> bool:
        """Whether only examinations ask it."""
        return int(np.ravel_multi_index(self.words, _SIZES) * 2654435761 % 2**32 // 2**16) % _HELD_COMMANDS == 0


_SIZES = tuple(len(words) for words in FIELDS.values())


def prompt(command: Command, description: str = "") -> str:
    """What the model reads before it answers."""
    return f"{description} command : {command.text} answer :".lstrip()


def draw_command(rng: np.random.Generator, held_out: bool = False) -> Command:
    """Any command of training, or of examinations."""
    while True:
        command = Command(tuple(int(rng.integers(size)) for size in _SIZES))
        if command.held_out == held_out:
            return command


def draw_task(rng: np.random.Generator) -> Task:
    """Any task at all, each attribute for itself."""
    values = (list(wordings) for wordings in ATTRIBUTES.values())
    return Task(*(one[int(rng.integers(len(one)))] for one in values))


def kind(task: Task) -> str:
    """``train``, or ``SPLIT combination``, ``SPLIT attribute``; ``mixed`` ones no split uses."""
    found = {f"{s} combination" for s, pairs in HELD_PAIRS.items() if any(set(p) <= set(task.values) for p in pairs)}
    found |= {f"{s} attribute" for s, reports in HELD_REPORTS.items() if task.report in reports}
    if not found:
        return "train"
    return found.pop() if len(found) == 1 else "mixed"


def draw_tasks(wanted: str, count: int, seed: int) -> list[Task]:
    """So many different tasks of one :func:`kind`; each held-out pair and report in turn."""
    rng = np.random.default_rng([seed, len(wanted), count])
    split, _, sort = wanted.partition(" ")
    musts: Sequence[tuple[tuple[str, str], ...]] = [()]
    if sort == "combination":
        musts = HELD_PAIRS[split]
    elif sort == "attribute":
        musts = [(("report", report),) for report in HELD_REPORTS[split]]
    found = dict[Task, None]()
    while len(found) < count:
        values = dict(draw_task(rng).values) | dict(musts[len(found) % len(musts)])
        task = Task(**values)
        if kind(task) == wanted and (split == "train" or len(task.fields) > 1):
            found[task] = None
    return list(found)


def commands(count: int, seed: int, held_out: bool) -> list[Command]:
    """Different commands."""
    rng = np.random.default_rng([seed, count])
    found = dict[Command, None]()
    while len(found) < count:
        found[draw_command(rng, held_out)] = None
    return list(found)


def all_words() -> Iterator[str]:
    """Every word and sign that prompts and answers may have."""
    yield from ("command", ":", "answer")
    for words in FIELDS.values():
        for row in words:
            yield from row
    for wordings in ATTRIBUTES.values():
        for sentences in wordings.values():
            yield from " ".join(sentences).split()
    yield from " ".join(_written(dialect, [(f, "mug") for f in FIELDS]) for dialect in DIALECTS).split()


def _written(dialect: str, fields: Sequence[tuple[str, str]]) -> str:
    words = [word for _, word in fields]
    if dialect == "function":
        return f"{words[0]} ( {' , '.join(words[1:])} )" if len(words) > 1 else f"{words[0]} ( )"
    if dialect == "object":
        return f"{{ {' , '.join(f'{name} : {word}' for name, word in fields)} }}"
    if dialect == "tags":
        return " ".join(f"< {name} > {word}" for name, word in fields)
    if dialect == "flags":
        return " ".join(f"-- {name} {word}" for name, word in fields)
    if dialect == "equals":
        return " ; ".join(f"{name} = {word}" for name, word in fields)
    signs = {"path": "/ ", "bullets": "- ", "plain": ""}
    return " ".join(f"{signs[dialect]}{word}" for word in words)
