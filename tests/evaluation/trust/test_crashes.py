"""The bench of kills: what it kills it finds whole, and what is missing it finds missing."""

import sqlite3
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from memory_agent_ros.evaluation.trust import crashes
from memory_agent_ros.evaluation.trust.crash_child import Ack
from memory_agent_ros.memory.contract_world import three_cards
from memory_agent_ros.memory.spatial_memory import SpatialMemory


def victim(folder: Path) -> crashes._Victim:
    """A map of three cards of which everything is acknowledged."""
    made = crashes._Victim(folder, crashes.Toll(0), get_context("forkserver"), np.random.default_rng(0))
    world = three_cards()
    with SpatialMemory.open(made._path) as memory:
        events = [e for _ in range(6) for e in memory.observe(*world.look())]
        records = tuple((r.seq, r.hash) for r in memory.ledger.records())
    made.acknowledge(Ack("observe", records, tuple((e.id, e.object_id, 0) for e in events)))
    return made


def test_a_whole_map_has_lost_nothing(tmp_path: Path) -> None:
    one = victim(tmp_path)
    one.examine()
    assert one.toll.events > 0 and one.toll.records > 6
    assert (one.toll.lost_events, one.toll.lost_records, one.toll.unopenable, one.toll.unequal) == (0, 0, 0, 0)


def test_what_is_missing_or_broken_is_counted(tmp_path: Path) -> None:
    one = victim(tmp_path)
    with sqlite3.connect(one._path) as connection:
        connection.execute("DELETE FROM events WHERE id=1")
        connection.execute("DELETE FROM ledger WHERE seq=3")
    connection.close()
    one.examine()
    assert (one.toll.lost_events, one.toll.lost_records, one.toll.unopenable, one.toll.unequal) == (1, 1, 0, 1)
    one._path.write_bytes(b"no map" * 100)
    one.examine()
    assert one.toll.unopenable == 1 and "restore it from a copy" in one.toll.problems[-1]


def test_events_of_what_was_forgotten_are_not_lost(tmp_path: Path) -> None:
    one = victim(tmp_path)
    with SpatialMemory.open(one._path) as memory:
        memory.forget([memory.objects()[0].id])
    one.examine()
    assert (one.toll.lost_events, one.toll.lost_records, one.toll.unequal) == (0, 0, 0)


@pytest.mark.slow
def test_kills_of_all_kinds_lose_nothing() -> None:
    toll = crashes.kill_often("val", 0, 10)
    assert toll.kills == 10 and toll.events > 0 and len(toll.phases) >= 4
    assert (toll.lost_events, toll.lost_records, toll.unopenable, toll.unequal) == (0, 0, 0, 0), toll.problems
