"""What each source says of one object, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Claim:
    """What one source says of one object.

    Attributes:
        present: whether it stands there.
        stamp_ns: when the source said so last; ``settled_ns`` when that was last held against what others say.
        times: how often in a row.
        missed: probabilities, summed, with which it should have seen the object since it did.
        firm: False if it merely failed to see the object.
        seen: whether it ever saw it.
        votes: weight by label, of all that it said.
    """

    present: bool
    stamp_ns: int
    settled_ns: int = -(1 << 62)
    times: int = 0
    missed: float = 0.0
    firm: bool = True
    seen: bool = False
    votes: dict[str, float] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """What the source calls it, "" if it never saw it."""
        return max(self.votes, key=lambda label: self.votes[label]) if self.votes else ""

    def say(self, present: bool, stamp_ns: int, *, firm: bool = True) -> None:
        """The source says it again, or says otherwise."""
        self.times = self.times + 1 if present is self.present else 1
        self.present, self.stamp_ns, self.firm = present, stamp_ns, firm
        if present:
            self.missed, self.seen = 0.0, True

    def vote(self, scores: Mapping[str, float], weight: float) -> None:
        """Add what it calls the object."""
        for label, score in scores.items():
            self.votes[label] = self.votes.get(label, 0.0) + weight * float(score)

    def merged(self, other: Claim) -> Claim:
        """What the same source said of two records of one object."""
        later, earlier = (other, self) if other.stamp_ns >= self.stamp_ns else (self, other)
        votes = dict(earlier.votes)
        for label, weight in later.votes.items():
            votes[label] = votes.get(label, 0.0) + weight
        return Claim(
            later.present, later.stamp_ns, max(self.settled_ns, other.settled_ns), later.times, later.missed,
            later.firm, self.seen or other.seen, votes,
        )  # fmt: skip


Claims = dict[int, Claim]


def merge_claims(own: Claims, other: Claims) -> Claims:
    """Claims on two records of one object, by source."""
    return own | {s: own[s].merged(c) if s in own else c for s, c in other.items()}


def pack_claims(claims: Claims) -> dict[str, list[Any]]:
    """JSON-ready."""
    return {
        str(s): [c.present, c.stamp_ns, c.settled_ns, c.times, round(c.missed, 4), c.firm, c.seen, c.votes]
        for s, c in claims.items()
    }


def unpack_claims(packed: Mapping[str, list[Any]]) -> Claims:
    """Inverse of :func:`pack_claims`."""
    return {int(s): Claim(*row) for s, row in packed.items()}
