"""Label votes of one object, and the normal form in which labels are compared."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

_IRREGULAR = {
    "knives": "knife", "shelves": "shelf", "bookshelves": "bookshelf", "leaves": "leaf", "loaves": "loaf",
    "scarves": "scarf", "mice": "mouse", "people": "person", "men": "man", "women": "woman", "children": "child",
    "feet": "foot", "teeth": "tooth", "geese": "goose",
}  # fmt: skip
_ARTICLES = {"a", "an", "the", "my", "our", "your", "some", "any", "all"}


def singular(word: str) -> str:
    """English plural -> singular by spelling rules; a word that is not a plural comes back as it was."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and re.search(r"(ss|x|z|ch|sh)es$", word):
        return word[:-2]
    if len(word) > 4 and word.endswith("toes"):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def tokens(text: str) -> list[str]:
    """Lower-case words without articles and punctuation, each in the singular."""
    return [singular(w) for w in re.findall(r"[a-z0-9]+", text.lower()) if w not in _ARTICLES]


def normal_label(text: str) -> str:
    """Normal form of a label: "The Coffee_Tables" -> "coffee table"."""
    return " ".join(tokens(text))


@dataclass
class LabelVotes:
    """Running label distribution: each observation adds its scores, weighted by its quality.

    Attributes:
        votes: weight by label.
        doubtful: votes held back: they contradict a sure label, and count once a detection agrees with it again.
        pinned: label set by hand, which no vote overrules.
        leader: label shown; it changes only when another leads by a tenth, so that ties do not flicker.
    """

    votes: dict[str, float] = field(default_factory=dict)
    doubtful: dict[str, float] = field(default_factory=dict)
    pinned: str | None = None
    leader: str = ""

    def add(self, scores: Mapping[str, float], weight: float, *, release: bool = True) -> None:
        """Add one observation's distribution and, unless they stay in doubt, the votes held back."""
        held = self.doubtful if release else {}
        for label, score in [*((k, weight * float(s)) for k, s in scores.items()), *held.items()]:
            self.votes[label] = self.votes.get(label, 0.0) + score
        if release:
            self.doubtful = {}
        self.elect()

    def doubt(self, scores: Mapping[str, float], weight: float) -> None:
        """Hold one observation's distribution back."""
        for label, score in scores.items():
            self.doubtful[label] = self.doubtful.get(label, 0.0) + weight * float(score)

    def merge(self, other: LabelVotes) -> None:
        """Add all votes of another object."""
        self.pinned = self.pinned or other.pinned
        self.doubtful = {}
        self.add(other.votes, 1.0)

    def pin(self, label: str) -> None:
        """Fix the label by hand."""
        self.pinned = label
        self.elect()

    def unpin(self) -> None:
        """Let the votes choose the label again."""
        self.pinned, self.leader = None, ""
        self.elect()

    def probs(self) -> dict[str, float]:
        """Distribution, largest first, summing to one."""
        return {self.pinned: 1.0} if self.pinned is not None else self.shares()

    def shares(self) -> dict[str, float]:
        """What the detector says, whatever was set by hand; largest first, summing to one."""
        total = sum(self.votes.values()) or 1.0
        return {k: v / total for k, v in sorted(self.votes.items(), key=lambda kv: -kv[1])}

    def agreement(self, scores: Mapping[str, float]) -> float:
        """Probability that a draw from ``scores`` (normalised) and one from the votes are the same label."""
        mine, total = sum(self.votes.values()) or 1.0, sum(scores.values()) or 1.0
        return sum(self.votes.get(label, 0.0) * s for label, s in scores.items()) / (mine * total)

    def match(self, other: LabelVotes) -> float:
        """Probability that draws from two objects' votes are the same label."""
        return self.agreement(other.votes)

    def elect(self) -> None:
        """Choose the label that is shown, after the votes were changed."""
        if self.pinned is not None:
            self.leader = self.pinned
        elif self.votes:
            best = max(self.votes, key=lambda label: self.votes[label])
            if self.votes[best] > 1.1 * self.votes.get(self.leader, 0.0):
                self.leader = best


def agreements(scores: Sequence[Mapping[str, float]], others: Sequence[Mapping[str, float]]) -> NDArray[np.float64]:
    """(n, m) probabilities that draws from two distributions, given as tables of weights, are the same label."""
    index: dict[str, int] = {}
    for table in scores:
        for label in table:
            index.setdefault(label, len(index))
    mine, theirs = np.zeros((len(scores), len(index))), np.zeros((len(others), len(index)))
    for row, table in zip(mine, scores, strict=True):
        total = sum(table.values()) or 1.0
        for label, weight in table.items():
            row[index[label]] = weight / total
    for row, table in zip(theirs, others, strict=True):
        total = sum(table.values()) or 1.0
        for label, weight in table.items():
            if label in index:
                row[index[label]] = weight / total
    return np.asarray(mine @ theirs.T)
