"""Occupancy from somebody else: thresholds, cells of other sizes, turned plans, plans that grow and move."""

from __future__ import annotations

import numpy as np
import pytest

from memory_agent_ros.exploration.codes import StopReason
from memory_agent_ros.exploration.config import ExplorerConfig
from memory_agent_ros.exploration.coverage import Coverage
from memory_agent_ros.exploration.depth_scan import DepthScanner
from memory_agent_ros.exploration.explorer import Explorer
from memory_agent_ros.exploration.floor_plan import FREE, OCCUPIED, UNKNOWN, FloorPlan
from memory_agent_ros.exploration.frontier import find_frontiers
from memory_agent_ros.exploration.mapper import Mapper
from memory_agent_ros.exploration.occupancy import OccupancyGrid
from memory_agent_ros.exploration.path_planner import PathPlanner
from memory_agent_ros.records.errors import BadInputError
from tests.exploration.box_world import BoxWorld, three_rooms

CONFIG = ExplorerConfig()


def room(width_m: float = 4.0, cell_m: float = 0.05, origin: tuple[float, float] = (-2.0, -2.0), yaw: float = 0.0):
    """A square free room with a wall of one cell around it."""
    count = round(width_m / cell_m)
    values = np.zeros((count, count), dtype=np.int8)
    values[[0, -1]] = 100
    values[:, [0, -1]] = 100
    return FloorPlan(values, cell_m, np.array(origin), yaw)


def adopted(plan: FloorPlan, free_max: int = 25, occupied_min: int = 65) -> OccupancyGrid:
    grid = OccupancyGrid(CONFIG)
    grid.adopt(plan, free_max, occupied_min)
    return grid


def reachable_from(grid: OccupancyGrid, xy: tuple[float, float]) -> np.ndarray:
    grid.add_footprint(np.array(xy), CONFIG.robot_radius_m)
    planner = PathPlanner(grid, CONFIG)
    planner.update(np.array(xy))
    return planner.reachable


def test_values_become_classes_by_threshold() -> None:
    values = np.array([[-1, -128, 0, 25, 26, 64, 65, 100, 127]], dtype=np.int8)
    plan = FloorPlan(values, 0.05, np.zeros(2))
    U, F, X = UNKNOWN, FREE, OCCUPIED
    assert plan.classes(25, 65).tolist() == [[U, U, F, F, U, U, X, X, X]]
    assert plan.classes(98, 99).tolist() == [[U, U, F, F, F, F, F, X, X]]  # a costmap: inflated cells are free
    assert plan.classes(50, 51).tolist() == [[U, U, F, F, F, X, X, X, X]]  # probabilities


@pytest.mark.parametrize("cell_m", [0.05, 0.025, 0.1, 0.03])
@pytest.mark.parametrize("origin", [(-2.0, -2.0), (-2.017, -1.968), (-2.025, -2.025)])
@pytest.mark.parametrize("yaw", [0.0, 0.4])
def test_walls_stay_closed_whatever_the_cells(cell_m: float, origin: tuple[float, float], yaw: float) -> None:
    c, s = np.cos(yaw), np.sin(yaw)
    turned = (c * origin[0] - s * origin[1], s * origin[0] + c * origin[1])
    grid = adopted(room(cell_m=cell_m, origin=turned, yaw=yaw))
    assert not find_frontiers(grid, CONFIG.min_frontier_m)
    inner = (4.0 - 2 * (cell_m + CONFIG.robot_radius_m + CONFIG.clearance_m)) ** 2
    assert reachable_from(grid, (0.0, 0.0)).sum() * 0.05**2 == pytest.approx(inner, rel=0.08)


def test_free_floor_at_the_edge_of_the_plan_is_a_frontier_on_every_side() -> None:
    for size in (64, 60):  # 64 cells fill whole blocks of the grid
        plan = FloorPlan(np.zeros((size, size), np.int8), 0.05, np.zeros(2))
        grid = adopted(plan)
        (frontier,) = find_frontiers(grid, 0.4)
        assert frontier.length_m == pytest.approx((4 * size - 4) * 0.05)


def test_unknown_between_the_thresholds_is_a_frontier() -> None:
    plan = room()
    plan.values[30:50, 40] = 50
    (frontier,) = find_frontiers(adopted(plan), 0.4)
    np.testing.assert_allclose(frontier.centroid_xy, [0.025, 0.0], atol=0.06)


def test_a_plan_that_grows_and_moves_its_origin_keeps_what_was_seen() -> None:
    grid = adopted(room())
    grid.raster["seen"][grid.raster.cell(np.array([1.0, -1.0]))] = 1
    larger = np.full((200, 240), -1, dtype=np.int8)
    larger[60:140, 100:180] = room().values
    larger[100, 179:220] = 0
    grid.adopt(FloorPlan(larger, 0.05, np.array([-7.0, -5.0])), 25, 65)
    assert grid.raster["seen"][grid.raster.cell(np.array([1.0, -1.0]))] == 1
    assert grid.raster["seen"].sum() == 1
    assert grid.free[grid.raster.cell(np.array([3.5, 0.02]))]
    assert grid.occupied[grid.raster.cell(np.array([-1.98, 1.0]))]
    grid.adopt(room(), 25, 65)
    assert not grid.free[grid.raster.cell(np.array([3.5, 0.02]))], "what is no longer in the plan is unknown again"


