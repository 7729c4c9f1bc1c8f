"""Tips of the explorer through the memory node, into the map file and back."""

from __future__ import annotations

import numpy as np
import pytest
from rclpy.parameter import Parameter

from memory_agent_msgs.srv import Tips
from memory_agent_ros.nodes.memory_node import MemoryNode
from memory_agent_ros.nodes.node_base import bring_up
from memory_agent_ros.nodes.tips_exchange import RemoteTips, tip_from_message, tip_message
from memory_agent_ros.records.tip import Tip, TipSource


def tip(text="mugs stand in kitchens", score=1.0, key=(0.6, 0.8), world="flat"):
    return Tip(
        domain="search",
        goal="mug",
        situation=np.array(key, np.float32),
        choice=np.array([0.5, -1.0, 2.0], np.float32),
        kind="room",
        score=score,
        text=text,
        source=TipSource("run 7", 3, "learned/1", 12_000_000_005, world),
        objects=(4, 9),
    )


def same(ours, theirs):
    np.testing.assert_array_equal(ours.situation, theirs.situation)
    np.testing.assert_array_equal(ours.choice, theirs.choice)
    names = ("domain", "goal", "kind", "score", "text", "source", "objects")
    return all(getattr(ours, name) == getattr(theirs, name) for name in names)


@pytest.fixture()
def tips(graph):
    problems = []
    remote = RemoteTips(graph.helper, problems.append)
    remote.problems = problems
    yield remote
    remote.close()


def remembering(graph, tmp_path):
    settings = {"map_path": str(tmp_path / "home.map"), "text_embedder": "none"}
    node = graph.add(MemoryNode(parameter_overrides=[Parameter(n, value=v) for n, v in settings.items()]))
    assert bring_up(node)
    return node


def fetched(graph, tips, domain="search"):
    tips.fetch(domain)
    graph.until(lambda: domain in tips.arrived)
    return tips.tips(domain)


def test_a_tip_survives_the_message():
    assert same(tip(), tip_from_message(tip_message(tip())))
    assert tip_from_message(tip_message(tip(world="")), "home.map").source.world == "home.map"


def test_tips_are_kept_in_the_map_and_come_back(graph, tips, tmp_path):
    node = remembering(graph, tmp_path)
    graph.until(tips._client.service_is_ready)
    tips.add([tip(), tip("beds bear no mugs", 0.0, (1.0, 0.0), world="")])
    first, second = graph.until(lambda: fetched(graph, tips))
    assert same(first, tip())
    assert second.source.world.endswith("home.map")
    assert [t.text for t in node.memory.tips.of("search")] == ["mugs stand in kitchens", "beds bear no mugs"]
    (near,) = tips.retrieve("search", np.array([[0.6, 0.8]], np.float32)).tips
    assert [t.text for t in near] == ["mugs stand in kitchens", "beds bear no mugs"]
    assert tips.retrieve("search", np.ones((1, 3), np.float32)).tips == ((),), "keys of other features find nothing"
    assert fetched(graph, tips, "verify") == []


def test_what_cannot_be_kept_is_refused_as_a_whole(graph, tips, tmp_path):
    node = remembering(graph, tmp_path)
    graph.until(tips._client.service_is_ready)
    tips.add([tip(), tip(score=2.0)])
    graph.until(lambda: tips.problems)
    assert "score" in tips.problems[0]
    assert node.memory.tips.of("search") == []


def test_without_a_memory_node_nothing_waits(tips):
    tips.fetch("search")
    tips.add([tip()])
    assert len(tips.problems) == 2 and "memory/tips" in tips.problems[0]
    assert tips.retrieve("search", np.ones((1, 2), np.float32)).tips == ((),)


def test_a_request_that_asks_for_nothing_gets_nothing(graph, tmp_path):
    remembering(graph, tmp_path)
    answer = graph.call(Tips, "memory/tips", Tips.Request())
    assert answer.success and list(answer.tips) == [] and answer.fresh == 0
