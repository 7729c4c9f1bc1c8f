"""Somebody else drives to the goals: what they say counts, standing is not being stuck, failures end a run."""

from __future__ import annotations

import numpy as np
import pytest

from memory_agent_ros.exploration.codes import AbandonReason, Command, Reason, StopReason
from memory_agent_ros.exploration.config import ExplorerConfig
from memory_agent_ros.exploration.explorer import Explorer
from tests.exploration.box_world import BoxWorld, three_rooms


class Robot:
    """An explorer whose base turns when told to, and drives only when the test says so."""

    def __init__(self, **settings: float) -> None:
        self.world: BoxWorld = three_rooms()
        self.explorer = Explorer(ExplorerConfig(**settings))
        self.explorer.driven_by_others = True
        self.explorer.start("frontier", 3600.0)

    def step(self, wait: bool = False) -> Command:
        world = self.world
        self.explorer.update(world.stamp_ns, world.T_map_base, world.depth(), world.camera, world.T_map_camera)
        command = self.explorer.wait() if wait else self.explorer.step()
        turns = command.reason in (Reason.LOOK_AROUND, Reason.RECOVERY)
        world.move(0.0, command.angular_rps if turns else 0.0)
        return command

    def until_goal(self) -> Command:
        for _ in range(400):
            command = self.step()
            if command.done or command.reason not in (Reason.LOOK_AROUND, Reason.WAITING):
                return command
        raise AssertionError("no goal")


def test_a_robot_that_stands_while_others_drive_is_not_stuck() -> None:
    robot = Robot()
    goal = robot.until_goal().goal_xy
    begun_ns = robot.world.stamp_ns
    while robot.world.stamp_ns - begun_ns < 20 * 10**9:
        command = robot.step()
        assert command.reason is Reason.NEAREST_FRONTIER
        np.testing.assert_array_equal(command.goal_xy, goal)


def test_a_robot_that_drives_itself_gets_away_when_it_stands() -> None:
    robot = Robot()
    robot.explorer.driven_by_others = False
    robot.until_goal()
    assert any(robot.step().reason is Reason.RECOVERY for _ in range(100))


def test_arriving_is_what_the_driver_calls_so() -> None:
    robot = Robot()
    goal = robot.until_goal().goal_xy
    robot.explorer.goal_reached()
    assert robot.explorer.goals_reached == 1
    assert not np.allclose(robot.until_goal().goal_xy, goal), "not the same goal again, though the robot is not there"


def test_waiting_keeps_goal_and_run() -> None:
    robot = Robot()
    robot.explorer.driven_by_others = False
    goal = robot.until_goal().goal_xy
    for _ in range(100):
        command = robot.step(wait=True)
        assert (command.reason, command.done, command.linear_mps, command.angular_rps) == (Reason.WAITING, False, 0, 0)
    command = robot.step()
    assert command.reason is Reason.NEAREST_FRONTIER, "standing on purpose is not being stuck"
    np.testing.assert_array_equal(command.goal_xy, goal)


def test_many_failures_in_a_row_end_the_run() -> None:
    robot = Robot(max_failed_goals=3, goal_retries=1)
    tried = []
    while not (command := robot.until_goal()).done:
        tried.append(tuple(command.goal_xy))
        robot.explorer.goal_failed(AbandonReason.REJECTED, "no")
    assert command.stop_reason is StopReason.GOAL_UNREACHABLE
    assert len(tried) == 6 and len(set(tried)) == 3
    assert [(a.why, a.attempts) for a in robot.explorer.abandoned] == [(AbandonReason.REJECTED, 2)] * 3


def test_a_goal_reached_in_between_forgives_the_failures() -> None:
    robot = Robot(max_failed_goals=2, goal_retries=0)
    for _ in range(3):
        assert not robot.until_goal().done
        robot.explorer.goal_failed(AbandonReason.NO_PATH)
        assert not robot.until_goal().done
        robot.explorer.goal_reached()
    assert robot.explorer.goals_abandoned == robot.explorer.goals_reached == 3


@pytest.mark.parametrize("done", [True, False])
def test_what_the_driver_says_without_a_goal_is_ignored(done: bool) -> None:
    robot = Robot()
    robot.step()
    assert not robot.explorer.goal_failed(AbandonReason.BLOCKED)
    robot.explorer.goal_reached()
    assert robot.explorer.goals_reached == robot.explorer.goals_abandoned == 0
    if done:
        robot.explorer.cancel()
        assert robot.explorer.wait().stop_reason is StopReason.CANCELLED
