"""The labels of a map. Rows hold numbers that stand for them; the labels themselves lie sealed in one table."""

from __future__ import annotations

import json
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from memory_agent_ros.memory.association.labels import normal_label
from memory_agent_ros.memory.storage.object_keys import WORD, ObjectKeys
from memory_agent_ros.memory.storage.store import Cursor
from memory_agent_ros.records.errors import StoreError

_NUMBER_BITS = 47


class Words:
    """Number <-> label of one map, and which labels share a word. A store holds one, next to its keys.

    Numbers are drawn at random, so that they tell nothing of a label whose key is destroyed. The number of "" is "".

    Args:
        rows: answers a query of the map.
        keys: of the map.
    """

    def __init__(self, rows: Callable[[str, tuple[Any, ...]], list[tuple[Any, ...]]], keys: ObjectKeys) -> None:
        self._rows = rows
        self._keys = keys
        self._fresh: dict[str, str] = {}
        self.reload()

    def reload(self) -> None:
        """Read the table again when it is needed next: it was written by others, or a transaction was taken back."""
        self._numbers: dict[str, str] | None = None
        self._labels: dict[str, str] = {"": ""}
        self._by_normal: dict[str, list[str]] = defaultdict(list)
        self._by_word: dict[str, list[str]] = defaultdict(list)

    def number(self, label: str) -> str:
        """What stands for a label in rows; a new one is stored with the transaction under way, or the next."""
        numbers = self._loaded()
        if label not in numbers:
            self._fresh[label] = str(secrets.randbits(_NUMBER_BITS) + 1)
            self._enter(self._fresh[label], label)
        return numbers[label]

    def numbers(self, labels: Iterable[str]) -> list[str]:
        """What stands for those of the labels that the map knows."""
        known = self._loaded()
        return [known[label] for label in labels if label in known]

    def label(self, number: str) -> str:
        """Inverse of :meth:`number`.

        Raises:
            StoreError: no label has this number.
        """
        if number not in self._labels:
            self._loaded()
        if number not in self._labels:
            self.reload()
            self._loaded()
        try:
            return self._labels[number]
        except KeyError as error:
            raise StoreError(f"the label with number {number} is not in the map (any more)") from error

    def all(self) -> list[str]:
        """Every label, by code point."""
        return sorted(self._loaded())

    def called(self, label: str) -> list[str]:
        """Labels whose normal form is that of ``label``, by code point."""
        self._loaded()
        return sorted(self._by_normal.get(normal_label(label), ()))

    def sharing(self, words: Iterable[str]) -> list[str]:
        """Labels that have one of the words in their normal form, by code point."""
        self._loaded()
        return sorted({label for word in words for label in self._by_word.get(word, ())})

    def drop_unused(self, cursor: Cursor) -> int:
        """Let go of every label that no row shows, with its key; returns how many."""
        used = {row[0] for table in ("objects", "observations", "events") for row in self._shown(cursor, table)}
        for (others,) in cursor.execute("SELECT labels FROM objects WHERE labels IS NOT NULL").fetchall():
            used.update(json.loads(others))  # what an object was called too, now and then
        going = [number for number in self._loaded().values() if number and number not in used]
        cursor.executemany("DELETE FROM vocabulary WHERE id=?", [(int(number),) for number in going])
        self._keys.destroy(cursor, [(WORD, int(number)) for number in going])
        gone = set(going)
        self._fresh = {label: number for label, number in self._fresh.items() if number not in gone}
        self.reload()
        return len(going)

    def save(self, cursor: Cursor) -> None:
        """Store the labels entered since the last commit; the store calls it at the end of each transaction."""
        rows = [(int(number), self._sealed(number, label)) for label, number in self._fresh.items()]
        cursor.executemany("INSERT INTO vocabulary (id, label) VALUES (?,?) ON CONFLICT DO NOTHING", rows)

    def committed(self) -> None:
        """The transaction whose end :meth:`save` was is in the store."""
        self._fresh.clear()

    def _shown(self, cursor: Cursor, table: str) -> list[Any]:
        return cursor.execute(f"SELECT DISTINCT label FROM {table}").fetchall()

    def _sealed(self, number: str, label: str) -> str:
        return self._keys.seal_text(WORD, int(number), f"vocabulary.label/{number}", label)

    def _loaded(self) -> dict[str, str]:
        if self._numbers is None:
            self._numbers = {"": ""}
            rows = self._rows("SELECT id, label FROM vocabulary", ())
            self._keys.prefetch(WORD, [number for number, _ in rows])
            for number, sealed in rows:
                self._enter(str(number), self._keys.open_text(WORD, number, f"vocabulary.label/{number}", sealed))
            for label, number in self._fresh.items():
                self._enter(number, label)
        return self._numbers

    def _enter(self, number: str, label: str) -> None:
        assert self._numbers is not None
        self._numbers[label], self._labels[number] = number, label
        normal = normal_label(label)
        self._by_normal[normal].append(label)
        for word in dict.fromkeys(normal.split()):
            self._by_word[word].append(label)
