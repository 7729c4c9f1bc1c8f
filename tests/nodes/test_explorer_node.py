"""The explore action over real DDS: floor plan, velocity, feedback, cancelling, error codes, Nav2's stand-in."""

from __future__ import annotations

import numpy as np
import pytest
from action_msgs.msg import GoalStatus
from geometry_msgs.msg import Twist, TwistStamped
from nav_msgs.msg import OccupancyGrid, Path
from visualization_msgs.msg import MarkerArray

from memory_agent_msgs.action import Explore
from memory_agent_ros.exploration.explorer import Explorer
from memory_agent_ros.nodes import qos
from memory_agent_ros.nodes.camera_intake import turn_camera, turned_frame
from memory_agent_ros.nodes.node_base import bring_up
from tests.nodes.explorer_drive import SECOND, Drive


@pytest.fixture()
def drive(graph, robot_camera):
    drive = Drive(graph, robot_camera)
    assert bring_up(drive.node)
    drive.camera.mount()
    yield drive
    drive.client.destroy()


def test_floor_plan_grows_without_a_goal(graph, drive):
    plans = graph.listen(OccupancyGrid, "explorer/map", qos.latched())
    commands = graph.listen(Twist, "cmd_vel", qos.reliable())
    drive.until(lambda: plans and 0 in plans[-1].data)
    plan = plans[-1]
    assert plan.header.frame_id == "map" and plan.info.resolution == pytest.approx(0.05)
    assert len(plan.data) == plan.info.width * plan.info.height
    assert not commands


def test_goal_drives_reports_and_ends_with_a_reason(graph, drive):
    commands = graph.listen(Twist, "cmd_vel", qos.reliable())
    paths = graph.listen(Path, "explorer/path", qos.latched())
    markers = graph.listen(MarkerArray, "explorer/frontiers", qos.latched())
    handle = drive.send(mode="frontier", time_limit_s=6.0)
    assert handle.accepted
    outcome = drive.result(handle)
    assert outcome.status == GoalStatus.STATUS_ABORTED
    assert outcome.result.error_code == Explore.Result.TIME_LIMIT
    assert outcome.result.stop_reason == "time_limit"
    assert any(command.angular.z != 0 or command.linear.x != 0 for command in commands)
    graph.until(lambda: commands[-1].linear.x == 0 and commands[-1].angular.z == 0)
    assert drive.feedback and drive.feedback[0].reason
    graph.until(lambda: paths and markers)


def test_cancel_stops_the_base(graph, drive):
    commands = graph.listen(Twist, "cmd_vel", qos.reliable())
    handle = drive.send()
    drive.until(lambda: any(c.angular.z for c in commands))
    drive.graph.until(handle.cancel_goal_async().done)
    outcome = drive.result(handle)
    assert outcome.status == GoalStatus.STATUS_CANCELED
    assert outcome.result.error_code == Explore.Result.CANCELLED
    graph.until(lambda: commands[-1].linear.x == 0 and commands[-1].angular.z == 0)


def test_second_goal_is_rejected_while_one_runs(drive):
    first = drive.send()
    assert first.accepted and not drive.send().accepted
    drive.graph.until(first.cancel_goal_async().done)


def test_unknown_mode_is_refused_with_its_reason(drive):
    outcome = drive.result(drive.send(mode="wander"))
    assert outcome.status == GoalStatus.STATUS_ABORTED
    assert outcome.result.error_code == Explore.Result.BAD_REQUEST
    assert "wander" in outcome.result.message


def test_inactive_node_says_so(graph, robot_camera):
    drive = Drive(graph, robot_camera)
    drive.node.trigger_configure()
    outcome = drive.result(drive.send())
    assert outcome.result.error_code == Explore.Result.NOT_ACTIVE
    drive.client.destroy()


