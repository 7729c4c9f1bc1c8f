"""Which facts of a memory a question needs: four rankings of things, fused, then facts about the best, reranked.

Things are ranked by words (BM25 over their names and places), by meaning (cosine of names and phrases), by space (near
the things that are named) and by time (newest first, where the question asks for it); reciprocal ranks are fused. Facts
about the best things are then ordered by that score, by the names and words that stand in the question as they are, by
meaning, and by what kind of fact the question asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from memory_agent_ros.memory.association.labels import tokens
from memory_agent_ros.reasoning.known import Meaning
from memory_agent_ros.reasoning.names import plain
from memory_agent_ros.reasoning.retrieval.asked import FactKind, Needs, needs_of
from memory_agent_ros.reasoning.retrieval.facts import Fact, FactWriter
from memory_agent_ros.reasoning.retrieval.fusion import K, fused
from memory_agent_ros.reasoning.retrieval.word_index import WordIndex
from memory_agent_ros.reasoning.tools.workspace import Workspace
from memory_agent_ros.records.map_object import MapObject

#: A name that means less like any phrase than this is not ranked by meaning: cosine of sentence vectors.
_ALIKE = 0.35
#: Things that are anchors of the ranking by space, and up to where it reaches, metres.
_ANCHORS, _REACH_M = 4, 1.5
#: Things of which facts are written.
_THINGS = 48
#: Weights of the reranker: fused rank of its things, names that stand in the question, words shared, meaning, kind.
_RANK, _NAMED, _SHARED, _MEANT, _KIND = 0.6, 0.8, 0.3, 0.4, 0.5


@dataclass(frozen=True)
class Found:
    """A fact with its score."""

    fact: Fact
    score: float


class Retriever:
    """Finds facts in one memory.

    Args:
        space: the memory, read once.
        meaning: gives texts vectors; without it words decide alone.
        reads: rankings that are fused, of "words", "meaning", "space", "time"; for comparisons.
    """

    def __init__(
        self,
        space: Workspace,
        meaning: Meaning | None = None,
        reads: Sequence[str] = ("words", "meaning", "space", "time"),
    ) -> None:
        self._space = space
        self._meaning = meaning
        self._reads = tuple(reads)
        self.writer = FactWriter(space)
        self._things = [space.by_id[i] for i in sorted(space.by_id)]
        self._words = WordIndex([self.writer.words_of(o.id) for o in self._things])

    def things(self, question: str) -> dict[int, float]:
        """Score of each thing that any ranking speaks for, best first."""
        return self._fused(question, needs_of(question))

    def facts(self, question: str) -> list[Found]:
        """Facts that a question may need, best first."""
        needs = needs_of(question)
        scores = self._fused(question, needs)
        chosen = list(scores)[:_THINGS] or [o.id for o in self._things[:_THINGS]]
        facts = self._facts_about([self._space.by_id[i] for i in chosen], needs)
        likeness = self._likeness(needs, {name for fact in facts for name in fact.names})
        words = set(tokens(needs.words))
        found = [Found(fact, self._score(fact, needs, scores, likeness, words)) for fact in facts]
        return sorted(found, key=lambda one: -one.score)

    # -- rankings of things -----------------------------------------------------------------------------------------

    def _fused(self, question: str, needs: Needs) -> dict[int, float]:
        rankings: dict[str, Callable[[], Sequence[int]]] = {
            "words": lambda: self._by_words(needs),
            "meaning": lambda: self._by_meaning(needs),
        }
        lists = {name: rankings[name]() for name in rankings if name in self._reads}
        anchors = list(fused(lists.values()))[:_ANCHORS]
        if "space" in self._reads:
            lists["space"] = self._by_space(anchors)
        if "time" in self._reads and needs.time:
            lists["time"] = [o.id for o in sorted(self._things, key=lambda o: -o.last_seen_ns)[:_THINGS]]
        return fused(lists.values())

    def _by_words(self, needs: Needs) -> list[int]:
        return [self._things[i].id for i in self._words.ranked(needs.words)]

    def _by_meaning(self, needs: Needs) -> list[int]:
        names = {o.id: plain(o.label) for o in self._things}
        likeness = self._likeness(needs, set(names.values()))
        ranked = sorted(names, key=lambda i: -likeness.get(names[i], 0.0))
        return [i for i in ranked if likeness.get(names[i], 0.0) >= _ALIKE]

    def _by_space(self, anchors: Sequence[int]) -> list[int]:
        """What is near the anchors, nearest first; each anchor comes before what is around it."""
        gap: dict[int, float] = dict.fromkeys(anchors, -1.0)
        for anchor in anchors:
            for other in self._space.memory.near(object_id=anchor, radius_m=_REACH_M, limit=_THINGS):
                gap[other.id] = min(gap.get(other.id, np.inf), (1.0 - other.relevance) * _REACH_M)
        return [i for i in sorted(gap, key=lambda i: (gap[i], i)) if i in self._space.by_id]

    def _likeness(self, needs: Needs, names: set[str]) -> dict[str, float]:
        """Greatest cosine of each name to a phrase of the question, 0 without an embedder."""
        ordered = sorted(name for name in names if name)
        if self._meaning is None or not ordered or not needs.phrases:
            return {}
        cosines = self._meaning.embed_texts(ordered) @ self._meaning.embed_texts(needs.phrases).T
        return dict(zip(ordered, cosines.max(axis=1).tolist(), strict=True))

    # -- facts --------------------------------------------------------------------------------------------------------

    def _facts_about(self, things: Sequence[MapObject], needs: Needs) -> list[Fact]:
        """All facts about things; of neighbours and sizes only where the question asks for them."""
        writer, ids = self.writer, {o.id for o in things}
        facts = [writer.thing(obj) for obj in things]
        facts += writer.kinds(obj.label for obj in things)
        facts += [writer.room(room) for room in self._space.rooms] + [writer.rooms()]
        facts += [fact for fact in writer.changes() if ids & set(fact.objects)]
        if needs.kinds[FactKind.SIZE]:
            facts += [writer.size(obj) for obj in things]
        if needs.kinds[FactKind.NEAR]:
            facts += [fact for obj in things[: _ANCHORS * 2] if (fact := writer.near(obj)) is not None]
        return facts

    def _score(
        self, fact: Fact, needs: Needs, scores: dict[int, float], likeness: dict[str, float], words: set[str]
    ) -> float:
        best = (K + 1) / len(self._reads)
        rank = max((scores.get(i, 0.0) * best for i in fact.objects[:1] or ()), default=0.0)
        own = [set(tokens(name)) for name in fact.names]
        asked = needs.kinds[fact.kind]
        if fact.kind is FactKind.ROOM and own and own[-1] <= words:
            asked = 1.0  # the room is named: what it holds is asked for more often than what it is
        named = sum(bool(name) and name <= words for name in own) / max(len(words), 1)
        shared = len(words & set().union(*own)) / max(len(words), 1)
        meant = max((likeness.get(name, 0.0) for name in fact.names), default=0.0)
        return (
            _RANK * rank + _NAMED * min(named, 1.0) + _SHARED * shared + _MEANT * meant
            + _KIND * asked
        )  # fmt: skip
