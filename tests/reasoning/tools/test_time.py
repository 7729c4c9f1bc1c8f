"""What a thing's events amount to."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from memory_agent_ros.reasoning.calls import ANYTHING
from memory_agent_ros.reasoning.tools.time import changes
from memory_agent_ros.reasoning.tools.workspace import Workspace
from memory_agent_ros.records.event import EventKind, MemoryEvent
from memory_agent_ros.records.map_object import ObjectState

SECOND = 1_000_000_000


def _space(history: str, present: bool) -> Workspace:
    """A memory of one thing: a letter an event, ten seconds apart: Added, Moved, Gone, Updated."""
    kinds = {"A": EventKind.ADDED, "M": EventKind.MOVED, "G": EventKind.GONE, "U": EventKind.UPDATED}
    events = [
        MemoryEvent(kinds[k], 7, "mug", 10 * SECOND * (n + 1), np.full(3, float(n)), np.full(3, n - 1.0), id=n)
        for n, k in enumerate(history)
    ]
    state = ObjectState.PRESENT if present else ObjectState.GONE
    mug = SimpleNamespace(
        id=7, label="mug", state=state, last_seen_ns=0, last_looked_ns=10 * SECOND * len(history), evidence=()
    )
    memory = SimpleNamespace(
        find=lambda label=None, **_: [mug] if label in (None, "mug") else [],
        changes=lambda since: [e for e in events if e.stamp_ns >= since],
    )
    return Workspace(memory, 10 * SECOND * len(history))


@pytest.mark.parametrize(
    ("history", "present", "since", "kind", "told"),
    [
        ("A", True, None, None, ""), ("A", True, None, "added", "added"), ("A", True, 5.0, None, "added"),
        ("AM", True, None, None, "moved"), ("AMM", True, None, "moved", "moved"), ("AMUM", True, 15.0, None, "moved"),
        ("AG", False, None, None, "gone"), ("AG", False, 5.0, "gone", "gone"), ("AGA", True, None, None, ""),
        ("AGA", True, None, "gone", ""), ("AGM", True, None, None, "moved"), ("AMG", False, None, None, "gone"),
        ("AMG", False, None, "moved", "moved"), ("AMG", False, None, "added", ""), ("AM", True, 25.0, None, "added"),
        ("AMUU", True, 15.0, None, ""),
    ],
)  # fmt: skip
def test_the_one_change_of_a_thing(
    history: str, present: bool, since: float | None, kind: str | None, told: str
) -> None:
    result = changes(_space(history, present), since, kind, "mug")
    assert [str(e.kind) for e in result.events] == ([told] if told else [])
    assert changes(_space(history, present), since, kind, ANYTHING).short == result.short


def test_several_moves_are_one_from_first_to_last() -> None:
    (event,) = changes(_space("AMM", True)).events
    assert event.previous_position_m[0] == 0.0 and event.position_m[0] == 2.0
