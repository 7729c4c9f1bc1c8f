"""Kinds of goals, other people's floor plans, Nav2 and its failures, each with the code it ends with."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from action_msgs.msg import GoalStatus
from geometry_msgs.msg import Twist
from nav_msgs.msg import OccupancyGrid
from visualization_msgs.msg import MarkerArray

from memory_agent_msgs.action import Explore
from memory_agent_msgs.msg import ExplorationDecision
from memory_agent_ros.nodes import qos
from memory_agent_ros.nodes.decision_messages import decision_from_message
from memory_agent_ros.nodes.explorer_messages import floor_plan_from_message
from memory_agent_ros.nodes.node_base import bring_up
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.viz.decision_markers import DECISION_NAMESPACES
from tests.exploration.remembered import room, thing
from tests.nodes.explorer_drive import SECOND, Drive, FakeMemory

pytest.importorskip("nav2_msgs")

from tests.nodes.fake_nav2 import ABORT, KEEP, REJECT, SUCCEED, FakeNav2

QUICK = {"input_timeout_s": 1.0, "nav2_timeout_s": 0.6, "nav2_retry_pause_s": 0.05, "text_embedder": "none"}
NAV2 = {"map_source": "topic", "use_nav2": True, "explorer.max_failed_goals": 3}


@pytest.fixture()
def start(graph, robot_camera):
    """Bring an explorer node up with parameters."""
    drives = []

    def make(**parameters):
        drive = Drive(graph, robot_camera, **{**QUICK, **parameters})
        drives.append(drive)
        assert bring_up(drive.node)
        drive.camera.mount()
        return drive

    yield make
    for drive in drives:
        drive.client.destroy()


def plan_message(values, cell_m=0.05, origin=(-3.0, -3.0), frame="map"):
    message = OccupancyGrid()
    message.header.frame_id = frame
    message.info.height, message.info.width = values.shape
    message.info.resolution = cell_m
    message.info.origin.position.x, message.info.origin.position.y = origin
    message.data = values.astype(np.int8).ravel().tolist()
    return message


def hall(free=0, wall=100, size=120):
    """Six metres of free floor, a wall around it, open to the unknown at x = 3 m."""
    values = np.full((size, size), free)
    values[[0, -1]] = wall
    values[:, 0] = wall
    values[1:-1, -1] = -1
    return values


@pytest.fixture()
def serve(graph):
    """Start Nav2's stand-in."""
    servers = []

    def make(*answers, **options):
        servers.append(FakeNav2(graph.helper, *answers, **options))
        return servers[-1]

    yield make
    for server in servers:
        server.vanish()


class Map:
    """Somebody who publishes a floor plan."""

    def __init__(self, graph, profile=None):
        self._publisher = graph.helper.create_publisher(OccupancyGrid, "map", profile or qos.latched())

    def publish(self, message):
        self._publisher.publish(message)


def chair(drive, at=(2.0, 0.0, 0.5), label="chair"):
    return thing(4, label, at, 0.4, seen_ns=drive.stamp_ns + 3600 * SECOND)


def turning(drive, handle):
    """Feed images of a robot that turns, until the goal has ended."""
    future = handle.get_result_async()

    def turn():
        drive.yaw += 0.3
        drive.shoot()
        return future.done()

    drive.graph.until(turn, 30.0)
    return future.result()


# Kinds of goals.


def test_a_search_tells_its_choice_and_finds(graph, start):
    drive = start()
    memory = FakeMemory(graph, [chair(drive)], [room(1, "kitchen", (-3, -3), (3, 3))])
    told = graph.listen(ExplorationDecision, "explorer/decisions", qos.latched(10))
    shown = graph.listen(MarkerArray, "explorer/candidates", qos.latched())
    outcome = drive.result(drive.send(goal_kind="search", goal_text="chair", policy="information_gain"))
    assert outcome.status == GoalStatus.STATUS_SUCCEEDED
    result = outcome.result
    assert (result.error_code, result.stop_reason) == (Explore.Result.NONE, "goal_found")
    assert (result.found, result.object_id, result.decisions) == (True, 4, 1)
    graph.until(lambda: told and shown)
    decision = decision_from_message(told[-1])
    assert (decision.policy, decision.goal) == ("information_gain", "chair")
    chosen = decision.candidates[decision.chosen]
    assert (str(chosen.kind), chosen.object_id, chosen.label) == ("stop", 4, "chair")
    assert len(decision.candidates) > 1 and "chair" in decision.reason
    graph.until(lambda: {m.ns for m in shown[-1].markers} & {"candidates", "reason"})
    assert {m.ns for m in shown[-1].markers if m.ns} <= set(DECISION_NAMESPACES)
    assert set(memory.asked) == {"objects", "rooms"}


