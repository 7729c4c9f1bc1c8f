from __future__ import annotations

import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
from memory_agent_sim.layout import Layout
from memory_agent_sim.twin.bits import pack, packed_bytes, popcount, unpack
from memory_agent_sim.twin.tables import TwinTables, build_tables, twin_tables, with_places


def test_bits_go_in_and_out_and_are_counted() -> None:
    mask = np.random.default_rng(0).random((3, 5, 131)) < 0.3
    packed = pack(mask)
    assert packed.shape == (3, 5, packed_bytes(131)) and packed.shape[-1] % 8 == 0
    assert (unpack(packed, 131) == mask).all()
    assert (popcount(packed) == mask.sum(axis=-1)).all()


def test_every_place_is_free_and_every_way_exists(layout: Layout, tables: TwinTables) -> None:
    grid = layout.grid(0.05)
    standing = grid.centers(0.22)
    assert all(standing[grid.cell(xy)] for xy in tables.nodes_xy)
    assert np.isfinite(tables.path_m).all()
    assert (tables.path_m == tables.path_m.T).all() and (np.diag(tables.path_m) == 0).all()
    straight = np.linalg.norm(tables.nodes_xy[:, None] - tables.nodes_xy[None], axis=2)
    assert (tables.path_m >= straight - 1e-4).all()
    assert set(tables.node_room.tolist()) == set(range(len(tables.rooms)))


def test_following_the_hops_gives_the_way(tables: TwinTables) -> None:
    rng = np.random.default_rng(1)
    for a, b in rng.integers(0, len(tables.nodes_xy), (50, 2)):
        at, metres = int(a), 0.0
        while at != b:
            following = int(tables.hop[at, b])
            assert following != at
            metres += float(tables.path_m[at, following])
            at = following
        assert abs(metres - tables.path_m[a, b]) < 1e-3


def test_walls_hide_and_range_ends(layout: Layout, tables: TwinTables) -> None:
    plan = layout.plan
    for node in range(0, len(tables.nodes_xy), 7):
        seen = tables.cells_around(node)
        away = np.linalg.norm(tables.cell_xy - tables.nodes_xy[node], axis=1)
        assert away[seen].max() <= 4.01
        mine = tables.cell_free & (tables.cell_room == tables.node_room[node]) & (away < 3.5)
        assert seen[mine].mean() > 0.6, "most of the free floor of the own room is in sight"
    behind = 0
    for i, room in enumerate(plan.rooms):
        joined = {r for d in plan.doors if i in d.rooms for r in d.rooms}
        for j in set(range(len(plan.rooms))) - joined - {i}:
            # A place well inside a room sees little of a room that no door joins to it.
            inner = [v for v, xy in enumerate(tables.nodes_xy) if room.contains(xy.astype(float), 0.8)]
            shares = [tables.cells_around(v)[tables.cell_room == j].mean() for v in inner]
            assert max(shares, default=0.0) < 0.5
            behind += 1
    assert behind > 0 or len(plan.doors) == 3


def test_a_heading_sees_what_lies_before_it(tables: TwinTables) -> None:
    node = tables.start
    away = tables.cell_xy - tables.nodes_xy[node]
    for heading in (0, 3, 9):
        seen = unpack(tables.sees_cells[node, heading], len(tables.cell_xy))
        bearing = np.arctan2(away[seen, 1], away[seen, 0]) - 2 * np.pi * heading / 16
        assert (np.abs(np.angle(np.exp(1j * bearing))) < np.radians(45)).all()


def test_things_are_seen_from_near_by_and_not_from_other_ends(tables: TwinTables) -> None:
    there = tables.movable & tables.boxes.present
    anywhere = tables.sees_things.any(axis=1)
    assert anywhere[:, there].any(axis=0).mean() > 0.9
    assert (tables.range_m[anywhere] < 6.5).all()
    assert not anywhere[:, ~tables.boxes.present].any()
    assert (tables.pixels[anywhere] >= 100).all()


def test_things_stand_where_the_layout_puts_them(layout: Layout, tables: TwinTables) -> None:
    for i, placed in enumerate(layout.objects):
        assert tables.labels[i] == placed.instance.category and tables.movable[i]
        assert np.allclose(tables.boxes.center[i, :2], [placed.x, placed.y])
        below = tables.boxes.below[i]
        if placed.furniture is None:
            assert below == -1
        else:
            assert tables.labels[below] == layout.furniture[placed.furniture].instance.category


def test_moving_a_thing_changes_its_rows_and_nothing_else(layout: Layout, tables: TwinTables) -> None:
    places = dict(enumerate(layout.objects, start=1))
    far = max(places, key=lambda i: tables.range_m[tables.start, i - 1])
    here = places[min(places, key=lambda i: tables.range_m[tables.start, i - 1])]
    moved = {**places, far: replace(here, instance=places[far].instance, x=here.x + 0.01)}
    changed = with_places(tables, layout, moved)
    others = np.arange(len(tables.labels)) != far - 1
    assert (changed.sees_things[:, :, others] == tables.sees_things[:, :, others]).all()
    assert (changed.sees_things[:, :, far - 1] != tables.sees_things[:, :, far - 1]).any()
    assert changed.boxes.below[far - 1] == tables.boxes.below[next(i for i in places if places[i] is here) - 1]
    assert changed.sees_cells is tables.sees_cells and changed.path_m is tables.path_m
    del moved[far]
    gone = with_places(changed, layout, moved)
    assert not gone.sees_things[:, :, far - 1].any() and not gone.boxes.present[far - 1]
    back = with_places(gone, layout, places)
    assert (back.sees_things[:, :, far - 1] == tables.sees_things[:, :, far - 1]).all()


def test_the_cache_gives_the_same_tables(own_cache: Path) -> None:
    twin_tables.cache_clear()
    made = twin_tables("train", 4, "habitual", 3)
    twin_tables.cache_clear()
    assert len(list(own_cache.glob("memory_agent_ros/twin/*/*.npz"))) == 1
    read = twin_tables("train", 4, "habitual", 3)
    for f in fields(TwinTables):
        a, b = getattr(made, f.name), getattr(read, f.name)
        if f.name == "boxes":
            assert all((getattr(a, g.name) == getattr(b, g.name)).all() for g in fields(a))
        else:
            assert np.array_equal(a, b) and type(a) is type(b), f.name


def test_placement_changes_things_not_places(layout: Layout, tables: TwinTables) -> None:
    from memory_agent_sim.layout import draw_layout

    other = build_tables(draw_layout("train", 4, 3, placement="uniform"), "train", 4, "uniform")
    assert other.rooms == tables.rooms
    assert not np.array_equal(other.boxes.center, tables.boxes.center)


def test_tables_need_no_mujoco() -> None:
    code = (
        "import sys; sys.modules['mujoco'] = None\n"
        "from memory_agent_sim.twin.tables import build_tables, drawn_layout\n"
        "build_tables(drawn_layout('train', 4, 'habitual', 3), 'train', 4, 'habitual')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
