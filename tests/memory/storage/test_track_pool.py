"""A pool with hardly any room behaves like a dict that holds everything."""

from pathlib import Path

import numpy as np
import pytest
from driving import at_cupboard, at_desk, at_table, mapped_kitchen, watch
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import kitchen

from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.indexes.object_index import entry_of
from memory_agent_ros.memory.map_state import Changes, MapState
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.memory.storage.persistence import Persistence
from memory_agent_ros.memory.storage.stores import open_store
from memory_agent_ros.memory.track import Track
from memory_agent_ros.memory.voxel_cloud import VoxelCloud
from memory_agent_ros.records.errors import StoreError

TINY = MemoryConfig(max_resident_objects=2)
LABELS = ["mug", "bowl", "lamp"]


def a_track(object_id: int, x: float, label: str) -> Track:
    track = Track(object_id, VoxelCloud(0.02), first_seen_ns=object_id)
    corners = np.array([[x, 0, 0], [x + 0.1, 0.1, 0.1], [x, 0.1, 0.05]], dtype=np.float32)
    track.cloud.integrate(corners, 6.0, 1500)
    track.votes.add({label: 1.0}, 1.0)
    track.centroid, track.information = np.array([x, 0.0, 0.0]), np.eye(3)
    return track


def change(track: Track, how: int, x: float) -> None:
    if how == 0:
        track.move(np.array([x, 0.0, 0.0]))
    elif how == 1:
        track.votes.add({"bowl": 5.0}, 1.0)
        track.observations += 1
    elif how == 2:
        track.confirmed, track.gone = True, not track.gone
    else:
        track.confirmed, track.log_odds = True, -track.log_odds - 0.5
        track.negatives += 2


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("new"), st.floats(-40, 40), st.integers(0, 2)),
        st.tuples(st.just("change"), st.integers(0, 30), st.integers(0, 3), st.floats(-9, 9)),
        st.tuples(st.just("remove"), st.integers(0, 30)),
        st.tuples(st.just("read"), st.integers(0, 30)),
        st.tuples(st.just("commit")),
        st.tuples(st.just("reopen")),
    ),
    max_size=40,
)


def same(a: Track, b: Track) -> bool:
    return (
        (a.id, a.label, a.gone, a.confirmed, a.log_odds, a.negatives, a.observations, a.placement)
        == (b.id, b.label, b.gone, b.confirmed, b.log_odds, b.negatives, b.observations, b.placement)
        and a.votes.votes == b.votes.votes
        and np.array_equal(a.cloud.points, b.cloud.points)
        and np.array_equal(a.centroid, b.centroid)
    )


class Twins:
    """A pool of two over a store, and a dict of equal tracks."""

    def __init__(self) -> None:
        self.persistence = Persistence(open_store(None), TINY)
        self.state: MapState = self.persistence.load()
        self.plain: dict[int, Track] = {}
        self.changes = Changes()

    def run(self, operation: tuple) -> None:  # type: ignore[type-arg]
        name, *values = operation
        known = sorted(self.plain)
        if name == "new":
            object_id = self.state.next_id("objects")
            for tracks in (self.state.tracks, self.plain):
                tracks[object_id] = a_track(object_id, values[0], LABELS[values[1]])
            self.changes.touched.add(object_id)
        elif name == "commit":
            self.commit()
        elif name == "reopen":
            self.commit()
            self.persistence.flush(self.state)
            self.state = self.persistence.load()
        elif known:
            object_id = known[values[0] % len(known)]
            if name == "change":
                change(self.state.tracks[object_id], values[1], values[2])
                change(self.plain[object_id], values[1], values[2])
                self.changes.touched.add(object_id)
            elif name == "remove":
                del self.state.tracks[object_id], self.plain[object_id]
                self.changes.touched.discard(object_id)
                self.changes.removed.append(object_id)
            else:
                assert same(self.state.tracks[object_id], self.plain[object_id])

    def commit(self) -> None:
        self.persistence.write(self.state, self.changes)
        self.changes = Changes()
        assert self.state.tracks.resident <= 2

    def check(self) -> None:
        pool, plain = self.state.tracks, self.plain
        assert list(pool) == sorted(plain) and len(pool) == len(plain)
        center = np.zeros(3)
        expected = [i for i in plain if not plain[i].gone and np.linalg.norm(plain[i].centroid) < 9.0]
        assert [t.id for t in pool.near(center, 9.0)] == sorted(expected)
        for label in LABELS:
            assert pool.labelled(label) == sorted(i for i in plain if plain[i].label == label)
        entries = {i: entry_of(t) for i, t in plain.items()}
        assert pool.missing() == sorted(i for i, e in entries.items() if e.flags & 4)
        assert pool.newcomers(LABELS) == sorted(i for i, e in entries.items() if e.flags & 8)
        assert pool.counts()["confirmed"] == sum(t.confirmed for t in plain.values())
        assert all(same(t, plain[t.id]) for t in pool.scan())
        assert all(same(pool[i], plain[i]) for i in plain)


@settings(max_examples=60, deadline=None)
@given(OPERATIONS)
def test_a_pool_of_two_is_a_dict(operations: list[tuple]) -> None:  # type: ignore[type-arg]
    twins = Twins()
    for operation in operations:
        twins.run(operation)
    twins.check()
    twins.commit()
    twins.check()


def test_a_memory_without_room_tells_and_keeps_the_same(tmp_path: Path) -> None:
    """Objects come, move, vanish and are merged; with room for two of them nothing comes out differently."""

    def tour(config: MemoryConfig, path: Path) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
        events = []
        with SpatialMemory.open(path, config) as memory:
            world = mapped_kitchen(memory, miss=0.1)
            world.move("mug", (-2.4, 0.3, 0.8))
            events += watch(memory, world, [*at_table(), *at_desk(), *at_cupboard()], miss=0.1)
            assert memory.stats["frames_accepted"] == 48
        with SpatialMemory.open(path, config) as memory:
            assert memory.verify() == []
            objects = [
                (o.id, o.label, o.state, o.observations, round(o.presence, 9), *np.round(o.box.center, 6))
                for o in memory.objects(include_tentative=True)
            ]
            told = [(e.id, e.kind, e.object_id, e.other_id, e.stamp_ns) for e in memory.changes()]
        return objects, told

    assert tour(TINY, tmp_path / "tiny.map") == tour(MemoryConfig(), tmp_path / "roomy.map")


def test_nothing_leaves_working_memory_that_could_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SpatialMemory.open(tmp_path / "full.map", TINY) as memory:
        world = kitchen()
        watch(memory, world, at_table(3))
        with monkeypatch.context() as broken:
            broken.setattr(Persistence, "_write_meta", lambda *_: (_ for _ in ()).throw(StoreError("disk full")))
            for _ in range(3):
                with pytest.raises(StoreError):
                    watch(memory, world, at_desk(1))
        watch(memory, world, at_desk(3))
        seen = {o.label: o.observations for o in memory.objects()}
    with SpatialMemory.open(tmp_path / "full.map") as memory:
        assert {o.label: o.observations for o in memory.objects()} == seen
        assert memory.verify() == []