def test_the_choice_stands_in_the_feedback_while_it_is_driven(graph, start):
    drive = start()
    FakeMemory(graph, [chair(drive, (1.5, 0.5, 0.4), "table")])
    handle = drive.send(goal_kind="discover", policy="nearest_frontier", budget_m=5.0, max_decisions=9)

    def driving():
        drive.yaw += 0.25
        drive.shoot()
        return [f for f in drive.feedback if f.reason.startswith("chosen_")]

    (feedback, *_) = graph.until(driving, 20.0)
    decision = decision_from_message(feedback.decision)
    chosen = decision.candidates[decision.chosen]
    assert feedback.decision.number >= 1 and decision.reason
    assert [feedback.goal.pose.position.x, feedback.goal.pose.position.y] == pytest.approx(chosen.xy.tolist())
    assert feedback.decision.header.frame_id == "map"
    graph.until(handle.cancel_goal_async().done)


def test_a_search_for_what_is_not_there_is_not_found(graph, start):
    drive = start()
    FakeMemory(graph, [])
    handle = drive.send(goal_kind="search", goal_text="chair", policy="nearest_frontier", max_decisions=1)
    explorer = drive.node.explorer

    def chosen():
        drive.yaw += 0.25
        drive.shoot()
        return explorer.decisions

    graph.until(chosen, 20.0)
    explorer.goal_reached()  # then a second choice would be due
    result = turning(drive, handle).result
    assert (result.error_code, result.found, result.stop_reason) == (Explore.Result.NOT_FOUND, False, "budget")


def test_what_was_learned_is_kept_in_the_map_and_read_the_next_time(graph, start):
    drive = start()
    memory = FakeMemory(graph, [chair(drive)])
    search = {"goal_kind": "search", "goal_text": "chair", "policy": "information_gain"}
    assert drive.result(drive.send(**search)).result.found
    graph.until(lambda: memory.tips)
    (tip,) = memory.tips
    assert (tip.domain, tip.goal, tip.kind, tip.score, list(tip.object_ids)) == ("search", "chair", "stop", 1.0, [4])
    assert tip.policy == "information_gain" and tip.stamp.sec > 0 and "chair" in tip.text
    memory.tips[0].text = "chairs stand right here"
    handle = drive.send(**search)
    graph.until(lambda: drive.node._tips.arrived)
    assert drive.result(handle).result.found
    decision = drive.node.explorer.decisions[-1]
    assert drive.node._tips.tips("search")[0].text == "chairs stand right here"
    read = drive.node._tips.retrieve("search", np.array([tip.situation], np.float32))
    assert [t.text for t in read.tips[0]] == ["chairs stand right here"]
    assert decision.policy == "information_gain"


def test_a_cancelled_run_teaches_nothing(graph, start):
    drive = start()
    memory = FakeMemory(graph, [])
    handle = drive.send(goal_kind="discover", policy="nearest_frontier")

    def chosen():
        drive.yaw += 0.25
        drive.shoot()
        return drive.node.explorer.decisions

    graph.until(chosen, 20.0)
    graph.until(handle.cancel_goal_async().done)
    drive.result(handle)
    drive.shoot()
    assert memory.tips == []


def test_without_a_memory_a_search_ends_with_its_own_code(graph, start):
    drive = start()
    outcome = drive.result(drive.send(goal_kind="search", goal_text="chair"))
    assert outcome.status == GoalStatus.STATUS_ABORTED
    assert (outcome.result.error_code, outcome.result.stop_reason) == (Explore.Result.NO_MEMORY, "no_memory")
    assert "memory/query_objects" in outcome.result.message


def test_a_memory_that_refuses_is_quoted(graph, start):
    drive = start()
    FakeMemory(graph).refusal = "no map is open"
    outcome = drive.result(drive.send(goal_kind="verify"))
    assert outcome.result.error_code == Explore.Result.NO_MEMORY
    assert "no map is open" in outcome.result.message


def test_a_memory_that_dies_on_the_way_ends_the_run(graph, start):
    drive = start()
    memory = FakeMemory(graph, [])
    handle = drive.send(goal_kind="discover")
    drive.until(lambda: drive.node.explorer.grid.free.any() and drive.node._picture.world is not None)
    memory.vanish()
    assert drive.result(handle).result.error_code == Explore.Result.NO_MEMORY


