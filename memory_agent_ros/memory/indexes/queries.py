"""Ranking of objects for a question: label, free text, region, distance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.association.labels import normal_label, tokens
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.indexes.vector_index import VectorIndex
from memory_agent_ros.memory.track import Track
from memory_agent_ros.perception.protocols import TextEmbedder
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.region import Region

#: Word match from which a label counts as named in full: "the red mug" names "mug", and "armchair" is not meant too.
_NAMED = 0.9


@dataclass(frozen=True, eq=False)
class Like:
    """What objects should look like.

    Attributes:
        vector: (D,) unit appearance vector; objects with one of another dimension never fit.
        of: id of the object it is of, which is left out; 0 if it is of none.
    """

    vector: NDArray[np.float32]
    of: int = 0


@dataclass(frozen=True)
class Query:
    """Conditions on confirmed objects; None sets none.

    Attributes:
        label: what they are called, in any form; ``text`` the same in free words.
        region: where their box centre is.
        seen: first and last stamp between which they were last seen, nanoseconds.
        gone: whether they are gone.
        like: what they look like; the most alike come first, whatever their labels' relevance.
    """

    label: str | None = None
    text: str | None = None
    region: Region | None = None
    seen: tuple[int, int] | None = None
    gone: bool | None = None
    like: Like | None = None


class TextMatcher:
    """How well free text fits a label: shared words, or meaning if there is an embedder and no label is named in full.

    Labels are embedded once.
    """

    def __init__(self, embedder: TextEmbedder | None, threshold: float) -> None:
        self._embedder = embedder
        self._threshold = threshold
        self.forget()

    def forget(self) -> None:
        """Let go of all labels and texts."""
        self._numbers: dict[str, int] = {}
        self._names: dict[int, str] = {}
        self._index: VectorIndex | None = None
        self._text: tuple[str, NDArray[np.float32]] | None = None

    @property
    def by_meaning(self) -> bool:
        """Whether labels that share no word with the text can fit it."""
        return self._embedder is not None

    @staticmethod
    def names_in_full(scores: Iterable[float]) -> bool:
        """Whether one of these word matches names its label in full."""
        return any(score >= _NAMED for score in scores)

    def relevance(self, text: str, labels: Iterable[str]) -> dict[str, float]:
        """Relevance in (0, 1] of each label that fits at all."""
        wanted = tokens(text)
        known = sorted(set(labels))
        found = {label: score for label in known if (score := word_match(wanted, tokens(label))) > 0.0}
        named = self.names_in_full(found.values())
        if self._embedder is not None and known and wanted and not named:
            index, vector = self._embedded(self._embedder, text, known)
            for cosine, number in index.order(vector, (self._numbers[label] for label in known)):
                if cosine >= self._threshold:
                    label = self._names[number]
                    found[label] = max(found.get(label, 0.0), min(cosine, 1.0))
        return found

    def meant(self, text: str, labels: Sequence[str]) -> list[str]:
        """Which of all ``labels`` of a map mean what the text does, by the index over their vectors."""
        if self._embedder is None or not labels or not tokens(text):
            return []
        index, vector = self._embedded(self._embedder, text, labels)
        if len(index) > len(labels):
            for label in self._numbers.keys() - set(labels):
                index.remove([self._numbers[label]])
                del self._names[self._numbers.pop(label)]
        return [self._names[number] for _, number in index.above(vector, self._threshold)]

    def _embedded(
        self, embedder: TextEmbedder, text: str, labels: Iterable[str]
    ) -> tuple[VectorIndex, NDArray[np.float32]]:
        """An index that holds all ``labels``, and the vector of the text."""
        missing = [label for label in labels if label not in self._numbers]
        if self._text is None or self._text[0] != text:
            self._text = text, embedder.embed_texts([text])[0]
        vector = self._text[1]
        if self._index is None:
            self._index = VectorIndex(len(vector))
        if missing:
            vectors = embedder.embed_texts([label.replace("_", " ") for label in missing])
            first = 1 + max(self._names, default=0)
            numbers = range(first, first + len(missing))
            self._index.put(numbers, vectors)
            self._numbers.update(zip(missing, numbers, strict=True))
            self._names.update(zip(numbers, missing, strict=True))
        return self._index, vector


def word_match(wanted: list[str], label: list[str]) -> float:
    """1 if the label's words are the text's; less if only the label's noun or some words are among them; 0 if none."""
    if not wanted or not label:
        return 0.0
    if wanted == label:
        return 1.0
    shared = set(wanted) & set(label)
    if set(label) <= set(wanted):
        return 0.9
    if label[-1] in shared or wanted[-1] in shared:
        return 0.4 + 0.4 * len(shared) / len(set(wanted) | set(label))
    return 0.0


