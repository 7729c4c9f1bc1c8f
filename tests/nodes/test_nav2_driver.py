"""Every way a goal can end in Nav2, against an action server over real DDS."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from memory_agent_ros.exploration.codes import AbandonReason
from memory_agent_ros.nodes import nav2_driver
from memory_agent_ros.records.errors import MissingExtraError

pytest.importorskip("nav2_msgs")

from tests.nodes.fake_nav2 import ABORT, CANCEL, KEEP, REJECT, SUCCEED, FakeNav2

SECOND = 1_000_000_000
GOAL = np.array([1.0, 1.0])


class Trip:
    """A driver, the server it meets, and a clock that the test moves."""

    def __init__(self, graph, *answers, **server):
        self.graph, self.now_ns = graph, 0
        self.nav2 = FakeNav2(graph.helper, *answers, **server)
        self.driver = nav2_driver.Nav2Driver(graph.helper, nav2_driver.navigate_to_pose_type())
        graph.until(lambda: self.driver.available)

    def go(self, goal=GOAL):
        return self.driver.drive_to(np.asarray(goal), np.zeros(2), "map", SECOND, self.now_ns)

    def end(self):
        found = []
        self.graph.until(lambda: found or found.extend([o for o in [self.driver.outcome(self.now_ns)] if o]))
        return found[0]

    def close(self):
        self.driver.destroy()
        self.nav2.vanish()


@pytest.fixture()
def trip(graph):
    made = []

    def make(*answers, **server):
        made.append(Trip(graph, *answers, **server))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_the_goal_is_sent_once_faces_ahead_and_is_reached(trip):
    nav2 = trip(SUCCEED)
    assert nav2.go() and nav2.go([1.0, 1.01])
    outcome = nav2.end()
    assert outcome.why is None and outcome.goal_xy.tolist() == [1.0, 1.0]
    assert nav2.nav2.places == [(1.0, 1.0)]
    pose = nav2.nav2.goals[0]
    assert pose.header.frame_id == "map" and pose.header.stamp.sec == 1
    assert pose.pose.orientation.z == pytest.approx(np.sin(np.pi / 8))
    assert nav2.driver.outcome(0) is None and not nav2.driver.driving


def test_a_rejected_goal_says_so_and_is_sent_again_after_a_pause(trip):
    nav2 = trip(REJECT, SUCCEED)
    nav2.go()
    assert nav2.end().why is AbandonReason.REJECTED
    assert not nav2.go()
    nav2.now_ns += SECOND
    assert nav2.go() and nav2.end().why is None
    assert len(nav2.nav2.goals) == 2


@pytest.mark.parametrize(
    ("code", "why", "words"),
    [
        (208, AbandonReason.NO_PATH, "no valid path"),
        (204, AbandonReason.NO_PATH, "outside"),
        (206, AbandonReason.NO_PATH, "occupied"),
        (205, AbandonReason.BLOCKED, "robot's place"),
        (106, AbandonReason.BLOCKED, "control"),
        (105, AbandonReason.STUCK, "progress"),
        (9002, AbandonReason.DRIVER_FAILED, "transform"),
        (4711, AbandonReason.DRIVER_FAILED, "4711"),
        (0, AbandonReason.DRIVER_FAILED, "code 0"),
    ],
)
def test_error_codes_become_reasons(trip, code, why, words):
    nav2 = trip(ABORT, error_code=code, error_msg="said Nav2")
    nav2.go()
    outcome = nav2.end()
    assert outcome.why is why
    assert words in outcome.detail and "said Nav2" in outcome.detail


def test_results_without_a_code_are_understood():
    why, detail = nav2_driver._failure(object())  # Nav2 of Humble
    assert why is AbandonReason.DRIVER_FAILED and "aborted" in detail


def test_stopping_cancels_and_reports_nothing(trip):
    nav2 = trip(KEEP)
    nav2.go()
    nav2.graph.until(lambda: nav2.driver._handle is not None)
    nav2.driver.stop()
    nav2.graph.until(lambda: nav2.nav2.cancelled)
    assert nav2.driver.outcome(0) is None and not nav2.driver.driving


def test_stopping_before_the_answer_cancels_when_it_comes(trip):
    nav2 = trip(KEEP)
    nav2.go()
    nav2.driver.stop()
    nav2.graph.until(lambda: nav2.nav2.cancelled)
    assert nav2.driver.outcome(0) is None


def test_a_new_goal_takes_the_place_of_the_old_one_whose_end_is_not_told(trip):
    nav2 = trip(KEEP, SUCCEED)
    nav2.go()
    nav2.graph.until(lambda: nav2.driver._handle is not None)
    nav2.go([2.0, 0.0])
    outcome = nav2.end()
    assert outcome.why is None and outcome.goal_xy.tolist() == [2.0, 0.0]
    nav2.nav2.kept[0].execute()
    for _ in range(20):
        nav2.graph.executor.spin_once(timeout_sec=0.01)
    assert nav2.driver.outcome(0) is None


def test_somebody_elses_cancel_is_a_failure(trip):
    nav2 = trip(CANCEL)
    nav2.go()
    outcome = nav2.end()
    assert outcome.why is AbandonReason.DRIVER_FAILED and "somebody else" in outcome.detail


def test_a_server_that_goes_away_is_no_failure_of_the_goal_which_is_sent_again(trip, graph):
    nav2 = trip(KEEP)
    nav2.go()
    nav2.graph.until(lambda: nav2.driver._handle is not None)
    nav2.nav2.vanish()
    graph.until(lambda: nav2.driver.outcome(0) is None and not nav2.driver.driving)
    assert not nav2.driver.available and not nav2.go()
    nav2.nav2 = FakeNav2(graph.helper, SUCCEED)
    graph.until(nav2.go)
    assert nav2.end().why is None


def test_a_goal_that_is_never_answered_fails_in_time(trip, monkeypatch):
    nav2 = trip(SUCCEED)
    silent = type("Future", (), {"add_done_callback": lambda self, callback: None})()
    monkeypatch.setattr(nav2.driver._client, "send_goal_async", lambda goal: silent)
    nav2.go()
    assert nav2.driver.outcome(4 * SECOND) is None
    outcome = nav2.driver.outcome(6 * SECOND)
    assert outcome.why is AbandonReason.DRIVER_FAILED and "neither accepted nor rejected" in outcome.detail


def test_without_nav2_msgs_the_user_learns_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="nav2-msgs"):
        nav2_driver.navigate_to_pose_type()
