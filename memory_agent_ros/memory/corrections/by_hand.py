"""What a person said of an object, which detections do not overrule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: Detections at the place a person gave after which the object may be found elsewhere again.
AGREEING = 3


@dataclass
class ByHand:
    """Marks that corrections leave on an object; the label given by hand is in its votes.

    Attributes:
        place: detections that must still agree with the place a person gave before evidence may move the object, or
            declare it gone; 0 if nobody gave one.
        joined: a person made it one of two records: a correction of the map does not take it apart.
        apart: ids of objects that a person said are others: they are never taken for this one.
        deleted: a person said that there is no such thing: it is in no answer, and what is detected of it joins it.
    """

    place: int = 0
    joined: bool = False
    apart: set[int] = field(default_factory=set)
    deleted: bool = False

    @property
    def holds(self) -> bool:
        """Whether looks and detections elsewhere say nothing of where the object is."""
        return self.place > 0 or self.deleted

    def absorb(self, other: ByHand) -> None:
        """Take over what was said of another record of the same object."""
        self.place = max(self.place, other.place)
        self.joined |= other.joined
        self.apart |= other.apart

    def values(self) -> dict[str, Any]:
        """What was said, for the store; empty if nothing was."""
        said = {"place": self.place, "joined": self.joined, "apart": sorted(self.apart), "deleted": self.deleted}
        return {name: value for name, value in said.items() if value}

    @staticmethod
    def of(values: Mapping[str, Any]) -> ByHand:
        """Inverse of :meth:`values`; nothing said if they are empty."""
        return ByHand(
            values.get("place", 0),
            values.get("joined", False),
            set(values.get("apart", ())),
            values.get("deleted", False),
        )
