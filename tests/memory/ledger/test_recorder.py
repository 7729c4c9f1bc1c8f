"""What the engine tells of rows that were written is what they hold when they are read."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from driving import at_table, mapped_kitchen, only, watch

from memory_agent_ros.memory.ledger import recorder
from memory_agent_ros.memory.ledger.commitments import UNREAD, Commitments
from memory_agent_ros.memory.spatial_memory import SpatialMemory


def compare_with_reading(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[Any], list[Any]]]:
    """Leaves of each seal, as told and as read."""
    seen: list[tuple[list[Any], list[Any]]] = []
    of_touched = Commitments.of_touched

    def both(self: Commitments, cursor: Any, touched: Mapping[int, Mapping[tuple[Any, ...], Sequence[Any]]]) -> Any:
        told = of_touched(self, cursor, touched)
        read = of_touched(self, cursor, {n: dict.fromkeys(rows, UNREAD) for n, rows in touched.items()})
        seen.append((sorted(told), sorted(read)))
        return told

    monkeypatch.setattr(Commitments, "of_touched", both)
    return seen


def test_rows_as_told_are_rows_as_read(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = compare_with_reading(monkeypatch)
    with SpatialMemory.open(None) as memory:
        world = mapped_kitchen(memory)
        mug = only(memory.find("mug"))
        with memory._store.transaction() as cursor:  # SQLite stores it without its sign
            cursor.execute("UPDATE objects SET presence=? WHERE id=?", (-0.0, mug.id))
        memory.relabel(mug.id, "grail", "by hand")
        watch(memory, world, at_table(3))
        assert memory.verify() == []
    assert sum(len(told) for told, _ in seen) > 100
    for told, read in seen:
        assert told == read


def test_rows_beyond_those_that_are_kept_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "_MOST_KEPT", 3)
    with SpatialMemory.open(None) as memory:
        mapped_kitchen(memory)
        assert memory.verify() == []