def rank(
    tracks: Iterable[Track], matcher: TextMatcher, config: MemoryConfig, query: Query, *, shown: bool = True
) -> list[tuple[float, Track]]:
    """Tracks that fit a query with their relevance: best first, then present, sure and often seen ones.

    Looks at each of them; :class:`~memory_agent_ros.memory.indexes.query_planner.QueryPlanner` does the same by index.
    ``shown`` leaves out tentative ones.
    """
    chosen = [t for t in tracks if t.confirmed or not shown]
    if query.label is not None:
        wanted = normal_label(query.label)
        chosen = [t for t in chosen if normal_label(t.label) == wanted]
    relevance = {t.id: 1.0 for t in chosen}
    if query.text is not None:
        found = matcher.relevance(query.text, {t.label for t in chosen})
        relevance = {t.id: found[t.label] for t in chosen if t.label in found}
    chosen = [t for t in chosen if t.id in relevance and _fits(t, query, config)]
    if query.like is not None:
        alike = ((_likeness(t, query.like), t) for t in chosen if t.id != query.like.of)
        return sorted(((c, t) for c, t in alike if c is not None), key=lambda ct: (-ct[0], ct[1].id))
    ranked = [(relevance[t.id], t) for t in chosen]
    return sorted(ranked, key=lambda rt: (-rt[0], rt[1].gone, -rt[1].presence, -rt[1].observations, rt[1].id))


def _likeness(track: Track, like: Like) -> float | None:
    """Cosine of the mean appearance, None if they cannot be compared."""
    mean = track.bank.mean()
    return float(mean @ like.vector) if mean is not None and mean.shape == like.vector.shape else None


def _fits(track: Track, query: Query, config: MemoryConfig) -> bool:
    """Whether state, stamp and place fit."""
    if query.gone is not None and track.gone != query.gone:
        return False
    if query.seen is not None and not query.seen[0] <= track.last_seen_ns <= query.seen[1]:
        return False
    return query.region is None or in_region(track.box(config).center, query.region)


def in_region(point: NDArray[np.float64], region: Region) -> bool:
    """Whether a (3,) point lies in the region, borders included."""
    return bool((point >= region.minimum).all() and (point <= region.maximum).all())


def box_distance(box: OrientedBox, point: NDArray[np.float64]) -> float:
    """Distance of a (3,) point to a box, 0 inside, metres."""
    return float(np.linalg.norm(np.clip(np.abs(_to_box(box, point[None])[0]) - box.size / 2, 0.0, None)))


def distance_between(a: Track, b: Track, config: MemoryConfig) -> float:
    """Distance between two objects: smallest distance of one's points to the other's box, metres."""
    return min(points_to_box(a.cloud.points, b.box(config)), points_to_box(b.cloud.points, a.box(config)))


def points_to_box(points: NDArray[np.float32], box: OrientedBox) -> float:
    """Smallest distance of (N, 3) points to a box, 0 inside, metres."""
    outside = np.clip(np.abs(_to_box(box, points)) - box.size / 2, 0.0, None)
    return float(np.linalg.norm(outside, axis=1).min())


def _to_box(box: OrientedBox, points: NDArray[np.floating]) -> NDArray[np.float64]:
    """(N, 3) map points in the box's own axes, origin at its centre."""
    d = np.asarray(points, dtype=np.float64) - box.center
    c, s = np.cos(box.yaw), np.sin(box.yaw)
    return np.stack([c * d[:, 0] + s * d[:, 1], -s * d[:, 0] + c * d[:, 1], d[:, 2]], axis=1)
