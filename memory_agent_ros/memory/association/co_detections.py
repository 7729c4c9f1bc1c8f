"""How often two objects were detected in one image, and which ids were merged into which: counts that page."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, MutableMapping

Pair = tuple[int, int]


def pair_key(a: int, b: int) -> Pair:
    """Order-free key of two ids."""
    return (a, b) if a < b else (b, a)


class CoDetections:
    """Counts by pair of ids, kept by object, so that nothing costs more than the neighbours of an object.

    Args:
        read: gives the counts (by other id) that the store holds of an object; None if there is no store.
    """

    def __init__(self, read: Callable[[int], dict[int, int]] | None = None) -> None:
        self._read = read
        self._of: dict[int, dict[int, int]] = {}

    def __getitem__(self, pair: Pair) -> int:
        return self._neighbours(pair[0]).get(pair[1], 0)

    def __contains__(self, pair: Pair) -> bool:
        return pair[1] in self._neighbours(pair[0])

    def add(self, a: int, b: int) -> None:
        """Count one image that shows both."""
        count = self[a, b] + 1
        self._neighbours(a)[b] = count
        self._neighbours(b)[a] = count

    def drop(self, object_id: int) -> None:
        """Forget an object."""
        for other in self._neighbours(object_id):
            if other in self._of:
                self._of[other].pop(object_id, None)
        del self._of[object_id]

    def among(self, ids: Collection[int]) -> Iterator[Pair]:
        """Pairs, smaller id first, of which both are in ``ids``."""
        chosen = set(ids)
        for a in chosen:
            yield from ((a, b) for b in self._neighbours(a) if a < b and b in chosen)

    def release(self, ids: Iterable[int]) -> None:
        """Objects that left working memory: their counts are in the store."""
        if self._read is not None:
            for object_id in ids:
                self._of.pop(object_id, None)

    def _neighbours(self, object_id: int) -> dict[int, int]:
        counts = self._of.get(object_id)
        if counts is None:
            counts = self._of[object_id] = self._read(object_id) if self._read is not None else {}
        return counts


class Aliases(MutableMapping[int, int]):
    """Id of an object merged away -> id that took it over, with the way back."""

    def __init__(self, pairs: Iterable[Pair] = ()) -> None:
        self._new: dict[int, int] = {}
        self._old: dict[int, set[int]] = {}
        for old, new in pairs:
            self[old] = new

    def __getitem__(self, old: int) -> int:
        return self._new[old]

    def __setitem__(self, old: int, new: int) -> None:
        if old in self._new:
            del self[old]
        self._new[old] = new
        self._old.setdefault(new, set()).add(old)

    def __delitem__(self, old: int) -> None:
        new = self._new.pop(old)
        self._old[new].discard(old)
        if not self._old[new]:
            del self._old[new]

    def __iter__(self) -> Iterator[int]:
        return iter(self._new)

    def __len__(self) -> int:
        return len(self._new)

    def absorbed(self, object_id: int) -> set[int]:
        """The id with all ids merged into it, directly or through others."""
        ids, waiting = {object_id}, [object_id]
        while waiting:
            more = self._old.get(waiting.pop(), set()) - ids
            ids |= more
            waiting.extend(more)
        return ids
