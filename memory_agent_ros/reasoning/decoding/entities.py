"""The names that a call may hold: versions that never change, and an index that swaps them when the memory does."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from memory_agent_ros.reasoning.calls import ANYTHING, NOTHING, Kind
from memory_agent_ros.reasoning.decoding.codec import CallCodec
from memory_agent_ros.reasoning.decoding.trie import Trie, build

#: Names that stand for no entity and are always there.
_WORDS = (ANYTHING, NOTHING)


class NameSource(Protocol):
    """Where names come from: the part of the memory's face that is read here."""

    @property
    def things(self) -> Sequence[str]:
        """Labels."""
        ...

    @property
    def rooms(self) -> Sequence[str]:
        """Names of rooms."""
        ...

    @property
    def version(self) -> int:
        """Grows when the names change."""
        ...


@dataclass(frozen=True, eq=False)
class Names:
    """Names of one kind.

    Attributes:
        names: as the memory holds them.
        spelled: as they stand in a call; two names may be spelled alike.
        whole: trie of all of them.
        trie: of those that are permitted.
    """

    names: tuple[str, ...]
    spelled: tuple[str, ...]
    whole: Trie
    trie: Trie

    def without(self, forbidden: Collection[str]) -> Names:
        """With some names not permitted, by the memory's names or as they are spelled."""
        if not forbidden:
            return Names(self.names, self.spelled, self.whole, self.whole)
        pairs = zip(self.names, self.spelled, strict=True)
        allowed = [not (name in forbidden or text in forbidden) for name, text in pairs]
        return Names(self.names, self.spelled, self.whole, self.whole.permitted(np.array(allowed, np.bool_)))


@dataclass(frozen=True, eq=False)
class Entities:
    """All names at one time. A decode in progress keeps the one it began with.

    Attributes:
        version: of the memory's names, as their source gave it.
        serial: grows with each swap, also where only permissions changed.
        of: names by kind; things include ``anything`` and ``nothing``.
    """

    version: int
    serial: int
    of: Mapping[Kind, Names]

    @property
    def things(self) -> Sequence[str]:
        """Labels, without the words that stand for none."""
        return self.of[Kind.THING].names[len(_WORDS) :]

    @property
    def rooms(self) -> Sequence[str]:
        """Names of rooms."""
        return self.of[Kind.ROOM].names

    @property
    def kinds(self) -> frozenset[Kind]:
        """Kinds of which some name can be written."""
        return frozenset(kind for kind, names in self.of.items() if len(names.trie))


class EntityIndex:
    """The current names as tries.

    Readers take :attr:`current` and keep it; writers build beside it and swap one reference, so that no reader ever
    waits or sees half of a change.

    Args:
        codec: of the model that writes the names.
    """

    def __init__(self, codec: CallCodec) -> None:
        self._codec = codec
        self._ids: dict[str, list[int]] = {}
        self._forbidden: frozenset[str] = frozenset()
        self._writing = threading.Lock()
        self._waiting: tuple[Sequence[str], Sequence[str], int | None] | None = None
        self._worker: ThreadPoolExecutor | None = None
        self._current = Entities(-1, 0, {Kind.THING: self._named(_WORDS), Kind.ROOM: self._named(())})

    @property
    def current(self) -> Entities:
        """The names now."""
        return self._current

    def update(self, things: Sequence[str], rooms: Sequence[str], version: int | None = None) -> Entities:
        """Swap in new names.

        Args:
            things: labels; names of which nothing can be written are left out.
            rooms: names of rooms.
            version: of the names; by default one more than the last.
        """
        with self._writing:
            of = {Kind.THING: self._named((*_WORDS, *things)), Kind.ROOM: self._named(rooms)}
            wanted = {text for names in of.values() for text in names.spelled}
            self._ids = {text: ids for text, ids in self._ids.items() if text in wanted}
            return self._swap(self._current.version + 1 if version is None else version, of)

    def at(self, source: NameSource) -> Entities:
        """The names of a source: the current ones if they are of its version, else built now."""
        current, version = self._current, source.version
        return current if current.version == version else self.update(source.things, source.rooms, version)

    def update_later(self, things: Sequence[str], rooms: Sequence[str], version: int | None = None) -> Future[Entities]:
        """The same in a thread of its own. Of several updates that wait, only the last is built."""
        self._waiting = (tuple(things), tuple(rooms), version)
        if self._worker is None:
            self._worker = ThreadPoolExecutor(1, thread_name_prefix="entity-index")
        return self._worker.submit(self._update_waiting)

    def forbid(self, names: Collection[str]) -> Entities:
        """Make names unreachable, now and in updates to come, until this is called again. The trie is not rebuilt."""
        with self._writing:
            self._forbidden = frozenset(names) - set(_WORDS)
            return self._swap(self._current.version, self._current.of)

    def close(self) -> None:
        """End the thread, if there is one."""
        if self._worker is not None:
            self._worker.shutdown(cancel_futures=True)
            self._worker = None

    def _update_waiting(self) -> Entities:
        waiting, self._waiting = self._waiting, None
        return self._current if waiting is None else self.update(*waiting)

    def _swap(self, version: int, of: Mapping[Kind, Names]) -> Entities:
        permitted = {kind: names.without(self._forbidden) for kind, names in of.items()}
        self._current = Entities(version, self._current.serial + 1, permitted)
        return self._current

    def _named(self, names: Sequence[str]) -> Names:
        pairs = [(name, text) for name in names if (text := self._codec.spelled(name))]
        spelled = tuple(text for _, text in pairs)
        new = list(dict.fromkeys(text for text in spelled if text not in self._ids))
        self._ids.update(zip(new, self._codec.encode_names(new), strict=True))
        whole = build([self._ids[text] for text in spelled], self._codec.vocabulary)
        return Names(tuple(name for name, _ in pairs), spelled, whole, whole)
