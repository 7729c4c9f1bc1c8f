"""Old observations go, evidence never does."""

from pathlib import Path

from driving import at_desk, at_table, only, watch
from hypothesis import given
from hypothesis import strategies as st
from synthetic import kitchen

from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.memory.storage.stores import open_store
from memory_agent_ros.memory.storage.thinning import kept_rows

FEW = MemoryConfig(observations_per_object=9)


@given(st.lists(st.integers(0, 10**12), min_size=12, max_size=60).map(sorted), st.integers(1, 11))
def test_what_is_kept_is_the_newest_and_spread_over_time(stamps: list[int], most: int) -> None:
    kept = kept_rows(stamps, most)
    assert 1 <= len(kept) <= most
    assert set(range(len(stamps) - max(most // 3, 1), len(stamps))) <= kept
    if most >= 3:
        assert stamps[min(kept)] == stamps[0]
    even = kept_rows(list(range(0, 1000, 10)), 40)
    gaps = [b - a for a, b in zip(sorted(even), sorted(even)[1:], strict=False)]
    assert max(gaps) <= 4


def test_evidence_outlives_a_long_watch(tmp_path: Path) -> None:
    path = tmp_path / "long.map"
    with SpatialMemory.open(path, FEW) as memory:
        world = kitchen()
        watch(memory, world, at_table())
        first = {e.observation_id for e in only(memory.find("mug")).evidence}
        for _ in range(6):
            watch(memory, world, [*at_desk(4), *at_table(8)])
        mug = only(memory.find("mug"))
        assert mug.observations > 40, "the object itself forgets nothing"
        cited = {e.observation_id for e in mug.evidence}
        assert memory.verify() == []
    store = open_store(path, read_only=True)
    rows = dict(store.rows("SELECT id, keyframe_id FROM observations WHERE object_id=?", (mug.id,)))
    pictured = [i for i, keyframe in rows.items() if keyframe is not None]
    assert cited <= set(pictured) and first <= set(pictured)
    assert len(rows) - len(pictured) <= FEW.observations_per_object + 8
    store.close()


def test_without_a_limit_everything_stays(tmp_path: Path) -> None:
    path = tmp_path / "all.map"
    with SpatialMemory.open(path, MemoryConfig(observations_per_object=0)) as memory:
        world = kitchen()
        for _ in range(6):
            watch(memory, world, at_table(8))
        mug = only(memory.find("mug"))
    store = open_store(path, read_only=True)
    logged = store.rows("SELECT count(*) FROM observations WHERE object_id=?", (mug.id,))[0][0]
    assert logged == mug.observations
    store.close()