@pytest.mark.parametrize(
    ("goal", "word"),
    [
        ({"goal_kind": "wander"}, "wander"),
        ({"goal_kind": "search"}, "goal"),
        ({"goal_kind": "discover", "budget_m": -1.0}, "budget_m"),
        ({"goal_kind": "discover", "budget_m": float("nan")}, "budget_m"),
        ({"goal_kind": "discover", "policy": "oracle"}, "information_gain"),
        ({"time_limit_s": 0.0}, "time_limit_s"),
    ],
)
def test_goals_that_make_no_sense_are_refused(start, goal, word):
    drive = start()
    result = drive.result(drive.send(**goal)).result
    assert result.error_code == Explore.Result.BAD_REQUEST and word in result.message


# Other people's floor plans.


def test_the_floor_plan_comes_from_a_topic_with_any_thresholds(graph, start):
    drive = start(map_source="topic", map_free_max=40, map_occupied_min=41)
    slam = Map(graph)
    slam.publish(plan_message(hall(free=33, wall=55)))
    drive.until(lambda: drive.node.explorer.grid.given)
    grid = drive.node.explorer.grid
    assert grid.free[grid.raster.cell(np.array([2.0, 2.0]))] and grid.occupied[grid.raster.cell(np.array([-2.98, 0.0]))]
    larger = np.full((160, 200), -1)
    larger[20:140, 60:180] = hall(free=33, wall=55)
    larger[70:90, 179:199] = 0
    slam.publish(plan_message(larger, origin=(-6.0, -4.0)))
    drive.until(lambda: grid.free[grid.raster.cell(np.array([3.5, 0.0]))])
    drive.shoot()
    assert grid.occupied[grid.raster.cell(np.array([-2.98, 0.0]))]
    shown = graph.listen(OccupancyGrid, "explorer/map", qos.latched())
    graph.until(lambda: shown or drive.shoot())
    assert drive.node.counts["stamp_order"] == 0


def test_a_volatile_map_is_heard_if_told_so(graph, start):
    drive = start(map_source="topic", map_latched=False)
    slam = Map(graph, qos.reliable())
    graph.until(lambda: drive.node.explorer.grid.given or slam.publish(plan_message(hall())) or drive.shoot())


def test_no_floor_plan_has_a_code(graph, start):
    drive = start(map_source="topic")
    outcome = drive.result(drive.send())
    assert (outcome.result.error_code, outcome.result.stop_reason) == (Explore.Result.NO_MAP, "no_map")
    assert "topic map" in outcome.result.message


def test_a_floor_plan_in_another_frame_is_refused_and_named(graph, start):
    drive = start(map_source="topic")
    slam = Map(graph)
    slam.publish(plan_message(hall(), frame="odom"))
    drive.until(lambda: drive.node.counts["floor_plan_frame"])
    assert drive.result(drive.send()).result.error_code == Explore.Result.NO_MAP


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda m: m.data.pop(), "floor_plan_invalid"),
        (lambda m: setattr(m.info, "resolution", 0.0), "floor_plan_invalid"),
        (lambda m: setattr(m.info.origin.orientation, "x", 1.0), "floor_plan_invalid"),
        (lambda m: setattr(m.info.origin.position, "x", float("nan")), "pose_not_finite"),
    ],
)
def test_broken_floor_plans_are_refused(change, reason):
    message = plan_message(hall())
    change(message)
    with pytest.raises(BadInputError) as error:
        floor_plan_from_message(message, "map")
    assert error.value.reason == reason


def test_a_floor_plan_without_orientation_lies_straight():
    message = plan_message(hall())
    message.info.origin.orientation.w = 0.0
    assert floor_plan_from_message(message, "map").origin_yaw == 0.0


def test_a_robot_walled_in_is_enclosed(graph, start):
    drive = start(map_source="topic")
    values = np.full((120, 120), 0)
    values[50:70, 50:70] = 100
    values[53:67, 53:67] = 0  # 0.7 m of free floor
    Map(graph).publish(plan_message(values))
    drive.until(lambda: drive.node.explorer.grid.given)
    handle = drive.send(time_limit_s=120.0)
    result = turning(drive, handle).result
    assert (result.error_code, result.stop_reason) == (Explore.Result.ENCLOSED, "enclosed")


# Nav2.


