"""Parts of the explorer, one by one."""

from __future__ import annotations

import numpy as np
import pytest

from memory_agent_ros.exploration.config import ExplorerConfig
from memory_agent_ros.exploration.coverage import Coverage, sector_count, sector_of
from memory_agent_ros.exploration.depth_scan import DepthScanner
from memory_agent_ros.exploration.follower import Follower, ahead_gap
from memory_agent_ros.exploration.frontier import find_frontiers
from memory_agent_ros.exploration.look_around import LookAround
from memory_agent_ros.exploration.occupancy import OccupancyGrid
from memory_agent_ros.exploration.path_planner import PathPlanner
from memory_agent_ros.exploration.raster import Raster
from memory_agent_ros.exploration.view_field import ViewField
from tests.exploration.box_world import BoxWorld, camera, three_rooms

CONFIG = ExplorerConfig()


def look(world: BoxWorld, grid: OccupancyGrid, coverage: Coverage | None = None, turns: int = 1) -> None:
    """Add scans from the robot's place, turning a full circle in ``turns`` steps."""
    scanner = DepthScanner(CONFIG)
    for _ in range(turns):
        scan = scanner.scan(world.depth(), world.camera, world.T_map_camera, 0.0)
        found = grid.integrate(scan)
        if coverage is not None:
            coverage.integrate(scan, *found)
        world.yaw += 2 * np.pi / turns


def test_raster_keeps_its_content_while_it_grows() -> None:
    raster = Raster(0.05, {"a": (np.float32, 7.0)})
    raster.ensure(np.array([0.0, 0.0]), np.array([1.0, 1.0]))
    point = np.array([0.52, 0.23])
    raster["a"][raster.cell(point)] = 1.0
    for corner in ([-5.0, 3.0], [4.0, -9.0], [0.1, 0.1]):
        raster.ensure(np.array(corner), np.array(corner))
        assert raster["a"][raster.cell(point)] == 1.0
        assert raster["a"].sum() == pytest.approx(7.0 * (raster["a"].size - 1) + 1)
        assert raster.inside(*raster.index(np.array([corner])))[0]
    rows, columns = raster.index(point[None])
    assert np.abs(raster.centers(rows, columns)[0] - point).max() <= 0.025 + 1e-9


def test_a_wall_ends_the_free_space() -> None:
    world = BoxWorld(np.array([[3.0, -5.0, 3.2, 5.0, 2.4, 0.0]]), np.zeros(2))
    grid = OccupancyGrid(CONFIG)
    look(world, grid)
    row, _ = grid.raster.cell(np.zeros(2))
    columns = grid.raster.index(np.stack([np.arange(0.3, 4.5, 0.05), np.zeros(84)], axis=1))[1]
    cells = grid.cells[row, columns]
    x = np.arange(0.3, 4.5, 0.05)
    assert (cells[x < 2.9] == 0).all()
    assert (cells[(x > 3.0) & (x < 3.05)] == 100).all()
    assert (cells[x > 3.2] == -1).all()
    assert grid.tall[row, columns[np.argmin(np.abs(x - 3.02))]]


def test_an_obstacle_that_leaves_is_carved_away() -> None:
    grid = OccupancyGrid(CONFIG)
    crate = [1.8, -0.3, 2.2, 0.3, 0.4, 0.0]
    wall = [4.0, -5.0, 4.2, 5.0, 2.4, 0.0]
    for _ in range(4):
        look(BoxWorld(np.array([crate, wall]), np.zeros(2), camera=camera(160, 120)), grid)
    cell = grid.raster.cell(np.array([1.83, 0.0]))
    assert grid.occupied[cell]
    for _ in range(12):
        look(BoxWorld(np.array([wall]), np.zeros(2), camera=camera(160, 120)), grid)
    assert grid.free[cell]


def test_sectors_count_the_sides_a_thing_was_seen_from() -> None:
    table = np.array([[2.0, -0.4, 2.8, 0.4, 0.7, 0.0]])
    grid = OccupancyGrid(CONFIG)
    coverage = Coverage(grid, CONFIG)
    inside = np.stack(np.meshgrid(np.linspace(2.1, 2.7, 13), np.linspace(-0.3, 0.3, 13)), -1).reshape(-1, 2)
    for xy, yaw, sides in (((0.0, 0.0), 0.0, 1), ((2.4, -2.4), np.pi / 2, 2), ((2.4, -2.4), np.pi / 2, 2)):
        look(BoxWorld(table, np.array(xy), yaw, camera(320, 240)), grid, coverage)
        rows, columns = grid.raster.index(inside)
        assert np.median(sector_count(grid.raster["sectors"][rows, columns])) == sides
        assert coverage.thin_furniture[rows, columns].mean() == pytest.approx(2 - sides, abs=0.3)
    assert list(sector_of(np.array([[1.0, 0.1], [-1.0, -0.1]]))) == [4, 0]


