from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_agent_sim.floorplan import DOOR_WIDTH, draw_floor_plan
from memory_agent_sim.freespace import rasterize
from memory_agent_sim.furniture import furniture_instances, furniture_shape
from memory_agent_sim.instances import SPLITS, instance_size, movable_instances
from memory_agent_sim.layout import Layout, draw_layout

from memory_agent_ros.records.errors import BadInputError


def signature(layout: Layout) -> tuple[object, ...]:
    return (
        tuple((r.name, *r.minimum.round(6), *r.maximum.round(6)) for r in layout.plan.rooms),
        tuple((f.instance.key, round(f.x, 6), round(f.y, 6)) for f in layout.furniture),
        tuple((o.instance.key, round(o.x, 6), round(o.y, 6)) for o in layout.objects),
        tuple(round(v, 6) for v in layout.start),
    )


def test_splits_share_no_instances() -> None:
    for stock in (movable_instances, furniture_instances):
        keys = [{i.key for found in stock(split).values() for i in found} for split in SPLITS]
        assert not keys[0] & keys[1] and not keys[0] & keys[2] and not keys[1] & keys[2]
        assert all(len(found) >= 2 for split in SPLITS for found in stock(split).values())
    assert len(movable_instances("test")) >= 15


def test_instances_of_a_category_differ_between_splits_in_look_or_size() -> None:
    mugs = [i for split in SPLITS for i in movable_instances(split)["mug"]]
    looks = {(i.source.name, round(i.hue_shift, 4), round(i.size_m, 5)) for i in mugs}
    assert len(looks) == len(mugs)


def test_same_seed_same_layout_and_splits_differ() -> None:
    assert signature(draw_layout("train", 3)) == signature(draw_layout("train", 3))
    drawn = [signature(draw_layout(split, 3))[0] for split in SPLITS]
    assert len(set(drawn)) == 3


def test_unknown_split_is_refused() -> None:
    with pytest.raises(BadInputError, match="train, val, test"):
        draw_layout("holdout", 0)


@pytest.mark.parametrize("seed", [-1, -(10**18), 2**63, 10**40])
def test_any_integer_is_a_seed(seed: int) -> None:
    layout = draw_layout("val", seed, rooms=3)
    assert signature(layout) != signature(draw_layout("val", -seed, rooms=3))


@pytest.mark.parametrize("seed", range(8))
def test_apartment_is_whole(seed: int) -> None:
    layout = draw_layout("test", seed)
    assert 3 <= len(layout.plan.rooms) <= 6
    assert 20 <= len(layout.objects) <= 40
    categories = [o.instance.category for o in layout.objects]
    assert len(set(categories)) >= 15
    assert len(categories) > len(set(categories)), "some categories should have two instances"
    keys = [i.key for i in (o.instance for o in layout.objects)] + [s.key for s in layout.spares]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("seed", range(8))
def test_every_room_and_door_is_reachable(seed: int) -> None:
    layout = draw_layout("train", seed)
    grid = layout.grid(0.05)
    reached = grid.reachable_centers(np.array(layout.start[:2]), 0.22)
    assert reached[grid.cell(np.array(layout.start[:2]))]
    for door in layout.plan.doors:
        assert reached[grid.cell(np.array([door.x, door.y]))]
    for room in layout.plan.rooms:
        (r0, c0), (r1, c1) = grid.cell(room.minimum), grid.cell(room.maximum)
        assert reached[r0:r1, c0:c1].sum() * 0.05**2 > 1.0


@pytest.mark.parametrize("seed", range(4))
def test_objects_stand_apart_and_inside_their_support(seed: int) -> None:
    objects = draw_layout("test", seed).objects
    layout = draw_layout("test", seed)
    for i, a in enumerate(objects):
        for b in objects[i + 1 :]:
            apart = np.hypot(a.x - b.x, a.y - b.y)
            assert apart >= 0.3 - 1e-9 or abs(a.z - b.z) > 0.25
            if a.instance.category == b.instance.category:
                assert apart >= 0.5
        if a.furniture is not None:
            piece = layout.furniture[a.furniture]
            width, depth, _ = furniture_shape(piece.instance).size
            c, s = np.cos(piece.yaw), np.sin(piece.yaw)
            u, v = c * (a.x - piece.x) + s * (a.y - piece.y), -s * (a.x - piece.x) + c * (a.y - piece.y)
            assert abs(u) < width / 2 and abs(v) < depth / 2
            assert a.z < 1.2
        assert layout.plan.rooms[a.room].contains(np.array([a.x, a.y]))
        assert max(instance_size(a.instance)) > 0.1


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**64), rooms=st.integers(3, 6))
def test_floor_plan_joins_all_rooms(seed: int, rooms: int) -> None:
    plan = draw_floor_plan(np.random.default_rng(seed), rooms)
    assert len({r.name for r in plan.rooms}) == rooms
    joined = {plan.doors[0].rooms[0]}
    for _ in plan.rooms:
        for door in plan.doors:
            if joined & set(door.rooms):
                joined |= set(door.rooms)
    assert len(joined) == rooms
    for door in plan.doors:
        for index in door.rooms:
            room, along = plan.rooms[index], 1 - door.axis
            where = (door.x, door.y)[along]
            assert room.minimum[along] + DOOR_WIDTH / 2 < where < room.maximum[along] - DOOR_WIDTH / 2
    grid = rasterize(plan, [], 0.05)
    assert grid.reachable_floor(plan.rooms[0].center, 0.2).sum() > 0.95 * grid.free.sum()
