from __future__ import annotations

import sys
import types
from collections import Counter

import numpy as np
import pytest
from tf2_msgs.msg import TFMessage

from memory_agent_ros.geometry.se3 import planar
from memory_agent_ros.geometry.transform_tree import TransformTree
from memory_agent_ros.nodes import qos, tf
from memory_agent_ros.nodes.conversions import time_message, transform_stamped

SECOND = 1_000_000_000


@pytest.fixture()
def talk(graph):
    """A buffer that listens, and publishers of /tf and /tf_static."""
    counts = Counter()
    buffer = tf.TopicTransformBuffer(graph.helper, 10.0, counts)
    moving = graph.helper.create_publisher(TFMessage, "/tf", qos.tf())
    static = graph.helper.create_publisher(TFMessage, "/tf_static", qos.tf_static())
    graph.until(lambda: moving.get_subscription_count() and static.get_subscription_count())

    def known(*arguments):
        try:
            return buffer.lookup(*arguments) is not None
        except tf.TransformUnavailableError:
            return False

    yield buffer, moving, static, counts, known
    buffer.close()


def test_chain_of_static_and_moving_links_is_interpolated(graph, talk):
    buffer, moving, static, _, known = talk
    tf.send_transforms(static, [("base", "camera", 0, planar(0.1, 0.0, 0.0, 1.2))])
    tf.send_transforms(moving, [("map", "base", SECOND, planar(0, 0, 0)), ("map", "base", 3 * SECOND, planar(2, 0, 1))])
    graph.until(lambda: known("map", "camera", 2 * SECOND))
    np.testing.assert_allclose(
        buffer.lookup("map", "camera", 2 * SECOND), planar(1.0, 0.0, 0.5) @ planar(0.1, 0.0, 0.0, 1.2), atol=1e-9
    )


def test_late_and_early_are_told_apart(graph, talk):
    buffer, moving, _, _, known = talk
    tf.send_transforms(moving, [("map", "base", SECOND, planar(0, 0, 0))])
    graph.until(lambda: known("map", "base", SECOND))
    with pytest.raises(tf.TransformUnavailableError) as late:
        buffer.lookup("map", "base", 2 * SECOND)
    assert (late.value.reason, late.value.may_come) == ("tf_future", True)
    with pytest.raises(tf.TransformUnavailableError) as early:
        buffer.lookup("map", "base", SECOND // 2)
    assert (early.value.reason, early.value.may_come) == ("tf_past", False)


def test_time_that_runs_back_clears_moving_links_only(graph, talk):
    _, moving, static, counts, known = talk
    tf.send_transforms(static, [("base", "camera", 0, planar(0, 0, 0))])
    tf.send_transforms(moving, [("map", "base", 100 * SECOND, planar(0, 0, 0))])
    graph.until(lambda: known("map", "camera", 100 * SECOND))
    tf.send_transforms(moving, [("map", "base", 10 * SECOND, planar(0, 0, 0))])
    graph.until(lambda: known("map", "camera", 10 * SECOND))
    assert not known("map", "camera", 100 * SECOND)
    assert counts["tf_time_jump"] == 1


def test_future_dated_localisation_is_no_time_jump(graph, talk):
    """Localisation stamps map <- odom into the future; odometry of now must not look like time running back."""
    _, moving, _, counts, known = talk
    tf.send_transforms(
        moving, [("map", "odom", 10 * SECOND, planar(0, 0, 0)), ("map", "odom", 13 * SECOND, planar(0, 0, 0))]
    )
    tf.send_transforms(moving, [("odom", "base", 11 * SECOND, planar(0, 0, 0))])
    graph.until(lambda: known("map", "base", 11 * SECOND))
    assert not counts


def test_missing_link_is_named():
    tree = TransformTree()
    tree.add("odom", "base_link", 0, np.eye(4))
    tree.add("base_link", "camera", 0, np.eye(4), static=True)
    assert tf.missing_link(tree, "odom", "camera") is None
    assert tf.missing_link(tree, "map", "camera") == "no transform map <- camera: nobody publishes frame map"
    assert tf.missing_link(tree, "odom", "lidar") == "no transform odom <- lidar: nobody publishes frame lidar"
    tree.add("map", "dock", 0, np.eye(4), static=True)
    assert tf.missing_link(tree, "map", "camera") == "no transform map <- odom"


class StandInError(Exception):
    pass


class StandInExtrapolationError(StandInError):
    pass


class StandInBuffer:
    """tf2's buffer as far as it is used; ``answer`` is given back or raised."""

    def __init__(self, cache_time=None, node=None):
        self.answer = StandInError('"map" passed to lookupTransform argument target_frame does not exist.')

    def lookup_transform(self, target, source, at):
        if isinstance(self.answer, Exception):
            raise self.answer
        return transform_stamped(target, source, at.to_msg(), self.answer)

    def clear(self):
        self.answer = StandInError("cleared")


class StandInListener:
    def __init__(self, buffer, node, *, spin_thread=False):
        self.listening = True

    def unregister(self):
        self.listening = False


def test_tf2_is_used_where_it_is_installed(graph, monkeypatch):
    module = types.ModuleType("tf2_ros")
    module.TransformException, module.ExtrapolationException = StandInError, StandInExtrapolationError
    module.Buffer, module.TransformListener = StandInBuffer, StandInListener
    monkeypatch.setitem(sys.modules, "tf2_ros", module)
    monkeypatch.setattr(tf.importlib.util, "find_spec", lambda name: module)
    buffer = tf.make_transform_buffer(graph.helper)
    assert isinstance(buffer, tf.Tf2Buffer)

    def refusal():
        with pytest.raises(tf.TransformUnavailableError) as error:
            buffer.lookup("map", "camera", SECOND)
        return error.value

    assert refusal().reason == "tf_missing" and "map <- camera" in str(refusal())
    buffer._buffer.answer = module.ExtrapolationException("Lookup would require extrapolation into the future.")
    assert refusal().reason == "tf_future"
    buffer._buffer.answer = module.ExtrapolationException("Lookup would require extrapolation into the past.")
    assert refusal().reason == "tf_past"
    buffer._buffer.answer = planar(1.0, 2.0, 0.3)
    np.testing.assert_allclose(buffer.lookup("map", "camera", SECOND), planar(1.0, 2.0, 0.3), atol=1e-12)
    with pytest.raises(tf.TransformUnavailableError, match="no stamp"):
        buffer.lookup("map", "camera", 0)
    buffer.clear()
    assert refusal().reason == "tf_missing"
    buffer.close()
    assert not buffer._listener.listening


def test_time_message_of_links():
    link = transform_stamped("a", "b", time_message(3 * SECOND + 5), np.eye(4))
    assert (link.header.stamp.sec, link.header.stamp.nanosec) == (3, 5)
