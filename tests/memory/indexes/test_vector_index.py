"""The kept vector index finds what comparing with every object finds, stays in step, and forgets without a trace."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from memory_agent_ros.memory.association.appearance import unit
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.indexes import vector_index
from memory_agent_ros.memory.indexes.appearance_index import AppearanceIndex
from memory_agent_ros.memory.indexes.queries import Like, Query, TextMatcher, rank
from memory_agent_ros.memory.indexes.query_planner import QueryPlanner
from memory_agent_ros.memory.indexes.vector_index import GraphVectors, ScannedVectors, VectorIndex, has_graph
from memory_agent_ros.memory.map_state import Changes
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.memory.storage.persistence import Persistence
from memory_agent_ros.memory.storage.sealing import open_rows
from memory_agent_ros.memory.storage.stores import open_store
from memory_agent_ros.memory.track import Track
from memory_agent_ros.memory.voxel_cloud import VoxelCloud
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.region import Region

D = 8
needs_graph = pytest.mark.skipif(not has_graph(), reason="usearch is not installed")
ALL_SCANNED, ALL_GRAPH = 1 << 40, 0


def some_vector(seed: int, dimension: int = D) -> NDArray[np.float32]:
    return unit(np.random.default_rng(seed).normal(size=dimension))


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(0, 1000)),
        st.tuples(st.just("remove"), st.lists(st.integers(1, 40), max_size=6), st.just(0)),
        st.tuples(st.just("restore"), st.just([]), st.just(0)),
    ),
    max_size=25,
)


@pytest.mark.parametrize("scan_numbers", [ALL_SCANNED, 10 * D, pytest.param(ALL_GRAPH, marks=needs_graph)])
@settings(max_examples=60, deadline=None, derandomize=True)  # a graph may miss a neighbour once in many thousand draws
@given(operations=OPERATIONS, seed=st.integers(0, 1000), count=st.integers(1, 50))
def test_it_is_a_dict_of_vectors(
    scan_numbers: int, operations: list[tuple[str, list[int], int]], seed: int, count: int
) -> None:
    index, plain = VectorIndex(D, scan_numbers), dict[int, NDArray[np.float32]]()
    for name, keys, number in operations:
        if name == "put":
            vectors = np.stack([some_vector(number + 7 * n) for n in range(len(keys))])
            index.put(keys, vectors)
            plain.update(zip(keys, vectors, strict=True))
        elif name == "remove":
            index.remove(keys)
            plain = {k: v for k, v in plain.items() if k not in keys}
        else:
            restored = VectorIndex.restore(D, index.save(), scan_numbers)
            assert restored is not None and restored.is_graph == index.is_graph
            index = restored
    assert set(index.keys()) == set(plain) and len(index) == len(plain)
    query = some_vector(seed)
    expected = sorted(((float(v @ query), k) for k, v in plain.items()), key=lambda item: (-item[0], item[1]))
    tolerance = 5e-3 if index.is_graph else 1e-5
    for found, wanted in [
        (index.search(query, count), expected[:count]),
        (index.order(query, range(1, 21)), [e for e in expected if e[1] <= 20]),
    ]:
        assert len({k for _, k in found}) == len(found) == len(wanted)
        np.testing.assert_allclose([c for c, _ in found], [c for c, _ in wanted], atol=tolerance)
        for cosine, key in found:
            assert cosine == pytest.approx(float(plain[key] @ query), abs=tolerance)
    least = 0.3
    assert {k for _, k in index.above(query, least)} >= {k for c, k in expected if c > least + tolerance}


def clustered(count: int, dimension: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Things of 200 kinds in 24 free directions, as looks of the same kinds of things are."""
    basis = rng.normal(size=(24, dimension))
    kinds = rng.normal(size=(200, 24))
    vectors = (kinds[rng.integers(200, size=count)] + 0.4 * rng.normal(size=(count, 24))) @ basis
    vectors += 0.3 * rng.normal(size=vectors.shape)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


@pytest.mark.parametrize("graph", [False, pytest.param(True, marks=needs_graph)])
def test_recall_against_brute_force(graph: bool) -> None:
    """Also after a third was taken out and another third replaced."""
    rng, n = np.random.default_rng(0), 3000
    vectors, others = clustered(n, 96, rng), clustered(n, 96, rng)
    index: GraphVectors | ScannedVectors = GraphVectors(96) if graph else ScannedVectors(96)
    index.put(range(n), vectors)
    index.remove(range(0, n, 3))
    changed = list(range(1, n, 3))
    index.put(changed, others[changed])
    vectors[changed] = others[changed]
    kept = np.setdiff1d(np.arange(n), np.arange(0, n, 3))
    hits = 0
    for row in rng.choice(kept, 50):
        query = unit(vectors[row] + 0.02 * rng.normal(size=96))
        true = kept[np.argsort(-(vectors[kept] @ query))[:20]]
        hits += len(set(true.tolist()) & {k for _, k in index.search(query, 20)})
    assert hits / (50 * 20) >= 0.99