def test_depth_says_what_was_seen_and_how_high_it_is_but_not_what_is_free() -> None:
    plan = room(6.0, origin=(-3.0, -3.0))
    plan.values[56:64, 88:96] = 100  # a table 1.4 m ahead
    grid = adopted(plan)
    before = grid.cells.copy()
    inside = grid.raster.centers(*np.nonzero(before >= 0))
    coverage, scanner = Coverage(grid, CONFIG), DepthScanner(CONFIG)
    table = [1.4, -0.2, 1.8, 0.2, 0.7, 0.0]
    crate = [1.0, 0.8, 1.3, 1.1, 0.4, 0.0]  # not in the plan
    world = BoxWorld(np.array([table, crate, [2.95, -3.0, 3.2, 3.0, 2.4, 0.0]]), np.zeros(2))
    assert grid.tall[grid.raster.cell(np.array([1.42, 0.0]))], "never measured: taken to hide what is behind"
    scan = scanner.scan(world.depth(), world.camera, world.T_map_camera, 0.0)
    coverage.integrate(scan, *grid.integrate(scan))
    assert (grid.cells[grid.raster.index(inside)] == before[before >= 0]).all()
    at_table = grid.raster.cell(np.array([1.42, 0.0]))
    assert coverage.furniture[at_table] and not grid.tall[at_table]
    seen = grid.raster["seen"] == 1
    assert seen[grid.raster.cell(np.array([1.2, -0.5]))]
    assert not seen[grid.raster.cell(np.array([-1.0, 0.0]))], "behind the robot"
    assert not seen[~grid.free].any()


def test_a_robot_that_is_walled_in_reaches_nothing_beyond() -> None:
    plan = room(1.0, origin=(-0.5, -0.5))
    assert reachable_from(adopted(plan), (0.0, 0.0)).sum() * 0.05**2 < 0.2


@pytest.mark.parametrize(
    ("resolution_m", "origin", "shape"),
    [
        (0.0, (0.0, 0.0), (2, 2)),
        (np.nan, (0.0, 0.0), (2, 2)),
        (0.05, (np.inf, 0.0), (2, 2)),
        (0.05, (0.0, 0.0), (0, 2)),
    ],
)
def test_what_cannot_be_a_plan_is_refused(resolution_m: float, origin: tuple, shape: tuple) -> None:
    with pytest.raises(BadInputError) as error:
        FloorPlan(np.zeros(shape, np.int8), resolution_m, np.array(origin))
    assert error.value.reason == "floor_plan_invalid"


def test_a_run_on_somebody_elses_growing_plan_sees_all_rooms() -> None:
    world, explorer, slam = three_rooms(), Explorer(CONFIG), Mapper(CONFIG)
    explorer.start("frontier", 300.0)
    for step in range(900):
        view = (world.stamp_ns, world.T_map_base, world.depth(), world.camera, world.T_map_camera)
        explorer.update(*view)
        slam.add(*view)
        if step % 10 == 0:  # cut to what is known, so that it grows and its origin moves; not on the explorer's cells
            cells = slam.grid.cells
            rows, columns = np.nonzero(cells >= 0)
            low = np.array([columns.min(), rows.min()])
            known = cells[low[1] : rows.max() + 1, low[0] : columns.max() + 1]
            values = np.choose(np.sign(known) + 1, [-1, 12, 80])
            explorer.adopt(FloorPlan(values, 0.05, slam.grid.origin_xy + low * 0.05 + 0.013))
        command = explorer.step()
        if command.done:
            break
        world.move(command.linear_mps, command.angular_rps)
    assert command.stop_reason is StopReason.NO_FRONTIERS_LEFT
    assert explorer.coverage >= 0.93 and world.collisions <= 2


@pytest.mark.parametrize("origin", [(-2.0, -2.0), (30.0, -40.0)])
def test_a_plan_that_knows_nothing_or_lies_elsewhere_leaves_the_robot_on_its_own_place(origin: tuple) -> None:
    world, explorer = three_rooms(), Explorer(CONFIG)
    explorer.start("frontier", 300.0)
    explorer.update(world.stamp_ns, world.T_map_base, world.depth(), world.camera, world.T_map_camera)
    explorer.adopt(FloorPlan(np.full((60, 60), -1), 0.05, np.array(origin)))
    assert explorer.stop(StopReason.CANCELLED).stop_reason is StopReason.CANCELLED
    explorer.start("frontier", 300.0)
    stops = set()
    for _ in range(200):
        explorer.update(world.stamp_ns, world.T_map_base, world.depth(), world.camera, world.T_map_camera)
        command = explorer.step()
        if command.done:
            stops.add(command.stop_reason)
            break
        world.move(0.0, command.angular_rps)
    assert stops <= {StopReason.NO_MAP, StopReason.ENCLOSED} and stops
