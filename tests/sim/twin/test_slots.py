from __future__ import annotations

import numpy as np
import pytest
from memory_agent_sim.twin.bits import unpack
from memory_agent_sim.twin.slots import TwinSlots, load_all
from memory_agent_sim.twin.tables import TwinTables


@pytest.fixture
def slots(tables: TwinTables, larger: TwinTables) -> TwinSlots:
    made = TwinSlots(3)
    load_all(made, [tables, larger, tables])
    return made


def drive_one(tables: TwinTables, target: int) -> tuple[float, set[int], set[int]]:
    """Metres, cells and things of a drive from the start, place by place."""
    at, metres = tables.start, 0.0
    cells: set[int] = set()
    things: set[int] = set()
    while at != target:
        following = int(tables.hop[at, target])
        way = tables.nodes_xy[following] - tables.nodes_xy[at]
        heading = round(float(np.arctan2(way[1], way[0])) / (2 * np.pi / 16)) % 16
        metres += float(tables.path_m[at, following])
        at = following
        cells |= set(np.flatnonzero(unpack(tables.sees_cells[at, heading], len(tables.cell_xy))).tolist())
        things |= set(np.flatnonzero(tables.sees_things[at, heading]).tolist())
    cells |= set(np.flatnonzero(tables.cells_around(at)).tolist())
    things |= set(np.flatnonzero(tables.sees_things[at].any(axis=0)).tolist())
    return metres, cells, things


def test_driving_many_is_driving_each(slots: TwinSlots) -> None:
    rng = np.random.default_rng(0)
    for _ in range(6):
        targets = np.array([rng.integers(len(t.nodes_xy)) for t in slots.tables if t is not None])
        load_all(slots, [t for t in slots.tables if t is not None])
        drive = slots.drive(targets)
        for b, tables in enumerate(slots.tables):
            assert tables is not None
            metres, cells, things = drive_one(tables, int(targets[b]))
            assert drive.metres[b] == pytest.approx(metres, abs=1e-3) == pytest.approx(slots.metres[b], abs=1e-3)
            assert drive.new_cells[b] == len(cells)
            assert set(np.flatnonzero(unpack(slots.known[b], slots.cells)).tolist()) == cells
            assert set(np.flatnonzero(np.isfinite(drive.nearest_m[b])).tolist()) == things
            assert (np.isfinite(drive.nearest_m) == np.isfinite(drive.first_m)).all()
            assert slots.node[b] == targets[b] and drive.arrived[b]
            here = tables.sees_things[targets[b]].any(axis=0)
            assert (drive.in_sight[b, : len(here)] == here).all() and not drive.in_sight[b, len(here) :].any()


def test_known_cells_grow_and_gain_shrinks(slots: TwinSlots) -> None:
    before = slots.gain_m2()
    first = slots.look()
    assert (first.metres == 0).all() and (first.new_cells > 50).all()
    after = slots.gain_m2()
    assert (after <= before).all() and (after[np.arange(3), slots.node] == 0).all()
    assert (slots.look().new_cells == 0).all()
    reached = slots.reached()
    assert reached[np.arange(3), slots.node].all() and not (reached & ~slots.node_mask).any()
    assert (reached.sum(axis=1) > 10).all()


def test_a_limit_ends_the_drive_before_it(slots: TwinSlots) -> None:
    far = np.array([int(np.argmax(t.path_m[t.start])) for t in slots.tables if t is not None])
    drive = slots.drive(far, limit_m=np.array([1.5, 0.0, 100.0]))
    assert 0.5 < drive.metres[0] <= 1.5 and not drive.arrived[0]
    assert drive.metres[1] == 0 and not drive.arrived[1] and drive.new_cells[1] == 0
    assert drive.arrived[2] and slots.node[2] == far[2]


def test_slots_that_are_not_active_stay(slots: TwinSlots) -> None:
    start = slots.node.copy()
    drive = slots.drive((start + 5) % 20, active=np.array([True, False, True]))
    assert slots.node[1] == start[1] and drive.metres[1] == 0 and drive.new_cells[1] == 0
    assert not drive.in_sight[1].any() and not np.isfinite(drive.nearest_m[1]).any()


def test_a_smaller_apartment_after_a_larger_one_leaves_nothing_behind(tables: TwinTables, larger: TwinTables) -> None:
    used, fresh = TwinSlots(1), TwinSlots(1)
    used.load(0, larger)
    used.look()
    used.load(0, tables)
    fresh.load(0, tables)
    target = np.array([len(tables.nodes_xy) - 1])
    a, b = used.drive(target), fresh.drive(target)
    assert a.metres == b.metres and (a.new_cells == b.new_cells).all()
    things = len(tables.labels)
    assert (a.nearest_m[:, :things] == b.nearest_m).all() and not np.isfinite(a.nearest_m[:, things:]).any()
    assert (used.gain_m2()[:, : fresh.nodes] == fresh.gain_m2()).all() and not used.gain_m2()[:, fresh.nodes :].any()