def test_no_image_and_no_pose_have_their_own_codes(graph, robot_camera):
    drive = Drive(graph, robot_camera, input_timeout_s=0.5, transform_timeout_s=0.05)
    assert bring_up(drive.node)
    handle = drive.send()
    future = handle.get_result_async()
    graph.until(future.done)
    assert future.result().result.error_code == Explore.Result.NO_MAP
    outcome = drive.result(drive.send())  # images, but the camera is not mounted: base_link and camera are not linked
    assert outcome.result.error_code == Explore.Result.NO_POSE
    assert "camera_color_optical_frame" in outcome.result.message
    drive.client.destroy()


def test_time_running_back_starts_a_new_floor_plan(graph, drive):
    drive.until(lambda: drive.node.explorer.grid.free.any())
    drive.stamp_ns -= 50 * SECOND
    before = drive.node.explorer
    drive.until(lambda: drive.node.explorer is not before)
    assert drive.node.counts["stamp_order"] == 1 or drive.node.counts["tf_time_jump"] >= 1


def test_deactivating_ends_the_goal(graph, drive):
    handle = drive.send()
    drive.shoot()
    drive.node.trigger_deactivate()
    outcome = drive.result(handle)
    assert outcome.result.error_code == Explore.Result.NOT_ACTIVE


def test_stamped_velocity_for_robots_that_want_it(graph, robot_camera):
    drive = Drive(graph, robot_camera, stamped_cmd_vel=True, explore_on_activate="frontier")
    commands = graph.listen(TwistStamped, "cmd_vel", qos.reliable())
    assert bring_up(drive.node)
    drive.camera.mount()
    drive.until(lambda: any(c.twist.angular.z for c in commands))
    assert commands[-1].header.frame_id == "base_link"
    drive.client.destroy()


@pytest.mark.parametrize("rotation_deg", [0, 90])
def test_sideways_camera_sees_the_same_floor(graph, robot_camera, room, rotation_deg):
    upright = room.frame(SECOND)
    expected = Explorer()
    expected.update(SECOND, np.eye(4), upright.depth_m, upright.camera, upright.T_map_camera)
    turns = rotation_deg // 90  # the driver's image, turned clockwise by this, is upright
    room.rgb, room.depth_m = (np.ascontiguousarray(np.rot90(a, turns)) for a in (room.rgb, room.depth_m))
    room.instances = np.ascontiguousarray(np.rot90(room.instances, turns))
    room.camera = turn_camera(room.camera, -turns % 4)
    room.T_base_camera = room.T_base_camera @ np.linalg.inv(turned_frame(turns))
    drive = Drive(graph, robot_camera, camera_rotation_deg=rotation_deg)
    assert bring_up(drive.node)
    drive.camera.mount()
    graph.until(lambda: drive.camera._depth.get_subscription_count() and drive.camera._tf.get_subscription_count())
    graph.until(lambda: drive.node.explorer.grid.free.any() or drive.shoot(step_s=0.0))
    assert np.array_equal(drive.node.explorer.grid.free, expected.grid.free)
    assert np.array_equal(drive.node.explorer.grid.occupied, expected.grid.occupied)
    drive.client.destroy()


def test_with_nav2_the_explorer_only_turns_by_itself(graph, robot_camera):
    fake_nav2 = pytest.importorskip("tests.nodes.fake_nav2", exc_type=ImportError)
    nav2 = fake_nav2.FakeNav2(graph.helper, fake_nav2.KEEP)
    drive = Drive(graph, robot_camera, use_nav2=True, explore_on_activate="frontier")
    commands = graph.listen(Twist, "cmd_vel", qos.reliable())
    assert bring_up(drive.node)
    drive.camera.mount()

    def turn_until_a_goal():
        drive.yaw += 0.25
        return nav2.goals or drive.shoot()

    graph.until(turn_until_a_goal, 20.0)
    assert all(command.linear.x == 0 for command in commands)
    nav2.vanish()
    drive.client.destroy()
