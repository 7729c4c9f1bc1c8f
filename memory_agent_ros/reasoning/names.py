"""Names from the memory at the border to calls: they are data, so nothing in them can be read as a call.

Labels and room names come from detectors, from people, from text that a camera saw. A name that goes into a prompt or a
call is plain: one line, lower length limit, none of the characters that calls are written with. A name of which nothing
is left, or that stands for one of our own words, is refused.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from memory_agent_ros.reasoning.calls import ANYTHING, NOTHING, TOOLS
from memory_agent_ros.reasoning.memory_reader import MemoryReader

#: Longest name that may stand in a call, characters.
NAME_CHARS = 40
_SYNTAX = re.compile(r"[,()=$;:<>\[\]{}|\"`\\]+")

_CALL_LIKE = re.compile(rf"\b({'|'.join(TOOLS)})\s*\(")


def plain(name: str, chars: int = NAME_CHARS) -> str:
    """A name without the characters of calls, on one line, cut at so many characters."""
    visible = "".join(c if unicodedata.category(c)[0] not in "CZ" else " " for c in name.replace("_", " "))
    return " ".join(_SYNTAX.sub(" ", visible).split())[:chars].strip()


def usable(name: str) -> str:
    """A plain name that may stand in a call, or "" where the memory's name must be refused."""
    text = plain(name)
    fits = len(" ".join(name.split())) <= NAME_CHARS and re.search(r"\w", text)
    return text if fits and text.lower() not in {ANYTHING, NOTHING, *TOOLS} else ""


def harmless(text: str) -> str:
    """A sentence in which nothing reads like a call, for a prompt; numbers in brackets stay as they are."""
    return _CALL_LIKE.sub(r"\1 ", text.replace("$", " "))


@dataclass(frozen=True)
class MemoryNames:
    """Entity names of a memory at one moment; see :class:`~memory_agent_ros.reasoning.language.model.EntityNames`.

    Attributes:
        things, rooms: plain names, each once, sorted.
        version: grows when they change.
    """

    things: Sequence[str] = ()
    rooms: Sequence[str] = ()
    version: int = 0

    def __contains__(self, name: object) -> bool:
        return name in self.things or name in self.rooms


def names_of(memory: MemoryReader, before: MemoryNames | None = None) -> MemoryNames:
    """The names that calls may hold now; ``before`` itself if nothing has changed since."""
    things = _plain_names(memory.labels())
    rooms = _plain_names(r.name for r in memory.rooms())
    if before is not None and (things, rooms) == (before.things, before.rooms):
        return before
    return MemoryNames(things, rooms, before.version + 1 if before else 1)


def _plain_names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({text for name in set(names) if (text := usable(name))}))
