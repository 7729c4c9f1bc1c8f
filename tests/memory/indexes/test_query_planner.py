"""The planner answers as looking at every object does, and lets the most selective index lead."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from postgres_server import drop_maps

from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.indexes.queries import Query, TextMatcher, box_distance, rank
from memory_agent_ros.memory.indexes.query_planner import QueryPlanner
from memory_agent_ros.memory.map_state import Changes
from memory_agent_ros.memory.storage.persistence import Persistence
from memory_agent_ros.memory.storage.stores import open_store
from memory_agent_ros.memory.track import Track
from memory_agent_ros.memory.voxel_cloud import VoxelCloud
from memory_agent_ros.records.region import Region

CONFIG = MemoryConfig(max_resident_objects=8)
LABELS = ["mug", "Mugs", "red mug", "coffee table", "dining table", "table lamp", "armchair", "sofa", "a sofa"]
TEXTS = ["mug", "the red mugs", "table", "lamp on a table", "chair", "sofas", "zebra", "seat"]


class Meaning:
    """Knows that one can sit on a sofa and on an armchair."""

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = [[1.0, 0.1] if any(w in t for w in ("sofa", "chair", "seat")) else [0.0, 1.0] for t in texts]
        vectors = np.array(rows, dtype=np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def random_track(rng: np.random.Generator, object_id: int) -> Track:
    track = Track(object_id, VoxelCloud(0.02), first_seen_ns=int(rng.integers(0, 1000)))
    angle, size = rng.uniform(0, np.pi), rng.uniform(0.05, 1.2, 3)
    local = rng.uniform(-0.5, 0.5, (40, 3)) * size
    c, s = np.cos(angle), np.sin(angle)
    turned = local @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]) + rng.uniform(-4, 4, 3)
    track.cloud.integrate(turned.astype(np.float32), 6.0, 1500)
    track.votes.add({LABELS[int(rng.integers(len(LABELS)))]: 1.0}, 1.0)
    track.centroid, track.information = turned.mean(axis=0), np.eye(3)
    track.confirmed, track.gone = bool(rng.random() < 0.85), bool(rng.random() < 0.2)
    track.observations, track.log_odds = int(rng.integers(1, 5)), float(rng.integers(-2, 4))
    track.last_seen_ns = track.first_seen_ns + int(rng.integers(0, 50))
    return track


class Map:
    """Random tracks in a store, a planner over it, and the tracks themselves."""

    def __init__(self, seed: int, count: int = 60, place: str | None = None) -> None:
        rng = np.random.default_rng(seed)
        self.store = open_store(place)
        persistence = Persistence(self.store, CONFIG)
        state = persistence.load()
        self.tracks = {i: random_track(rng, i) for i in range(1, count + 1)}
        for batch in np.array_split(list(self.tracks), 5):
            for object_id in batch.tolist():
                state.tracks[object_id] = self.tracks[object_id]
            persistence.write(state, Changes(touched=set(batch.tolist())))
        persistence.flush(state)
        self.planner = QueryPlanner(self.store, lambda i: next(state.tracks.scan([i])).box(CONFIG).center)

    def expected(self, query: Query, matcher: TextMatcher) -> list[tuple[float, int]]:
        return [(r, t.id) for r, t in rank(self.tracks.values(), matcher, CONFIG, query)]


@pytest.fixture(scope="module")
def maps() -> list[Map]:
    return [Map(seed) for seed in range(4)]


corner = st.floats(-5, 5) | st.just(float("inf"))
QUERIES = st.builds(
    Query,
    label=st.none() | st.sampled_from(["mug", "MUGS", "sofas", "coffee_tables", "cup"]),
    text=st.none() | st.sampled_from(TEXTS),
    region=st.none()
    | st.builds(
        lambda a, size: Region(np.array([-x if x == np.inf else x for x in a]), np.array(a) + size),
        st.tuples(corner, corner, corner),
        st.floats(0, 6),
    ),
    seen=st.none() | st.tuples(st.integers(0, 900), st.integers(0, 300)).map(lambda ab: (ab[0], ab[0] + ab[1])),
    gone=st.none() | st.booleans(),
)


@pytest.fixture(scope="module")
def on_server(server: str) -> Iterator[list[Map]]:
    names = [f"test_planner_{seed}" for seed in range(4)]
    drop_maps(server, names)
    worlds = [Map(seed, place=f"{server}&map={name}") for seed, name in enumerate(names)]
    yield worlds
    for world in worlds:
        world.store.close()
    drop_maps(server, names)


@settings(max_examples=300, deadline=None)
@given(number=st.integers(0, 3), query=QUERIES, limit=st.integers(1, 5), meaning=st.booleans())
def test_it_answers_as_looking_at_all(maps: list[Map], number: int, query: Query, limit: int, meaning: bool) -> None:
    check_answers(maps[number], query, limit, meaning)


@settings(max_examples=150, deadline=None)
@given(number=st.integers(0, 3), query=QUERIES, limit=st.integers(1, 5), meaning=st.booleans())
def test_so_it_does_on_a_server(on_server: list[Map], number: int, query: Query, limit: int, meaning: bool) -> None:
    check_answers(on_server[number], query, limit, meaning)


def check_answers(world: Map, query: Query, limit: int, meaning: bool) -> None:
    matcher = TextMatcher(Meaning() if meaning else None, 0.5)
    expected = world.expected(query, matcher)
    assert world.planner.ranked(query, matcher) == expected
    assert world.planner.ranked(query, matcher, limit) == expected[:limit]
    assert world.planner.count(query, matcher) == len(expected)
    latest = max(expected, key=lambda found: (world.tracks[found[1]].last_seen_ns, found[0]), default=None)
    assert world.planner.latest(query, matcher) == latest


@settings(max_examples=60, deadline=None)
@given(number=st.integers(0, 3), x=st.floats(-5, 5), y=st.floats(-5, 5), radius=st.floats(0, 3))
def test_nothing_near_is_missed(maps: list[Map], number: int, x: float, y: float, radius: float) -> None:
    world, point = maps[number], np.array([x, y, 0.0])
    present = [t for t in world.tracks.values() if t.confirmed and not t.gone]
    near = {t.id for t in present if box_distance(t.box(CONFIG), point) <= radius}
    offered = world.planner.around(point, point, radius, None)
    assert near <= set(offered)
    assert set(offered) <= {t.id for t in present}
    assert world.planner.around(point, point, radius, "sofa") == [
        i for i in offered if world.tracks[i].label in ("sofa", "a sofa")
    ]


def test_the_most_selective_index_leads() -> None:
    world, matcher = Map(9, 200), TextMatcher(None, 0.5)
    everywhere = Region(np.full(3, -np.inf), np.full(3, np.inf))
    here = Region(np.full(3, -0.2), np.full(3, 0.2))
    rare = min(t.last_seen_ns for t in world.tracks.values())
    assert "objects_by_label" in world.planner.explain(Query("mug", region=everywhere), matcher)[0]
    assert world.planner.explain(Query("mug", region=here), matcher)[0].startswith("boxes")
    assert "objects_by_seen" in world.planner.explain(Query("mug", region=everywhere, seen=(rare, rare)), matcher)[0]
    assert world.planner.explain(Query(text="zebra"), matcher) == []