def test_goals_that_nav2_cannot_reach_are_retried_and_put_aside(graph, start, serve):
    drive = start(**NAV2)
    nav2 = serve(ABORT, error_code=208, error_msg="blocked by a sofa")
    Map(graph).publish(plan_message(hall()))
    drive.until(lambda: drive.node.explorer.grid.given)
    outcome = turning(drive, drive.send(time_limit_s=300.0))
    result = outcome.result
    assert outcome.status == GoalStatus.STATUS_ABORTED
    assert (result.error_code, result.stop_reason) == (Explore.Result.UNREACHABLE, "goal_unreachable")
    assert result.goals_abandoned == len(result.abandoned) == 3
    assert {(a.why, a.attempts) for a in result.abandoned} == {("no_path", 2)}
    assert "blocked by a sofa" in result.abandoned[0].detail and "208" in result.abandoned[0].detail
    assert nav2.places[0] == nav2.places[1] == (result.abandoned[0].position.x, result.abandoned[0].position.y)
    assert drive.node.counts["nav2_no_path"] == len(nav2.goals)


def test_a_rejected_goal_is_put_aside_as_rejected(graph, start, serve):
    drive = start(**NAV2)
    serve(REJECT)
    Map(graph).publish(plan_message(hall()))
    result = turning(drive, drive.send(time_limit_s=300.0)).result
    assert result.error_code == Explore.Result.UNREACHABLE
    assert {a.why for a in result.abandoned} == {"rejected"}


def test_what_nav2_says_is_reached_counts_within_its_own_tolerance(graph, start, serve):
    drive = start(**NAV2)
    nav2 = serve(SUCCEED)
    Map(graph).publish(plan_message(hall()))
    handle = drive.send(time_limit_s=300.0)

    def turn():
        drive.yaw += 0.3
        drive.shoot()
        return drive.node.explorer.goals_reached >= 2

    graph.until(turn, 20.0)
    assert len(nav2.goals) >= 2 and drive.node.explorer.goals_abandoned == 0
    graph.until(handle.cancel_goal_async().done)


def test_cancelling_stops_nav2(graph, start, serve):
    drive = start(**NAV2)
    nav2 = serve(KEEP)
    commands = graph.listen(Twist, "cmd_vel", qos.reliable())
    Map(graph).publish(plan_message(hall()))
    handle = drive.send(time_limit_s=300.0)

    def turn():
        drive.yaw += 0.3
        drive.shoot()
        return drive.node._base._nav2._handle is not None

    graph.until(turn, 20.0)
    for _ in range(25):
        drive.shoot()  # the robot stands for five seconds: Nav2 is waiting for a door, which is its own business
    assert drive.node.explorer.goals_abandoned == 0 and len(nav2.goals) == 1
    assert commands[-1].angular.z == 0, "Nav2 has the base"
    graph.until(handle.cancel_goal_async().done)
    graph.until(lambda: nav2.cancelled)


def test_without_an_action_server_the_goal_ends_as_driver_gone(graph, start):
    drive = start(**NAV2)
    Map(graph).publish(plan_message(hall()))
    result = drive.result(drive.send()).result
    assert (result.error_code, result.stop_reason) == (Explore.Result.DRIVER_GONE, "driver_gone")
    assert "navigate_to_pose" in result.message


def test_a_server_that_dies_on_the_way_ends_the_run_one_that_comes_back_does_not(graph, start, serve):
    drive = start(**NAV2, nav2_timeout_s=1.5)
    nav2 = serve(KEEP)
    Map(graph).publish(plan_message(hall()))
    handle = drive.send(time_limit_s=300.0)

    def turn():
        drive.yaw += 0.3
        drive.shoot()
        return drive.node._base._nav2.driving

    graph.until(turn, 20.0)
    nav2.vanish()
    drive.until(lambda: not drive.node._base._nav2.driving)
    assert drive.feedback[-1].reason == "waiting"
    nav2 = serve(KEEP)
    graph.until(turn, 20.0)
    assert drive.node.explorer.goals_abandoned == 0
    nav2.vanish()
    result = drive.result(handle).result
    assert result.error_code == Explore.Result.DRIVER_GONE and result.goals_abandoned == 0


def test_old_requests_go_on_as_before(start):
    drive = start()
    outcome = drive.result(drive.send(mode="frontier", time_limit_s=1.0))
    assert outcome.result.error_code == Explore.Result.TIME_LIMIT
    assert outcome.result.decisions == 0 and not outcome.result.found
    assert dataclasses.is_dataclass(drive.node.config)


@pytest.mark.parametrize("wrong", [{"map_free_max": 70, "map_occupied_min": 60}, {"policy": "oracle"}])
def test_parameters_that_cannot_work_are_refused_at_configure(graph, robot_camera, wrong):
    drive = Drive(graph, robot_camera, **QUICK, **wrong)
    assert not bring_up(drive.node)
    assert drive.node.state == "unconfigured"
    drive.client.destroy()
