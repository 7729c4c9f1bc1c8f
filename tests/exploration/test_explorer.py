"""The explorer drives through a small world of boxes, seen by ray casting."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from memory_agent_ros.exploration.codes import Command, Reason, StopReason
from memory_agent_ros.exploration.config import ExplorerConfig
from memory_agent_ros.exploration.coverage import sector_count
from memory_agent_ros.exploration.explorer import Explorer
from memory_agent_ros.records.errors import BadInputError
from tests.exploration.box_world import BoxWorld, three_rooms


def drive(world: BoxWorld, explorer: Explorer, limit: int = 900) -> tuple[Command, Counter[str]]:
    """Run until the explorer stops; returns the last command and the steps per reason."""
    reasons: Counter[str] = Counter()
    for _ in range(limit):
        explorer.update(world.stamp_ns, world.T_map_base, world.depth(), world.camera, world.T_map_camera)
        command = explorer.step()
        reasons[command.reason] += 1
        if command.done:
            return command, reasons
        assert abs(command.linear_mps) <= explorer.config.max_linear_mps + 1e-9
        assert abs(command.angular_rps) <= explorer.config.max_angular_rps + 1e-9
        world.move(command.linear_mps, command.angular_rps)
    raise AssertionError("the explorer did not stop")


def seen_share(world: BoxWorld, explorer: Explorer) -> float:
    """Share of the true free floor that was in view."""
    points = world.free_floor()
    rows, columns = explorer.grid.raster.index(points)
    inside = explorer.grid.raster.inside(rows, columns)
    return float((explorer.grid.raster["seen"][rows[inside], columns[inside]] > 0).sum() / len(points))


@pytest.fixture(scope="module")
def explored() -> tuple[BoxWorld, Explorer, Command, Counter[str], int]:
    world, explorer = three_rooms(), Explorer()
    explorer.start("frontier", 300.0)
    command, reasons = drive(world, explorer)
    return world, explorer, command, reasons, world.stamp_ns


def test_frontier_mode_sees_all_rooms_and_says_why_it_stops(explored) -> None:
    world, explorer, command, reasons, stamp_ns = explored
    assert command.stop_reason is StopReason.NO_FRONTIERS_LEFT
    assert command.linear_mps == command.angular_rps == 0
    assert seen_share(world, explorer) >= 0.93
    assert explorer.coverage >= 0.93
    assert world.collisions <= 2
    assert stamp_ns < 130e9, "three rooms take less than 130 s at 0.6 m/s"
    assert {Reason.NEAREST_FRONTIER, Reason.LOOK_AROUND} <= set(reasons)
    assert explorer.goals_reached >= 3
    assert explorer.travelled_m > 10


def test_the_floor_plan_is_right(explored) -> None:
    world, explorer, *_ = explored
    raster, cells = explorer.grid.raster, explorer.grid.cells
    points = world.free_floor(margin_m=0.1)
    rows, columns = raster.index(points)
    values = cells[rows, columns]
    assert (values == 0).mean() > 0.93
    assert (values == 100).mean() < 0.03
    table = world.boxes[-4]
    rows, columns = raster.index(np.array([[(table[0] + table[2]) / 2, (table[1] + table[3]) / 2]]))
    assert cells[rows[0], columns[0]] == 100
    assert set(np.unique(cells)) <= {-1, 0, 100}


def test_furniture_is_seen_from_several_sides(explored) -> None:
    world, explorer, *_ = explored
    raster = explorer.grid.raster
    for x0, y0, x1, y1, _, _ in world.boxes[-4:-1]:
        rows, columns = raster.index(
            np.stack(np.meshgrid(np.linspace(x0, x1, 9), np.linspace(y0, y1, 9)), -1).reshape(-1, 2)
        )
        assert (sector_count(raster["sectors"][rows, columns]) >= 2).mean() > 0.6


def test_patrol_looks_at_everything_again(explored) -> None:
    world, explorer, *_ = explored
    explorer.start("patrol", 300.0)
    assert explorer.grid.raster["seen"].sum() == 0
    command, reasons = drive(world, explorer)
    assert command.stop_reason is StopReason.PATROL_DONE
    assert Reason.PATROL_VIEWPOINT in reasons
    assert seen_share(world, explorer) > 0.9


def test_a_limit_ends_the_run() -> None:
    world, explorer = three_rooms(), Explorer()
    explorer.start("frontier", 5.0)
    command, _ = drive(world, explorer)
    assert command.stop_reason is StopReason.TIME_LIMIT
    assert 5.0 < world.stamp_ns / 1e9 < 6.0


def test_a_coverage_goal_ends_the_run() -> None:
    world, explorer = three_rooms(), Explorer()
    explorer.start("frontier", 300.0, coverage_goal=0.5)
    command, _ = drive(world, explorer)
    assert command.stop_reason is StopReason.COVERAGE_GOAL_REACHED
    assert explorer.coverage >= 0.5
    assert 0.15 < seen_share(world, explorer) < 0.9


def test_cancel_and_lost_pose_end_the_run() -> None:
    world, explorer = three_rooms(), Explorer()
    explorer.start()
    assert explorer.step().reason is Reason.WAITING
    explorer.update(1_000, world.T_map_base, world.depth(), world.camera, world.T_map_camera)
    assert explorer.step(2_000_000_000).stop_reason is StopReason.NONE
    assert explorer.step(9_000_000_000).stop_reason is StopReason.NO_POSE
    explorer.start()
    explorer.cancel()
    command = explorer.step()
    assert command.done and command.stop_reason is StopReason.CANCELLED


def test_a_robot_that_cannot_move_recovers_and_then_says_stuck() -> None:
    world, explorer = three_rooms(), Explorer(ExplorerConfig(stuck_time_s=1.0))
    explorer.start("frontier", 300.0)
    reasons: Counter[str] = Counter()
    for _ in range(400):
        explorer.update(world.stamp_ns, world.T_map_base, world.depth(), world.camera, world.T_map_camera)
        command = explorer.step()
        reasons[command.reason] += 1
        if command.done:
            break
        world.stamp_ns += 200_000_000
    assert command.stop_reason is StopReason.STUCK
    assert reasons[Reason.RECOVERY] > 5


def test_bad_input_is_refused() -> None:
    world, explorer = three_rooms(), Explorer()
    with pytest.raises(BadInputError, match="mode must be one of"):
        explorer.start("wander")
    with pytest.raises(BadInputError, match="positive"):
        explorer.start(time_limit_s=0)
    explorer.start()
    depth = world.depth()
    nowhere = world.T_map_base * np.nan
    with pytest.raises(BadInputError) as caught:
        explorer.update(0, nowhere, depth, world.camera, world.T_map_camera)
    assert caught.value.reason == "pose_not_finite"
    with pytest.raises(BadInputError) as caught:
        explorer.update(0, world.T_map_base, depth[:10], world.camera, world.T_map_camera)
    assert caught.value.reason == "depth_size"
    explorer.update(10, world.T_map_base, depth, world.camera, world.T_map_camera)
    with pytest.raises(BadInputError) as caught:
        explorer.update(9, world.T_map_base, depth, world.camera, world.T_map_camera)
    assert caught.value.reason == "stamp_order"
    assert explorer.grid.raster.shape != (0, 0)


def test_depth_without_any_reading_changes_nothing_but_the_footprint() -> None:
    world, explorer = three_rooms(), Explorer()
    explorer.start()
    depth = np.full((world.camera.height, world.camera.width), np.nan, dtype=np.float32)
    explorer.update(0, world.T_map_base, depth, world.camera, world.T_map_camera)
    assert not explorer.grid.occupied.any()
    assert explorer.grid.free.sum() * 0.05**2 < 0.25
    assert not explorer.step().done
