"""Sentences for answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.records.event import EventKind, MemoryEvent
from memory_agent_ros.records.map_object import MapObject
from memory_agent_ros.records.recalled_view import RecalledView
from memory_agent_ros.records.room import Room

_VOWELS = "aeiou"
_PLURALS = {"knife": "knives", "shelf": "shelves", "bookshelf": "bookshelves", "mouse": "mice", "person": "people"}


def plural(noun: str) -> str:
    """Plural of the last word."""
    *front, last = noun.split(" ")
    if last in _PLURALS:
        last = _PLURALS[last]
    elif last.endswith(("s", "x", "z", "ch", "sh")):
        last += "es"
    elif last.endswith("y") and len(last) > 1 and last[-2] not in _VOWELS:
        last = last[:-1] + "ies"
    else:
        last += "s"
    return " ".join([*front, last])


def with_article(noun: str) -> str:
    """A noun with "a" or "an"."""
    return f"{'an' if noun[:1] in _VOWELS else 'a'} {noun}"


def room_name(room: Room) -> str:
    """What a room is called in a sentence ("the kitchen", "room 3", "Anna's room")."""
    return room.name if room.name[:1].isupper() or any(c in "'’0123456789" for c in room.name) else f"the {room.name}"


def numbered(count: int, noun: str) -> str:
    """Count and noun ("no mugs", "1 mug", "3 mugs")."""
    return f"{count or 'no'} {noun if count == 1 else plural(noun)}"


def place(position: NDArray[np.floating]) -> str:
    """Position in the map, decimetres."""
    return f"({position[0]:.1f}, {position[1]:.1f}) m, {position[2]:.1f} m high"


def ago(stamp_ns: int, now_ns: int) -> str:
    """Elapsed time in words."""
    seconds = max(0.0, (now_ns - stamp_ns) / 1e9)
    if seconds < 1:
        return "just now"
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= 2 * size or (seconds >= size and unit != "minute"):
            value = round(seconds / size)
            return f"{value} {unit}{'s' if value != 1 else ''} ago"
    value = round(seconds)
    return f"{value} second{'s' if value != 1 else ''} ago"


def joined(parts: Sequence[str]) -> str:
    """Comma list with "and"."""
    if len(parts) < 2:
        return "".join(parts)
    return ", ".join(parts[:-1]) + " and " + parts[-1]


def inventory(objects: Iterable[MapObject]) -> str:
    """Objects by label with numbers ("2 mugs, 1 table")."""
    counts = Counter(o.label for o in objects)
    return joined([numbered(n, label) for label, n in sorted(counts.items(), key=lambda item: (-item[1], item[0]))])


def shown_in(views: Sequence[RecalledView]) -> str:
    """Which pictures show a place ("Pictures 3 and 7 show it.")."""
    ids = joined([str(v.keyframe_id) for v in views])
    return f"Picture {ids} shows the place." if len(views) == 1 else f"Pictures {ids} show the place."


def change(event: MemoryEvent, now_ns: int) -> str:
    """One event as a sentence without a full stop."""
    when = ago(event.stamp_ns, now_ns)
    here = place(event.position_m)
    if event.kind is EventKind.MOVED and event.previous_position_m is not None:
        return f"the {event.label} moved from {place(event.previous_position_m)} to {here} (noticed {when})"
    if event.kind is EventKind.GONE:
        return f"the {event.label} at {here} is gone (noticed {when})"
    if event.kind is EventKind.ADDED:
        return f"{with_article(event.label)} was found at {here} ({when})"
    return f"the {event.label} at {here} was {event.kind} ({when})"
