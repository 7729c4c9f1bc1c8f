"""Questions that the templates surely understand, as calls.

Sure means: one clause in which every word is one that the template knows, an article, a label or room of the memory as
it is written there, or a thing that is surely not in the memory. All else is for the language model, or, without one,
for :func:`loosely`: the calls that a template comes closest to, with words that nobody checked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from memory_agent_ros.reasoning import matching
from memory_agent_ros.reasoning.calls import ANYTHING, NOTHING, Argument, Reference, ToolCall, call, parse_call
from memory_agent_ros.reasoning.language.model import EntityNames
from memory_agent_ros.reasoning.matching import MatchKind
from memory_agent_ros.reasoning.memory_reader import MemoryReader
from memory_agent_ros.reasoning.rules.phrases import Place
from memory_agent_ros.reasoning.rules.plain_forms import PLAIN_FORMS
from memory_agent_ros.reasoning.rules.questions import (
    Question,
    QuestionKind,
    QuestionNotUnderstoodError,
    parse,
    singular,
)
from memory_agent_ros.records.relation import RelationKind

#: Stands for "it" while a question is parsed.
_IT = "zzthing"
_PRONOUN = re.compile(r"\b(?:it|them|they|that one|those ones|this one|(?:these|those)(?=[?!. ]*$))\b")
#: Stand for something that a single question does not tell.
_POINTS = frozenset(("it", "that", "them", "these", "they", "this", "those", "one", "ones", "which", "who", "there"))
_LEAD = re.compile(r"^(?:and|so|ok|okay|please|now|then)[ ,]+")
_PLAIN_TEXT = """
a all an any apartment are around at below beneath beside by can changed close count day days did do find five flat
have here home hour hours house how i in inside is items know last list many me minute minutes my name near next number
objects of on past please remember room rooms saw second seconds see seen show some still that the there things to
top under underneath was were what what's when where where's which within you your ago has
"""
#: Words of questions beside names. What any other word adds, the templates do not know.
_PLAIN = frozenset(_PLAIN_TEXT.split())
#: Words that make a plain question another one ("where was it before").
_TURNS = re.compile(
    r"\b(?:before|after|and|or|not|than|moved|other|else|first|most|least|fewest|(?:larg|bigg|small|tall|short|high|low|"
    r"near|clos|farth|furth|lat|earli|long|new|old)est)\b|\d+\.\d|,"
)
_FORM = {
    QuestionKind.WHERE: "where",
    QuestionKind.ROOM: "room",
    QuestionKind.EXISTS: "yes_no",
    QuestionKind.WHICH: "list",
}
_RELATION = {
    QuestionKind.ON: "on",
    QuestionKind.UNDER: "under",
    QuestionKind.NEXT_TO: "next_to",
    QuestionKind.IN: "in",
}
_OF_PLACE = {
    RelationKind.ON: "on",
    RelationKind.UNDER: "under",
    RelationKind.NEXT_TO: "next_to",
    RelationKind.IN: "in",
    RelationKind.INSIDE: "in",
}


@dataclass(frozen=True)
class Translation:
    """Calls for a question.

    Attributes:
        calls: the last one an answer.
        noun: the thing asked about that the memory does not hold, "" if it holds all.
        unchecked: words of what things are like ("red") that no call checks.
    """

    calls: tuple[ToolCall, ...]
    noun: str = ""
    unchecked: tuple[str, ...] = ()


class _UnsureError(Exception):
    """The templates do not surely understand it."""


def translate(
    question: str,
    memory: MemoryReader,
    names: EntityNames,
    follows: bool = False,
    unheard: Callable[[str], bool] = lambda noun: True,
) -> Translation | None:
    """Calls for a question, or None where the templates are not sure.

    Args:
        question: English.
        memory: asked whether a word may mean something that it holds.
        names: of the memory.
        follows: whether there was an answer before, so that "it" means something.
        unheard: whether a noun that is no name of the memory, nor like one, surely means nothing that it holds.
    """
    text = _text(question, follows)
    plain = _plain_form(text.rstrip("?!. "), _Writer(memory, names, unheard))
    if plain is not None or _TURNS.search(text):
        return plain
    try:
        asked = parse(text)
        return _Writer(memory, names, unheard).written(text, asked)
    except (QuestionNotUnderstoodError, _UnsureError):
        return None


def loosely(question: str, memory: MemoryReader, names: EntityNames, follows: bool = False) -> Translation | None:
    """Calls for a question as well as templates understand it, or None where calls cannot say it.

    A name is the label that the memory finds for it: by meaning, or by its noun alone. Words that nothing knows are
    left out.

    Args:
        question: English.
        memory: finds what a name means.
        names: of the memory.
        follows: whether there was an answer before, so that "it" means something.
    """
    text = _text(question, follows)
    try:
        return _Writer(memory, names, lambda noun: True, loose=True).written(text, parse(text))
    except (QuestionNotUnderstoodError, _UnsureError):
        return None


def _text(question: str, follows: bool) -> str:
    text = " ".join(question.lower().split())
    return _PRONOUN.sub(_IT, _LEAD.sub("", text)) if follows else text


def _plain_form(text: str, writer: _Writer) -> Translation | None:
    """Calls of a sentence that is one of :data:`PLAIN_FORMS`, with names that are surely known or surely not."""
    for form in PLAIN_FORMS:
        match = form.pattern.fullmatch(text)
        if match is None:
            continue
        try:
            return writer.filled(form.program, match.groupdict())
        except _UnsureError:
            continue
    return None


class _Writer:
    def __init__(
        self, memory: MemoryReader, names: EntityNames, unheard: Callable[[str], bool], loose: bool = False
    ) -> None:
        self._memory = memory
        self._unheard = unheard
        self._loose = loose
        self._unchecked: list[str] = []
        self._things = {_key(name): name for name in names.things}
        self._rooms = {_key(name, plural=False): name for name in names.rooms}
        self._calls: list[ToolCall] = []
        self._noun = ""
        self._named: list[str] = []

    def written(self, text: str, asked: Question) -> Translation:
        """Calls for a parsed question.

        Raises:
            _UnsureError: it may mean something else.
        """
        self._add("answer", *self._body(text, asked))
        rest = text
        for name in self._named:
            rest = rest.replace(name, " ")
        if not self._loose and set(re.findall(r"[a-z']+", rest)) - _PLAIN:
            raise _UnsureError
        return Translation(tuple(self._calls), self._noun, tuple(dict.fromkeys(self._unchecked)))

    def filled(self, program: str, slots: Mapping[str, str]) -> Translation:
        """Calls of a program with its slots filled.

        Raises:
            _UnsureError: a slot holds what may mean something else.
        """
        names = {}
        for slot, said in slots.items():
            room = self._room(said) if slot == "r" else None
            if said == _IT or (slot == "r" and room is None):
                raise _UnsureError
            names[slot] = room or self._label(said)
        return Translation(tuple(parse_call(c.strip().format(**names)) for c in program.split(";")), self._noun)

    def _add(self, tool: str, *positional: Argument, **keywords: Argument) -> Reference:
        self._calls.append(call(tool, *positional, **keywords))
        return Reference(len(self._calls))

    def _body(self, text: str, asked: Question) -> tuple[str, Reference]:
        """All calls but the answer: its form and what it is of."""
        kind = asked.kind
        if kind is QuestionKind.ROOMS:
            rooms = self._add("rooms")
            return ("number", self._add("count", rooms)) if text.startswith("how many") else ("list", rooms)
        if kind is QuestionKind.LIST and not asked.places:
            return "list", self._add("find", ANYTHING)
        if kind is QuestionKind.CHANGES and (self._loose or (not asked.subject and "chang" in text)):
            since = {} if asked.since_s is None else {"since": float(round(asked.since_s))}
            self._named += list(re.findall(r"\d+\s*[a-z]*", text))
            thing = {"thing": self._label(asked.subject)} if asked.subject else {}
            return "changes", self._add("changes", **since, **thing)
        if kind in _RELATION:
            return "list", self._found("", (Place(_kind(kind), asked.subject), *asked.places))
        if kind is QuestionKind.NEAR:
            return "list", self._add("near", self._found(asked.subject, asked.places))
        if kind is QuestionKind.COUNT:
            return "number", self._add("count", self._found(asked.subject, asked.places))
        if kind is QuestionKind.LAST_SEEN:
            return "when", self._add("last_seen", self._found(asked.subject, asked.places))
        if kind in _FORM:
            return _FORM[kind], self._found(asked.subject, asked.places)
        raise _UnsureError

    def _found(self, subject: str, places: tuple[Place, ...]) -> Reference:
        """The things of a phrase; "mugs in the kitchen on the counter", one place of a kind."""
        if not places:
            return self._thing(subject)
        rooms = [p for p in places if p.kind in (RelationKind.IN, RelationKind.INSIDE) and self._room(p.name)]
        others = [p for p in places if p not in rooms]
        if len(rooms) > 1 or len(others) > 1 or (rooms and others and places[0] is not rooms[0]):
            raise _UnsureError
        room = self._room(rooms[0].name) if rooms else None
        if not others:
            self._named.append(rooms[0].name)
            return self._thing(subject, room)
        if others[0].kind in (RelationKind.IN, RelationKind.INSIDE) and self._label(others[0].name) == NOTHING:
            raise _UnsureError  # "in total", "in sight"
        anchor = self._thing(others[0].name)
        label = self._label(subject)
        if label == NOTHING:
            return self._add("find", NOTHING)
        keyword = {} if label == ANYTHING else {"thing": label}
        if not subject or label == ANYTHING:
            keyword = {}
        found = self._add("relation", _OF_PLACE[others[0].kind], anchor, **keyword)
        if room is None:
            return found
        self._named.append(rooms[0].name)
        return self._add("keep", found, self._add("find", label, **{"in": room}))

    def _thing(self, name: str, room: str | None = None) -> Reference:
        if name == _IT and room is None:
            self._named.append(_IT)
            return Reference(0)
        keyword = {} if room is None else {"in": room}
        return self._add("find", self._label(name), **keyword)

    def _room(self, name: str) -> str | None:
        key = _key(name, plural=False)
        if key in self._rooms and _key(name) in self._things:
            raise _UnsureError
        return self._rooms.get(key)

    def _label(self, name: str) -> str:
        """The label of a name as the memory has it, or ``nothing`` for what it surely does not hold."""
        if not name or name in ("thing", "things", "object", "objects", "anything", "something", "everything"):
            self._named.append(name or " ")
            return ANYTHING
        self._named.append(name)
        label = self._things.get(_key(name))
        if label is not None:
            return label
        if self._loose:
            return self._closest(name)
        words = {word for known in self._things for word in known.split()}
        if words & set(_key(name).split()):
            raise _UnsureError  # "the red mug" is perhaps a mug
        if len(name.split()) > 2 or set(name.split()) & (_PLAIN | _POINTS) or _key(name, plural=False) in self._rooms:
            raise _UnsureError
        if matching.match_name(self._memory, name).kind is not MatchKind.NONE or not self._unheard(name):
            raise _UnsureError
        self._noun = singular(name)
        return NOTHING

    def _closest(self, name: str) -> str:
        """The label of what the memory finds for a name."""
        match = matching.match_name(self._memory, name)
        if match.kind is MatchKind.NONE:
            self._noun = singular(name)
            return NOTHING
        label = self._things.get(_key(match.objects[0].label))
        if label is None:
            raise _UnsureError
        self._unchecked += [match.unchecked] if match.unchecked else []
        return label


def _key(name: str, plural: bool = True) -> str:
    words = " ".join(name.lower().replace("_", " ").split()).removeprefix("the ")
    return singular(words) if plural else words


def _kind(kind: QuestionKind) -> RelationKind:
    return {
        QuestionKind.ON: RelationKind.ON,
        QuestionKind.UNDER: RelationKind.UNDER,
        QuestionKind.NEXT_TO: RelationKind.NEXT_TO,
        QuestionKind.IN: RelationKind.IN,
    }[kind]
