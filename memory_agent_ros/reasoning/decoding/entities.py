"""The names that a call may hold: versions that never change, and an index that swaps them when the memory does."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from memory_agent_ros.reasoning.calls import ANYTHING, NOTHING, Kind
from memory_agent_ros.reasoning.decoding.codec import CallCodec
from memory_agent_ros.reasoning.decoding.trie import Trie, build
from memory_agent_ros.reasoning.language.model import EntityNames

#: Names that stand for no entity and are always there.
_WORDS = (ANYTHING, NOTHING)


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
        given: things and rooms as they were given.
    """

    version: int
    serial: int
    of: Mapping[Kind, Names]
    given: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

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
        self._read: dict[str, tuple[str, str, list[int]]] = {}  # name -> name, spelled, ids
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
            self._forget(of)
            version = self._current.version + 1 if version is None else version
            return self._swap(version, of, (tuple(things), tuple(rooms)))

    def at(self, source: EntityNames) -> Entities:
        """The names of a source: the current ones if they are the same, else built now. Versions alone may mislead:
        two memories have the same ones.
        """
        current, version = self._current, source.version
        things, rooms = tuple(source.things), tuple(source.rooms)
        if current.version == version and current.given == (things, rooms):
            return current
        return self.update(things, rooms, version)

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
            return self._swap(self._current.version, self._current.of, self._current.given)

    def close(self) -> None:
        """End the thread, if there is one."""
        if self._worker is not None:
            self._worker.shutdown(cancel_futures=True)
            self._worker = None

    def _update_waiting(self) -> Entities:
        waiting, self._waiting = self._waiting, None
        return self._current if waiting is None else self.update(*waiting)

    def _swap(self, version: int, of: Mapping[Kind, Names], given: tuple[tuple[str, ...], tuple[str, ...]]) -> Entities:
        permitted = {kind: names.without(self._forbidden) for kind, names in of.items()}
        self._current = Entities(version, self._current.serial + 1, permitted, given)
        return self._current

    def _named(self, names: Sequence[str]) -> Names:
        """Names as a trie; only those that are new are spelled and tokenised, which takes longer than all the rest."""
        read = self._read
        new = [name for name in dict.fromkeys(names) if name not in read]
        spelled = [self._codec.spelled(name) for name in new]
        read.update(zip(new, zip(new, spelled, self._codec.encode_names(spelled), strict=True), strict=True))
        found = [one for one in map(read.__getitem__, names) if one[1]]
        whole = build([ids for _, _, ids in found], self._codec.vocabulary)
        return Names(tuple(name for name, _, _ in found), tuple(text for _, text, _ in found), whole, whole)

    def _forget(self, of: Mapping[Kind, Names]) -> None:
        """Drop what was read of names that are gone, when that is most of it."""
        now = sum(len(names.names) for names in of.values())
        if len(self._read) > 2 * now + 1000:
            self._read = {name: self._read[name] for names in of.values() for name in names.names}
