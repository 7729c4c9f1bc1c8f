"""Rooms from depth thumbnails: how many, where, through which doors; the same ones as the map grows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_agent_ros.memory.presence.looks import LookRecord
from memory_agent_ros.memory.structure.config import StructureConfig
from memory_agent_ros.memory.structure.free_space import FreeSpace, floor_height, level_counts
from memory_agent_ros.memory.structure.room_book import RoomBook, blocks_of
from memory_agent_ros.memory.structure.room_names import room_kind
from memory_agent_ros.memory.structure.rooms import RoomPlan
from memory_agent_ros.memory.structure.segmentation import segment
from memory_agent_ros.records.room import Room, rooms_called
from tests.memory.structure.flat import DOOR, IN_LEFT, IN_RIGHT, LEFT, RIGHT, flat, looks, plan, turn


@pytest.fixture(scope="module")
def records() -> list[LookRecord]:
    return looks(flat(), [*IN_LEFT, *IN_RIGHT])


@pytest.fixture(scope="module")
def rooms(records: list[LookRecord]) -> RoomPlan:
    return plan(records)


def test_two_rooms_with_the_area_of_their_floors(rooms: RoomPlan) -> None:
    assert [s.id for s in rooms.shapes] == [1, 2]
    for shape in rooms.shapes:
        (low, high) = LEFT if shape.center[0] < 0 else RIGHT
        assert (shape.center > np.array(low) + 0.8).all() and (shape.center < np.array(high) - 0.8).all()
        assert shape.area_m2 == pytest.approx(16.0, rel=0.12)
        assert (np.abs(shape.polygon - np.clip(shape.polygon, low, high)) < 0.35).all()


def test_the_door_is_where_it_is_and_as_wide(rooms: RoomPlan) -> None:
    (door,) = rooms.shapes[0].doors
    assert door.rooms == (1, 2) and rooms.shapes[1].doors == (door,)
    assert np.linalg.norm(door.position_m - DOOR) < 0.15
    assert door.width_m == pytest.approx(0.9, abs=0.15)


def test_a_wide_opening_is_no_door() -> None:
    world = flat(door=2.6)
    assert len(plan(looks(world, [*IN_LEFT, *IN_RIGHT])).shapes) == 1


def test_furniture_does_not_cut_a_room() -> None:
    world = flat()
    world.add("sideboard", "", (-2.0, 1.0, 0.5), (0.4, 2.0, 1.0))
    world.add("bench", "", (-2.0, -1.5, 0.25), (0.4, 1.0, 0.5))
    poses = [*turn(-3.0, 0.6), *turn(-1.2, 0.4), *turn(-1.0, -0.6), *IN_RIGHT]
    assert len(plan(looks(world, poses)).shapes) == 2


def test_a_camera_that_never_looks_high_still_finds_the_walls(records: list[LookRecord]) -> None:
    low = [LookRecord(r.frame_row, r.stamp_ns, r.T_map_camera, r.K, r.depth_mm.copy()) for r in records]
    for record in low:
        record.depth_mm[:26] = 0
    space = FreeSpace(StructureConfig())
    space.add(low)
    assert not space.tall.any() and len(plan(low).shapes) == 2


def test_the_grid_grows_without_shifting_what_it_holds(records: list[LookRecord]) -> None:
    whole, parts = FreeSpace(StructureConfig()), FreeSpace(StructureConfig())
    whole.add(records)
    for record in records:
        parts.add([record])
    for name in ("hits", "passes"):
        counts = [getattr(space, name).astype(float) for space in (whole, parts)]
        assert counts[0].sum() == pytest.approx(counts[1].sum(), rel=0.01), name
        middles = [s.points(np.argwhere(c > 0)).mean(axis=0) for s, c in zip((whole, parts), counts, strict=True)]
        assert np.abs(middles[0] - middles[1]).max() < 0.02, name
    assert np.allclose(whole.origin / whole.cell_m, np.rint(whole.origin / whole.cell_m))


def test_nothing_seen_is_no_room() -> None:
    empty = FreeSpace(StructureConfig())
    assert segment(empty, StructureConfig()).labels.size == 0
    rooms = plan([])
    assert rooms.shapes == () and rooms.locate(np.zeros((2, 2)), 1.0)[0].tolist() == [0, 0]


def test_points_are_located(rooms: RoomPlan) -> None:
    places = np.array([[-2.0, 0.0], [2.0, 0.0], [-4.2, 0.0], [9.0, 9.0], [-1.6, -1.2]])
    ids, off_m, margin_m = rooms.locate(places, 0.75)
    left = next(s.id for s in rooms.shapes if s.center[0] < 0)
    assert ids.tolist() == [left, 3 - left, left, 0, left]
    assert off_m[0] == 0.0 and 0.0 < off_m[2] < 0.4 and margin_m[0] == pytest.approx(2.0, abs=0.25)


def test_rooms_keep_their_ids_as_the_map_grows() -> None:
    world, book = flat(), RoomBook()
    first = looks(world, IN_RIGHT)
    before = plan(first, book)
    right = next(s.id for s in before.shapes if s.center[0] > 0.3)
    after = plan([*first, *looks(world, IN_LEFT, 100)], book)
    assert next(s.id for s in after.shapes if s.center[0] > 0) == right
    assert len({s.id for s in after.shapes}) == 2
    again = RoomBook.from_json(book.to_json())
    assert [s.id for s in plan([*first, *looks(world, IN_LEFT, 100)], again).shapes] == [s.id for s in after.shapes]
    assert again.last_id == book.last_id


@given(st.sets(st.tuples(st.integers(-300, 300), st.integers(-300, 300)), max_size=60), st.text(max_size=5))
def test_the_book_is_kept_whole(cells: set[tuple[int, int]], name: str) -> None:
    book = RoomBook()
    blocks = blocks_of(np.array(sorted(cells), dtype=np.int64).reshape(-1, 2), np.array([-7, 1000]))
    (room_id,) = book.match([blocks])
    book.given[room_id] = name
    read = RoomBook.from_json(book.to_json())
    assert np.array_equal(read.blocks[room_id], blocks) and read.last_id == 1
    assert read.given == ({room_id: name} if name else {})


@pytest.mark.parametrize(
    ("things", "kind"),
    [
        (["Refrigerator", "counter", "table", "chairs"], "kitchen"),
        (["bed", "night stand", "lamp"], "bedroom"),
        (["couch", "tv", "coffee_table", "frying pan", "plate"], "living room"),
        (["toilet", "bathtub"], "bathroom"),
        (["desk", "monitor", "office chair"], "office"),
        (["dining table", "chair", "chair"], "dining room"),
    ],
)
def test_things_name_a_room(things: list[str], kind: str) -> None:
    found, sure = room_kind([(t, 0.9) for t in things])
    assert found == kind and sure > 0.6


def test_things_that_say_little_name_no_room() -> None:
    assert room_kind([])[1] < 0.2
    assert room_kind([("cabinet", 1.0), ("mug", 1.0)])[1] < 0.6
    assert room_kind([("frying pan", 1.0), ("pillow", 1.0)])[1] < 0.6


def test_rooms_by_name_or_id() -> None:
    rooms = [Room(i, name, 1.0, np.zeros((0, 2)), 1.0, np.zeros(2)) for i, name in
             ((1, "bedroom"), (2, "bedroom 2"), (3, "Salon"), (4, "room 4"), (5, "living room"))]  # fmt: skip
    found = {text: [r.id for r in rooms_called(rooms, text)] for text in
             ("bedroom", "the Bedroom 2", "salon", "room 4", "room 3", "lounge", "attic", "room")}  # fmt: skip
    assert found == {
        "bedroom": [1, 2], "the Bedroom 2": [2], "salon": [3], "room 4": [4], "room 3": [3], "lounge": [5],
        "attic": [], "room": [4],
    }  # fmt: skip
    assert [r.id for r in rooms_called(rooms, 2)] == [2]


def test_the_floor_is_the_lowest_level_not_the_lowest_point() -> None:
    rng = np.random.default_rng(0)
    z = np.concatenate([rng.normal(-0.4, 0.01, 2000), rng.uniform(-0.4, 2.0, 6000), [-3.0] * 20])
    assert floor_height(level_counts(z)) == pytest.approx(-0.4, abs=0.02)
    assert floor_height(level_counts(np.zeros(0))) == 0.0


@pytest.mark.parametrize("value", [1e300, np.nan])
def test_poses_that_are_nowhere_are_left_out(records: list[LookRecord], value: float) -> None:
    first = records[0]
    nowhere = first.T_map_camera.copy()
    nowhere[0, 3] = value
    space, sound = FreeSpace(StructureConfig()), FreeSpace(StructureConfig())
    space.add([LookRecord(first.frame_row, first.stamp_ns, nowhere, first.K, first.depth_mm), *records[1:]])
    sound.add(records[1:])
    assert np.array_equal(space.hits, sound.hits)