def test_a_vector_taken_out_is_not_in_the_matrix() -> None:
    vectors = ScannedVectors(D)
    vectors.put([1, 2, 3], np.stack([some_vector(k) for k in (1, 2, 3)]))
    vectors.remove([1, 3])
    assert some_vector(1).tobytes() not in vectors._matrix.tobytes()
    assert some_vector(3).tobytes() not in vectors._matrix.tobytes()
    assert vectors.search(some_vector(1), 5) == [(pytest.approx(float(some_vector(1) @ some_vector(2))), 2)]


@pytest.mark.parametrize("count", [1, 20, 70, 8999])
def test_many_equal_vectors_come_by_id(count: int) -> None:
    rng = np.random.default_rng(1)
    few = np.stack([some_vector(k) for k in range(40)])
    keys = rng.permutation(9000)
    vectors = ScannedVectors(D)
    vectors.put(keys.tolist(), few[keys % 40])
    query = some_vector(99)
    cosines = dict(zip(range(40), (few @ query).tolist(), strict=True))
    expected = sorted(range(9000), key=lambda k: (-cosines[k % 40], k))[:count]
    assert [k for _, k in vectors.search(query, count)] == expected


LABELS = ["mug", "red mug", "coffee table", "sofa"]


def a_track(rng: np.random.Generator, object_id: int) -> Track:
    track = Track(object_id, VoxelCloud(0.02), first_seen_ns=object_id)
    points = rng.uniform(-0.2, 0.2, (12, 3)) + rng.uniform(-4, 4, 3)
    track.cloud.integrate(points.astype(np.float32), 6.0, 1500)
    track.votes.add({LABELS[int(rng.integers(len(LABELS)))]: 1.0}, 1.0)
    track.centroid, track.information = points.mean(axis=0), np.eye(3)
    track.confirmed, track.gone = bool(rng.random() < 0.9), bool(rng.random() < 0.2)
    track.last_seen_ns = object_id
    for _ in range(int(rng.integers(0, 3))):
        track.bank.add(unit(rng.normal(size=D if object_id % 5 else 2 * D)), float(rng.uniform(1, 3)))
    return track


class Map:
    """Tracks in a file and beside it, and a planner over the file."""

    def __init__(self, scan_numbers: int = ALL_SCANNED, path: Path | None = None) -> None:
        self.config, self.rng = MemoryConfig(max_resident_objects=8), np.random.default_rng(5)
        self.store = open_store(path)
        self.persistence = Persistence(self.store, self.config)
        self.state = self.persistence.load()
        self.tracks: dict[int, Track] = {}
        self.planner = QueryPlanner(
            self.store,
            lambda i: self.tracks[i].box(self.config).center,
            AppearanceIndex(self.store, scan_numbers, keep_numbers=0),
        )

    def write(self, ids: Sequence[int], removed: Sequence[int] = ()) -> None:
        for object_id in ids:
            self.state.tracks[object_id] = self.tracks[object_id] = a_track(self.rng, object_id)
        for object_id in removed:
            del self.state.tracks[object_id], self.tracks[object_id]
        self.persistence.write(self.state, Changes(touched=set(ids), removed=list(removed)))

    def check(self, query: Query, limit: int | None) -> None:
        matcher = TextMatcher(None, 0.5)
        expected = [(r, t.id) for r, t in rank(self.tracks.values(), matcher, self.config, query)][:limit]
        found = self.planner.ranked(query, matcher, limit)
        assert [i for _, i in found] == [i for _, i in expected]
        np.testing.assert_allclose([c for c, _ in found], [c for c, _ in expected], atol=1e-5)


