"""Tips: the explorer's memory of its own decisions, looked up by situation.

After an episode every one of its decisions becomes a :class:`~memory_agent_ros.records.tip.Tip`: the situation in which
it was taken (each decision has its own key), what was chosen, how the episode ended. In a like situation of the same
domain (cosine above a gate) the best of them are read again, as EMPO2 does (arXiv 2602.23008, section 3).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.exploration.situation import Array, TipTokens
from memory_agent_ros.records.decision import CandidateKind
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.tip import Tip, TipSource

#: Smallest cosine between a situation's key and a tip's.
GATE = 0.5
#: Most tips that are read at once.
TOP = 10
#: Most tips kept of a domain.
CAPACITY = 1000


@dataclass(frozen=True, eq=False)
class Retrieved:
    """Tips for each of B situations, best score first.

    Attributes:
        tokens: as policies read them, T = the most that any of the situations has.
        tips: for each situation its tips, in the tokens' order.
    """

    tokens: TipTokens
    tips: tuple[tuple[Tip, ...], ...]


class TipStore(Protocol):
    """Keeps tips; what lasts longer than a process implements it over a database."""

    def add(self, tips: Sequence[Tip]) -> None:
        """Keep tips; one with the content of an older one takes its place."""
        ...

    def retrieve(self, domain: str, keys: Array) -> Retrieved:
        """(B, K) unit keys of situations -> the tips for each."""
        ...

    def tips(self, domain: str) -> list[Tip]:
        """All tips of a domain, oldest first."""
        ...


class TipMemory:
    """A :class:`TipStore` in memory.

    Args:
        capacity: most tips of a domain; the oldest leave first.
        top: most tips per situation.
        gate: smallest cosine of keys.
    """

    def __init__(self, capacity: int = CAPACITY, top: int = TOP, gate: float = GATE) -> None:
        self.capacity, self.top, self.gate = capacity, top, gate
        self._shelves: dict[str, _Shelf] = {}

    def add(self, tips: Sequence[Tip]) -> None:
        """Keep tips; one with the content of an older one takes its place and counts as new.

        Raises:
            BadInputError: ``tip_shape`` if keys or choices are not as wide as those of the domain, ``tip_score`` if a
                score is no number from 0 to 1.
        """
        for tip in tips:
            shelf = self._shelves.setdefault(tip.domain, _Shelf())
            shelf.check(tip)
            shelf.tips.pop(content(tip), None)
            shelf.tips[content(tip)] = tip
            if len(shelf.tips) > self.capacity:
                shelf.tips.popitem(last=False)
            shelf.table = None

    def retrieve(self, domain: str, keys: Array) -> Retrieved:
        """(B, K) unit keys -> for each the tips of the domain above the gate: best score first, then nearest."""
        shelf = self._shelves.get(domain)
        if shelf is None or not shelf.tips:
            nothing = ((),) * len(keys)
            none = TipTokens(np.zeros((len(keys), 0, 2), np.float32), np.zeros((len(keys), 0), np.bool_), nothing)
            return Retrieved(none, nothing)
        table = shelf.arrays()
        cosine = keys @ table.keys.T
        # Scores decide; among equal ones the nearer situation.
        rank = np.where(cosine > self.gate, 4.0 * table.scores + cosine, -np.inf)
        count = min(self.top, rank.shape[1])
        best = np.argpartition(-rank, count - 1, axis=1)[:, :count]
        best = np.take_along_axis(best, np.argsort(-np.take_along_axis(rank, best, 1), axis=1, kind="stable"), 1)
        mask = np.isfinite(np.take_along_axis(rank, best, 1))
        longest = max(1, int(mask.sum(axis=1).max()))
        best, mask = best[:, :longest], mask[:, :longest]
        near = np.take_along_axis(cosine, best, 1)[..., None]
        features = np.concatenate([table.choices[best], table.scores[best][..., None], near], axis=2)
        kept = tuple(tuple(table.tips[i] for i in row[ok].tolist()) for row, ok in zip(best, mask, strict=True))
        words = tuple(tuple(t.text for t in row) for row in kept)
        tokens = TipTokens(np.where(mask[..., None], features, 0.0).astype(np.float32), mask, words)
        return Retrieved(tokens, kept)

    def tips(self, domain: str) -> list[Tip]:
        """All tips of a domain, oldest first."""
        return list(self._shelves[domain].tips.values()) if domain in self._shelves else []

    def domains(self) -> list[str]:
        """Names of all domains, sorted."""
        return sorted(self._shelves)

    def __len__(self) -> int:
        return sum(len(shelf.tips) for shelf in self._shelves.values())


@dataclass(frozen=True, eq=False)
class _Table:
    """The tips of a domain as arrays: (M, K) keys, (M, F) choices, (M,) scores."""

    tips: tuple[Tip, ...]
    keys: Array
    choices: Array
    scores: Array


@dataclass
class _Shelf:
    """The tips of one domain by content, oldest first, and their table once it was asked for."""

    tips: OrderedDict[tuple[str, str], Tip] = field(default_factory=OrderedDict)
    table: _Table | None = None

    def arrays(self) -> _Table:
        if self.table is None:
            tips = tuple(self.tips.values())
            self.table = _Table(
                tips,
                np.stack([t.situation for t in tips]).astype(np.float32),
                np.stack([t.choice for t in tips]).astype(np.float32),
                np.array([t.score for t in tips], np.float32),
            )
        return self.table

    def check(self, tip: Tip) -> None:
        if not 0.0 <= tip.score <= 1.0:
            raise BadInputError("tip_score", f"the score of a tip is a share from 0 to 1, got {tip.score}")
        if not self.tips:
            return
        first = next(iter(self.tips.values()))
        if (tip.situation.shape, tip.choice.shape) != (first.situation.shape, first.choice.shape):
            raise BadInputError(
                "tip_shape",
                f"tips of {tip.domain!r} have keys {first.situation.shape} and choices {first.choice.shape}, got "
                f"{tip.situation.shape} and {tip.choice.shape}; give tips of another policy a domain of their own",
            )


def content(tip: Tip) -> tuple[str, str]:
    """What makes two tips the same: what was wanted, and what the tip says."""
    return tip.goal, tip.text


def tip_text(goal: str, choice: str, score: float, decisions: int) -> str:
    """A tip in words: what was done, how it ended, what follows from it."""
    done = f"Looking for {goal}, I chose: {choice}." if goal else f"I chose: {choice}."
    if score >= 0.999:
        end, lesson = f"The episode succeeded in {decisions} decisions", "do it again"
    elif score <= 0.001:
        end, lesson = f"The episode failed after {decisions} decisions", "rather try something else"
    else:
        end = f"The episode ended with {round(100 * score)}/100 after {decisions} decisions"
        lesson = "it helped" if score >= 0.5 else "look for something better"
    return f"{done} {end}; {lesson}."


def kind_of(choice: str) -> str:
    """The kind of candidate with which the words of a choice begin, or ``choice`` where they name none."""
    first = choice.split(maxsplit=1)[0].strip(",.:;").lower() if choice.strip() else ""
    return first if first in set(CandidateKind) else "choice"


def tip_to_dict(tip: Tip) -> dict[str, Any]:
    """JSON-ready form of a tip."""
    return {
        "domain": tip.domain,
        "goal": tip.goal,
        "situation": tip.situation.tolist(),
        "choice": tip.choice.tolist(),
        "kind": tip.kind,
        "score": tip.score,
        "text": tip.text,
        "source": {
            "episode": tip.source.episode,
            "step": tip.source.step,
            "policy": tip.source.policy,
            "stamp_ns": tip.source.stamp_ns,
            "world": tip.source.world,
        },
    }


def tip_from_dict(data: Mapping[str, Any]) -> Tip:
    """The tip of :func:`tip_to_dict`.

    Raises:
        BadInputError: ``tip_format`` if a field is missing or of another type.
    """
    try:
        source = TipSource(**data["source"])
        return Tip(
            str(data["domain"]),
            str(data["goal"]),
            _vector(data["situation"]),
            _vector(data["choice"]),
            str(data["kind"]),
            float(data["score"]),
            str(data["text"]),
            source,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadInputError("tip_format", f"this is no tip of this version: {error!r}") from error


def _vector(values: Any) -> NDArray[np.float32]:
    vector = np.asarray(values, dtype=np.float32)
    if vector.ndim != 1 or not np.isfinite(vector).all():
        raise ValueError("a vector of finite numbers is needed")
    return vector
