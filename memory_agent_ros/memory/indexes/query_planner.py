"""One planner over the indexes of the map file: labels, words, places, stamps. It touches only what it returns.

Each condition names an index: labels a B-tree, words the list of all labels, regions an R*Tree, times a
B-tree over stamps, appearance a vector index. The planner asks each how much it would return, lets the most selective
one lead, and has the others filter what it brings.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.association.labels import tokens
from memory_agent_ros.memory.indexes.appearance_index import AppearanceIndex
from memory_agent_ros.memory.indexes.queries import Like, Query, TextMatcher, in_region, word_match
from memory_agent_ros.memory.storage.store import Store
from memory_agent_ros.records.region import Region

#: Counting what an index returns stops here.
_ENOUGH = 2000

#: Beyond so many proposals of the vector index, all that fits the other conditions is compared.
_MOST_PROPOSED = 4096

#: How far the upright box of an object may stick out of the stored box around its points, metres.
_STICKS_OUT_M = 0.5

_BY_LABEL = "objects o INDEXED BY objects_by_label"
_BY_SEEN = "objects o INDEXED BY objects_by_seen"
_BY_BOX = "boxes b CROSS JOIN objects o ON o.id = b.id"
_MEETS = "b.x1>=? AND b.x0<=? AND b.y1>=? AND b.y0<=? AND b.z1>=? AND b.z0<=?"

_INSIDE = "b.x0>=? AND b.x1<=? AND b.y0>=? AND b.y1<=? AND b.z0>=? AND b.z1<=?"

_AMONG = "json_each(?) j CROSS JOIN objects o ON o.id = CAST(j.value AS INTEGER)"
_ORDER = "ORDER BY o.gone, o.presence DESC, o.observations DESC, o.id"


@dataclass
class _Sql:
    """Parts of a statement."""

    where: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def add(self, condition: str, *values: Any) -> None:
        self.where.append(condition)
        self.values.extend(values)


class QueryPlanner:
    """Answers queries from the indexes of a store with ids, best first.

    Args:
        store: the map file.
        center: gives the (3,) box centre of an object; asked only for objects on the border of a region.
        appearance: how the objects look; made from the store if None.
    """

    def __init__(
        self,
        store: Store,
        center: Callable[[int], NDArray[np.float64]],
        appearance: AppearanceIndex | None = None,
    ) -> None:
        self._store = store
        self._center = center
        self.appearance = appearance or AppearanceIndex(store)

    def ranked(self, query: Query, matcher: TextMatcher, limit: int | None = None) -> list[tuple[float, int]]:
        """(relevance, id) of what fits, best first, then present, sure and often seen ones.

        Same order as :func:`~memory_agent_ros.memory.indexes.queries.rank`.
        """
        if query.like is not None:
            return list(islice(self._alike(query, query.like, matcher, limit), limit))
        return list(islice(self._each(query, matcher, _ORDER), limit))

    def latest(self, query: Query, matcher: TextMatcher) -> tuple[float, int] | None:
        """(relevance, id) of what fits and was seen last; None if nothing fits."""
        order = _ORDER.replace("o.gone", "o.last_seen_ns DESC, o.gone")
        best: tuple[int, float, int] | None = None
        for group in self._groups(query, matcher):
            for relevance, object_id, stamp in self._rows(query, group, order):
                if best is None or stamp > best[0]:
                    best = stamp, relevance, object_id
                break
        return None if best is None else best[1:]

    def count(self, query: Query, matcher: TextMatcher) -> int:
        """How many objects fit."""
        if query.region is not None:
            return sum(1 for _ in self._each(query, matcher, ""))
        total = 0
        for group in self._groups(query, matcher):
            source, sql = self._plan(query, group)
            where = " AND ".join(sql.where)
            total += int(self._store.rows(f"SELECT count(*) FROM {source} WHERE {where}", tuple(sql.values))[0][0])
        return total

    def around(
        self, low: NDArray[np.float64], high: NDArray[np.float64], margin_m: float, label: str | None
    ) -> list[int]:
        """Ids of present objects whose box may come within ``margin_m`` of a box given by (3,) corners, by id."""
        reach = margin_m + _STICKS_OUT_M
        region = Region(low - reach, high + reach)
        labels = None if label is None else [(name, 1.0) for name in self._called(label)]
        if labels == []:
            return []
        source, sql = self._plan(Query(region=region, gone=False), labels)
        rows = self._store.rows(f"SELECT o.id FROM {source} WHERE {' AND '.join(sql.where)}", tuple(sql.values))
        return sorted(r[0] for r in rows)

    def explain(self, query: Query, matcher: TextMatcher) -> list[str]:
        """Which index leads for each group of labels of equal relevance."""
        return [self._plan(query, group)[0] for group in self._groups(query, matcher)]

    def _alike(self, query: Query, like: Like, matcher: TextMatcher, limit: int | None) -> Iterator[tuple[float, int]]:
        """(cosine, id) of what fits all conditions, the most alike first.

        Few that fit are compared one by one; otherwise the vector index leads, and is asked for more until enough fit.
        """
        groups = list(self._groups(query, matcher))
        if not groups:
            return
        labels = None if None in groups else [item for group in groups if group is not None for item in group]
        source, sql, size = self._lead(query, labels)
        index = self.appearance.at(len(like.vector))
        if limit is not None and size >= _ENOUGH:
            count = limit + 1
            while count <= _MOST_PROPOSED and count < len(index):
                proposed = index.search(like.vector, count)
                fitting = self._fitting(query, _AMONG, sql, proposed)
                found = list(islice(self._sure(proposed, fitting, query, like), limit))
                if len(found) == limit:
                    yield from found
                    return
                count *= 4
        fitting = self._fitting(query, source, sql)
        yield from self._sure(index.order(like.vector, fitting), fitting, query, like)

    def _sure(
        self, ranked: Sequence[tuple[float, int]], fitting: Mapping[int, bool], query: Query, like: Like
    ) -> Iterator[tuple[float, int]]:
        """Those that fit; whether one on the border of a region lies in it is asked when its turn comes."""
        for cosine, object_id in ranked:
            if object_id not in fitting or object_id == like.of:
                continue
            if fitting[object_id] or _within(self._center(object_id), query.region):
                yield cosine, object_id

    def _fitting(
        self, query: Query, source: str, sql: _Sql, among: Sequence[tuple[float, int]] | None = None
    ) -> dict[int, bool]:
        """Ids of what fits the conditions of a statement -> whether it surely lies in the region.

        ``among`` restricts them to some proposed objects, which ``source`` then takes as JSON.
        """
        inside, corners, before = "1", tuple[float, ...](), tuple[str, ...]()
        if query.region is not None:
            inside, corners = _INSIDE, _corners(query.region)
        if among is not None:
            before = (json.dumps([i for _, i in among]),)
            source += " CROSS JOIN boxes b ON b.id = o.id" if query.region is not None else ""
        statement = f"SELECT o.id, {inside} FROM {source} WHERE {' AND '.join(sql.where)}"
        return {r[0]: bool(r[1]) for r in self._store.rows(statement, (*corners, *before, *sql.values))}

    def _each(self, query: Query, matcher: TextMatcher, order: str) -> Iterator[tuple[float, int]]:
        for group in self._groups(query, matcher):
            for relevance, object_id, _ in self._rows(query, group, order):
                yield relevance, object_id

    def _rows(
        self, query: Query, group: list[tuple[str, float]] | None, order: str
    ) -> Iterator[tuple[float, int, int]]:
        """(relevance, id, last seen) of a group of labels of equal relevance."""
        source, sql = self._plan(query, group)
        relevance = group[0][1] if group else 1.0
        inside, corners = "TRUE", tuple[float, ...]()
        if query.region is not None:
            inside, corners = _INSIDE, _corners(query.region)
        columns = f"o.gone, -o.presence, -o.observations, o.id, o.last_seen_ns, {inside}"
        if group is not None and order is _ORDER and source.startswith(_BY_LABEL):
            # The index holds each label in this order, so that no more is read than is taken.
            rows: Iterator[tuple[Any, ...]] = heapq.merge(
                *(self._read(columns, source, corners, self._where(query, [n]), order) for n, _ in group)
            )
        else:
            rows = self._read(columns, source, corners, sql, order)
        for *_, object_id, stamp, surely in rows:
            if surely or _within(self._center(object_id), query.region):
                yield relevance, object_id, stamp

    def _read(
        self, columns: str, source: str, corners: tuple[float, ...], sql: _Sql, order: str
    ) -> Iterator[tuple[Any, ...]]:
        statement = f"SELECT {columns} FROM {source} WHERE {' AND '.join(sql.where)} {order}"
        return self._store.each(statement, (*corners, *sql.values))

    def _groups(self, query: Query, matcher: TextMatcher) -> Iterator[list[tuple[str, float]] | None]:
        """Labels that fit, those of equal relevance together, the most relevant first; one None if any label does."""
        if query.label is None and query.text is None:
            yield None
            return
        called = None if query.label is None else self._called(query.label)
        if query.text is None:
            fitting = [(name, 1.0) for name in called or []]
        else:
            fitting = sorted(self._meant(query.text, called, matcher).items(), key=lambda item: -item[1])
        for _, group in groupby(fitting, key=lambda item: item[1]):
            yield list(group)

    def _called(self, label: str) -> list[str]:
        """Labels in use whose normal form is that of ``label``."""
        return self._in_use(self._store.words.called(label))

    def _meant(self, text: str, called: list[str] | None, matcher: TextMatcher) -> dict[str, float]:
        """Relevance of the labels that fit free text, by full text; by meaning if none of them is named in full."""
        wanted = tokens(text)
        if called is not None:
            return matcher.relevance(text, called)
        found = self._in_use(self._store.words.sharing(wanted))
        if matcher.by_meaning and not matcher.names_in_full(word_match(wanted, tokens(name)) for name in found):
            found += self._in_use(matcher.meant(text, self._store.words.all()))
        return matcher.relevance(text, found)

    def _in_use(self, labels: Sequence[str]) -> list[str]:
        """Those of the labels that a confirmed object shows, by code point."""
        words = self._store.words
        rows = self._store.rows(
            "SELECT CAST(j.value AS TEXT) FROM json_each(?) j "
            "WHERE EXISTS (SELECT 1 FROM objects o WHERE o.label = CAST(j.value AS TEXT) AND o.confirmed = 1)",
            (json.dumps(words.numbers(labels)),),
        )
        return sorted(words.label(r[0]) for r in rows)

    def _plan(self, query: Query, group: Sequence[tuple[str, float]] | None) -> tuple[str, _Sql]:
        """FROM clause, led by the most selective index, and the conditions."""
        return self._lead(query, group)[:2]

    def _lead(self, query: Query, group: Sequence[tuple[str, float]] | None) -> tuple[str, _Sql, int]:
        """FROM clause, conditions, and how much the leading index returns (``_ENOUGH`` stands for more)."""
        sizes = {}
        if group is not None:
            marks, names = ",".join("?" * len(group)), self._store.words.numbers(name for name, _ in group)
            sizes[_BY_LABEL] = self._size(f"objects INDEXED BY objects_by_label WHERE label IN ({marks})", *names)
        if query.seen is not None:
            by_seen = "objects INDEXED BY objects_by_seen WHERE last_seen_ns BETWEEN ? AND ?"
            sizes[_BY_SEEN] = self._size(by_seen, *query.seen)
        if query.region is not None:
            sizes[_BY_BOX] = self._size(f"boxes b WHERE {_MEETS}", *_corners(query.region))
        source = min(sizes, key=lambda s: sizes[s]) if sizes else "objects o"
        size = sizes.get(source, _ENOUGH)
        if query.region is not None and source != _BY_BOX:
            source += " CROSS JOIN boxes b ON b.id = o.id"
        return source, self._where(query, None if group is None else [name for name, _ in group]), size

    def _where(self, query: Query, labels: Sequence[str] | None) -> _Sql:
        sql = _Sql()
        sql.add("o.confirmed = 1")
        if labels is not None:
            numbers = self._store.words.numbers(labels)
            sql.add(f"o.label IN ({','.join('?' * len(numbers))})" if len(numbers) > 1 else "o.label = ?", *numbers)
        if query.gone is not None:
            sql.add("o.gone = ?", int(query.gone))
        if query.seen is not None:
            sql.add("o.last_seen_ns BETWEEN ? AND ?", *query.seen)
        if query.region is not None:
            sql.add(_MEETS, *_corners(query.region))
        return sql

    def _size(self, what: str, *values: Any) -> int:
        return int(
            self._store.rows(f"SELECT count(*) FROM (SELECT 1 FROM {what} LIMIT {_ENOUGH}) AS part", values)[0][0]
        )


def _corners(region: Region) -> tuple[float, ...]:
    """Low and high of each axis in turn."""
    return tuple(float(v) for pair in zip(region.minimum, region.maximum, strict=True) for v in pair)


def _within(point: NDArray[np.float64], region: Region | None) -> bool:
    return region is None or in_region(point, region)