@pytest.mark.parametrize("enough", [2000, 1], ids=["others lead", "vectors lead"])
def test_the_planner_answers_as_looking_at_all(enough: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memory_agent_ros.memory.indexes.query_planner._ENOUGH", enough)
    world = Map()
    for step in range(6):
        world.write(range(20 * step + 1, 20 * step + 21), removed=list(world.tracks)[: 4 * step])
        rewritten = list(world.tracks)[::7]
        world.write(rewritten)
        for seed in range(12):
            corner = world.rng.uniform(-5, 1, 3)
            query = Query(
                label=[None, "mug", "sofas"][seed % 3],
                text=[None, "mug", "table"][seed // 3 % 3],
                region=Region(corner, corner + 4.0) if seed % 4 == 1 else None,
                gone=[None, False][seed % 2],
                like=Like(some_vector(seed, D if seed % 5 else 2 * D), of=seed + 20 * step),
            )
            world.check(query, [1, 5, 50, None][seed % 4])


@pytest.mark.parametrize("scan_numbers", [ALL_SCANNED, pytest.param(ALL_GRAPH, marks=needs_graph)])
def test_it_is_kept_in_the_file_and_catches_up(tmp_path: Path, scan_numbers: int) -> None:
    world = Map(scan_numbers, tmp_path / "kept.map")
    world.write(range(1, 60))
    held = set(world.planner.appearance.at(D).keys())
    assert held == {i for i, t in world.tracks.items() if t.bank.vectors.shape[1] == D}
    world.planner.appearance.save()
    world.write(range(50, 80), removed=range(1, 10))  # after it was kept
    later = AppearanceIndex(world.store, scan_numbers)
    read: list[int] = []
    changed = later._changed
    later._changed = lambda: (read.extend(i for i, _ in batch) or batch for batch in changed())  # type: ignore[method-assign]
    index = later.at(D)
    assert set(read) == set(range(50, 80)), "only what changed is read"
    vectors = {i: m for i, t in world.tracks.items() if (m := t.bank.mean()) is not None and len(m) == D}
    assert set(index.keys()) == set(vectors)
    for object_id, vector in vectors.items():
        assert index.order(vector, [object_id])[0][0] == pytest.approx(1.0, abs=2e-3)
    world.store.rows("UPDATE vector_indexes SET data = x'47ff'")
    assert set(AppearanceIndex(world.store, scan_numbers).at(D).keys()) == set(vectors), "damaged: made anew"


@pytest.mark.parametrize("scan_numbers", [ALL_SCANNED, pytest.param(ALL_GRAPH, marks=needs_graph)])
def test_forget_leaves_no_vector(tmp_path: Path, scan_numbers: int) -> None:
    path = tmp_path / "secret.map"
    world = Map(path=path)
    world.write(range(1, 40))
    world.persistence.flush(world.state)
    world.store.close()
    with SpatialMemory.open(path) as memory:
        memory._planner.appearance = AppearanceIndex(memory._store, scan_numbers, keep_numbers=0)
        target = next(i for i, t in world.tracks.items() if t.confirmed and t.bank.vectors.shape[1] == D)
        mean = world.tracks[target].bank.mean()
        assert mean is not None
        assert memory.find(like=mean)[0].id == target
        assert memory.find(like=mean)[0].relevance == pytest.approx(1.0, abs=2e-3)
        assert target not in {o.id for o in memory.find(like=target)}
        memory.save()
        traces = [mean.tobytes()[:16], mean.astype(np.float16).tobytes()[:8]]
        assert any(trace in opened_indexes(memory) for trace in traces), "the test can fail"
        memory.forget([target])
        assert not any(trace in opened_indexes(memory) for trace in traces)
        assert not any(trace in path.read_bytes() for trace in traces)
        assert target not in memory._planner.appearance.at(D)
        assert target not in {o.id for o in memory.find(like=mean, limit=100)}
    assert not any(trace in path.read_bytes() for trace in traces)
    assert sqlite3.connect(path).execute("SELECT count(*) FROM vector_indexes").fetchone()[0] > 0


def opened_indexes(memory: SpatialMemory) -> bytes:
    """The stored indexes and banks as the program itself reads them."""
    out = list[bytes]()
    for table, columns in (("vector_indexes", ("dimension", "data")), ("objects", ("id", "bank"))):
        rows = memory._store.rows(f"SELECT {', '.join(columns)} FROM {table}")
        out += [row[1] for row in open_rows(memory._store, table, columns, rows)]
    return b"".join(out)


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    with SpatialMemory.open(None) as memory:
        assert memory.find(like=some_vector(1)) == []
        for bad in (np.zeros(D), np.full(D, np.nan), np.ones((2, D))):
            with pytest.raises(BadInputError, match="appearance"):
                memory.find(like=bad)
        with pytest.raises(BadInputError, match="no object 3"):
            memory.find(like=3)


def test_without_the_library_everything_is_scanned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_index, "has_graph", lambda: False)
    index = VectorIndex(D, ALL_GRAPH)
    index.put([4, 9], np.stack([some_vector(4), some_vector(9)]))
    assert not index.is_graph
    assert index.search(some_vector(9), 1) == [(pytest.approx(1.0), 9)]


class ManyLabels:
    """Text vectors by hash; counts what it embeds."""

    embedded = 0

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.embedded += len(texts)
        return np.stack([some_vector(sum(map(ord, t)) * 31 + len(t), 32) for t in texts])


def test_many_labels_are_embedded_once_and_searched_by_vector() -> None:
    embedder = ManyLabels()
    matcher, labels = TextMatcher(embedder, 0.35), [f"thing{n:04d}" for n in range(900)]
    vectors = embedder.embed_texts(labels)
    for text in ("lorem", "ipsum"):
        wanted = {n for n, c in zip(labels, vectors @ embedder.embed_texts([text])[0], strict=True) if c >= 0.35}
        assert set(matcher.meant(text, labels)) == wanted == set(matcher.relevance(text, labels))
    assert embedder.embedded <= 2 * 900 + 4
    assert set(matcher.meant("ipsum", labels[:100])) == wanted & set(labels[:100])
