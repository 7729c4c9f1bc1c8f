"""A room and its doors, as the memory has found them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Door:
    """A passage between two rooms.

    Attributes:
        position_m: (2,) x, y of its middle, map frame.
        width_m: clear width.
        rooms: ids of the two rooms, smaller one first.
    """

    position_m: NDArray[np.float64]
    width_m: float
    rooms: tuple[int, int]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {
            "position_m": [round(float(v), 3) for v in self.position_m],
            "width_m": round(self.width_m, 3),
            "rooms": list(self.rooms),
        }


@dataclass(frozen=True, eq=False)
class Room:
    """One room.

    Attributes:
        id: stable identity, positive, never reused within a map.
        name: what it is called: given by hand, or from the things in it, or "room <id>" if nothing speaks clearly.
        name_confidence: probability that the name is right; 1 if given by hand, 0 for "room <id>".
        polygon: (N, 2) outline x, y of its floor, map frame, metres.
        area_m2: floor that was seen, furniture included.
        center: (2,) the point on its floor farthest from all walls.
        doors: passages to other rooms.
        object_ids: confirmed present objects in it.
    """

    id: int
    name: str
    name_confidence: float
    polygon: NDArray[np.float64]
    area_m2: float
    center: NDArray[np.float64]
    doors: tuple[Door, ...] = ()
    object_ids: tuple[int, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {
            "id": self.id,
            "name": self.name,
            "name_confidence": round(self.name_confidence, 4),
            "area_m2": round(self.area_m2, 2),
            "center_m": [round(float(v), 3) for v in self.center],
            "polygon_m": [[round(float(v), 3) for v in p] for p in self.polygon],
            "doors": [d.to_dict() for d in self.doors],
            "objects": list(self.object_ids),
        }


def rooms_called(rooms: Iterable[Room], wanted: str | int) -> list[Room]:
    """Rooms that an id or a name stands for: "kitchen" is every kitchen, "bedroom 2" only that one."""
    rooms = list(rooms)
    if isinstance(wanted, int):
        return [r for r in rooms if r.id == wanted]
    name = _plain(wanted)
    exact = [r for r in rooms if _plain(r.name) == name]
    numbered = [r for r in rooms if _plain(r.name).rsplit(" ", 1)[0] == name and _plain(r.name)[-1:].isdigit()]
    by_id = [r for r in rooms if name in (f"room {r.id}", f"room #{r.id}", f"#{r.id}")]
    return list({r.id: r for r in (*exact, *numbered, *by_id)}.values())


def _plain(name: str) -> str:
    words = " ".join(name.lower().replace("_", " ").split())
    words = words.removeprefix("the ")
    return {"lounge": "living room", "livingroom": "living room", "study": "office", "bath": "bathroom"}.get(
        words, words
    )
