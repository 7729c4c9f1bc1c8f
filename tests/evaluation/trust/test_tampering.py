"""A few attacks of each kind are found and their place is named; where nobody attacks, nothing is found."""

from collections.abc import Iterator

import numpy as np
import pytest

from memory_agent_ros.evaluation.trust.tampering import KINDS, attack, mapped_store
from memory_agent_ros.memory.ledger.audit import verify_store
from memory_agent_ros.memory.storage.sqlite_store import SqliteStore


@pytest.fixture(scope="module")
def store() -> Iterator[SqliteStore]:
    store = mapped_store(0)
    yield store
    store.connection.close()


def test_a_ledger_that_nobody_touched_is_sound(store: SqliteStore) -> None:
    assert verify_store(store) == []


@pytest.mark.parametrize("kind", KINDS)
def test_each_attack_is_found_and_its_place_is_named(store: SqliteStore, kind: str) -> None:
    rng = np.random.default_rng(7)
    for _ in range(8):
        what, places = attack(store.connection, rng, kind)
        store.keys.rolled_back()
        findings = verify_store(store)
        store.connection.execute("ROLLBACK")
        assert findings and findings[0].place in places, what
    store.keys.rolled_back()
    assert verify_store(store) == []
