"""The scale benchmark's world is what it says, and its figures are those that were measured."""

from pathlib import Path

import numpy as np
import pytest

from memory_agent_ros.evaluation.benches import scale
from memory_agent_ros.evaluation.scale.shelves import PER_SHELF, Building
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.memory.storage.bulk import write_map
from memory_agent_ros.records.errors import BadInputError


def test_a_map_written_in_bulk_is_recognised_when_it_is_seen(tmp_path: Path) -> None:
    building = Building(200, 3)
    assert write_map(tmp_path / "bulk.map", building.batches) == 200
    with SpatialMemory.open(tmp_path / "bulk.map") as memory:
        assert memory.verify() == []
        assert len(memory.objects()) == 200
        stamp, rng = memory.last_stamp_ns or 0, np.random.default_rng(0)
        for look in range(3):
            events = memory.observe(*building.look(7, stamp + (look + 1) * 200_000_000, rng))
            assert events == []
            assert set(memory.assignments) == set(range(7 * PER_SHELF + 1, 8 * PER_SHELF + 1))
        assert len(memory.objects(include_tentative=True)) == 200
        thing = memory.get(141)
        assert thing.observations == 9 and thing.evidence
        assert [o.id for o in memory.near(thing.box.center, radius_m=0.05)] == [141]


def test_figures_are_of_what_was_measured() -> None:
    def result(ms: float) -> dict[str, float]:
        return {"update_ms": ms, "query_p95_ms": ms / 10, "rss_mb": ms}

    measured = {
        ("ours", 100): [result(10.0), result(12.0)],
        ("ours", 1000): [result(15.0)],
        ("emem", 100): [result(3.0)],
    }
    figures = scale._figures(measured, (100, 1000), [{"disk_mb": 30.0, "rss_mb": 99.0}])
    assert figures["update_ms@100"].value == 11.0
    assert figures["update_ratio@1000"].value == 1.5
    assert figures["disk_mb"].value == 30.0 and figures["rss_mb"].value == 99.0
    emem = scale._of_arm("emem", measured, (100, 1000), [{"disk_mb": 30.0}])
    assert emem["update_ms@100"].value == 3.0
    assert np.isnan(emem["update_ms@1000"].value) and np.isnan(emem["disk_mb"].value)


def test_a_wrong_path_to_a_peer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no folder"):
        scale.bench("val", range(1), 1, {"emem": str(tmp_path / "nothing"), "sizes": (100,)})