def test_frontiers_lie_between_free_and_unknown() -> None:
    world, grid = three_rooms(), OccupancyGrid(CONFIG)
    look(world, grid, turns=12)
    frontiers = find_frontiers(grid, 0.4)
    assert frontiers and all(f.length_m >= 0.4 for f in frontiers)
    assert [f.length_m for f in frontiers] == sorted((f.length_m for f in frontiers), reverse=True)
    for frontier in frontiers:
        assert grid.free[frontier.rows, frontier.columns].all()
        near = grid.raster["log_odds"][
            frontier.rows[0] - 1 : frontier.rows[0] + 2, frontier.columns[0] - 1 : frontier.columns[0] + 2
        ]
        assert (near == 0).any()


def test_paths_keep_away_from_obstacles_and_go_round_them() -> None:
    world, grid = three_rooms(), OccupancyGrid(CONFIG)
    for xy in ([1.5, 1.2], [3.2, 1.1], [5.0, 1.0]):
        world.xy = np.array(xy)
        look(world, grid, turns=12)
    planner = PathPlanner(grid, CONFIG)
    planner.update(np.array([1.5, 1.2]))
    path = planner.path_to(np.array([5.0, 1.0]))
    assert path is not None
    assert np.linalg.norm(path[0] - [1.5, 1.2]) < 0.06 and np.linalg.norm(path[-1] - [5.0, 1.0]) < 0.06
    assert not any(world.blocked(p) for p in path)
    assert planner.path_to(np.array([3.0, 9.0])) is None
    assert planner.path_to(np.array([1.8, 2.8])) is None, "inside the table"


def test_what_can_be_seen_ends_at_walls_but_not_at_tables() -> None:
    world, grid = three_rooms(), OccupancyGrid(CONFIG)
    coverage = Coverage(grid, CONFIG)
    look(world, grid, coverage, turns=12)
    for xy in ([2.8, 3.3], [5.0, 3.0], [5.0, 1.0]):
        world.xy = np.array(xy)
        look(world, grid, coverage, turns=12)
    coverage.start_pass()
    field = ViewField(grid, coverage, CONFIG, with_unknown=False)
    here = np.array([[1.5, 1.2]])
    visible = field.visible(here, 3.2)[0]
    points = field.centers(np.nonzero(visible)[0])
    assert not (points[:, 0] > 4.2)[(points[:, 1] < 0.5) | (points[:, 1] > 1.7)].any(), "walls hide the next room"
    behind = np.linalg.norm(points - [1.9, 3.4], axis=1) < 0.15
    assert behind.any(), "the camera looks over the table"
    gain = field.gains(here, visible[None])[0]
    assert gain > 5.0
    field.cover(here[0], visible)
    assert field.gains(here, visible[None])[0] < 0.5 * gain


def test_looking_around_turns_until_all_was_seen_and_then_stops() -> None:
    world, grid = three_rooms(), OccupancyGrid(CONFIG)
    coverage = Coverage(grid, CONFIG)
    scanner = DepthScanner(CONFIG)

    def see() -> None:
        scan = scanner.scan(world.depth(), world.camera, world.T_map_camera, 0.0)
        coverage.integrate(scan, *grid.integrate(scan))

    see()
    around = LookAround(grid, coverage, CONFIG, world.xy, 1.3, 1.1, everything=True)
    turned = 0.0
    for _ in range(60):
        direction = around.step(world.yaw)
        if direction is None:
            break
        world.move(0.0, 0.2 / 0.2 * direction)
        turned += 0.2
        see()
    assert direction is None
    assert 2 * np.pi - 1.6 < turned < 2 * np.pi + 0.5
    again = LookAround(grid, coverage, CONFIG, world.xy, 1.3, 1.1, with_unknown=False)
    assert again.step(world.yaw) is None, "nothing is left to be seen from here"


def test_follower_turns_first_drives_then_and_stops_for_obstacles() -> None:
    follower = Follower(CONFIG)
    path = np.stack([np.linspace(0, 3, 61), np.zeros(61)], axis=1)
    linear, angular = follower.command(path, np.zeros(2), np.pi / 2, np.inf)
    assert linear == 0 and angular == -CONFIG.max_angular_rps
    linear, angular = follower.command(path, np.zeros(2), 0.0, np.inf)
    assert linear == pytest.approx(CONFIG.max_linear_mps) and abs(angular) < 1e-6
    linear, _ = follower.command(path, np.zeros(2), 0.0, CONFIG.robot_radius_m + 0.1)
    assert linear == 0
    assert ahead_gap(np.array([[1.0, 0.1], [0.5, 0.4], [-0.2, 0.0]]), 0.25) == 1.0
    assert ahead_gap(np.zeros((0, 2)), 0.25) == np.inf
