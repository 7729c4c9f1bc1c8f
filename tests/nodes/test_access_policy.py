"""The SROS 2 policy gives each node what it really uses, and nothing else."""

import contextlib
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from rclpy.action import get_action_client_names_and_types_by_node, get_action_server_names_and_types_by_node
from rclpy.parameter import Parameter

from memory_agent_ros.access_policy import COMMON_SUBSCRIBE, ENCLAVES, NODES, allowed, policy_xml
from memory_agent_ros.nodes.explorer_node import ExplorerNode
from memory_agent_ros.nodes.memory_node import MemoryNode
from memory_agent_ros.nodes.node_base import bring_up
from memory_agent_ros.nodes.perception_node import PerceptionNode
from memory_agent_ros.nodes.reasoner_node import ReasonerNode

#: Not there in every release, or not for the second node of a name in one process.
_PERHAPS = frozenset({"~/get_type_description", "/rosout"})
SETTINGS = {
    "memory_node": (MemoryNode, {"text_embedder": "none"}),
    "perception_node": (PerceptionNode, {"detector": "ground_truth"}),
    "explorer_node": (ExplorerNode, {}),
    "reasoner_node": (ReasonerNode, {"model": "none", "adapters": True, "query_timeout_s": 1.0}),
    "adapter_node": (None, {"query_timeout_s": 1.0}),
}


def tiny_adapter_node() -> type:
    """The adapter node with a tiny random model."""
    for package in ("torch", "peft"):
        pytest.importorskip(package)
    from memory_agent_ros.nodes.adapter_node import AdapterNode
    from tests.adapters.small import tiny_kit

    return type("TinyAdapterNode", (AdapterNode,), {"make_kit": lambda self: tiny_kit()})


def relative(name: str, node: str) -> str:
    """As the table writes it."""
    private, root = f"/{node}/", ("/tf", "/clock", "/rosout", "/parameter_events", "/diagnostics")
    if name.startswith(private):
        return "~/" + name.removeprefix(private)
    return name if name.startswith(root) else name.removeprefix("/")


def used(node, name: str) -> dict[str, set[str]]:
    """What the graph says that a node does, by verb; what actions are made of counts as the action."""
    actions = {
        "execute": get_action_server_names_and_types_by_node(node, name, "/"),
        "call": get_action_client_names_and_types_by_node(node, name, "/"),
    }
    plain = {
        "publish": node.get_publisher_names_and_types_by_node(name, "/"),
        "subscribe": node.get_subscriber_names_and_types_by_node(name, "/"),
        "reply": node.get_service_names_and_types_by_node(name, "/"),
        "request": node.get_client_names_and_types_by_node(name, "/"),
    }
    found = {
        verb: {relative(topic, name) for topic, _ in pairs if "/_action/" not in topic} for verb, pairs in plain.items()
    }
    return found | {verb: {relative(topic, name) for topic, _ in pairs} for verb, pairs in actions.items()}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_node_uses_what_the_policy_gives_it_and_nothing_else(graph, name: str) -> None:
    kind, settings = SETTINGS[name]
    kind = kind or tiny_adapter_node()
    own = f"policy_{name}"  # no other test's: the graph of a process keeps what a name once had
    overrides = [Parameter(n, value=v) for n, v in settings.items()]
    node = graph.add(kind(node_name=own, parameter_overrides=overrides))
    assert bring_up(node)
    granted, optional = allowed(name), NODES[name].optional | COMMON_SUBSCRIBE | _PERHAPS

    def misfits() -> list[str]:
        found = used(node, own)
        beyond = [f"may not {verb} {rule}" for verb, rules in granted.items() for rule in sorted(found[verb] - rules)]
        idle = [f"never {verb} {r}" for verb, rules in granted.items() for r in sorted(rules - found[verb] - optional)]
        return beyond + idle

    with contextlib.suppress(AssertionError):
        graph.until(lambda: not misfits())
    assert misfits() == []


def test_the_shipped_file_is_the_written_one() -> None:
    shipped = Path(__file__).parents[2] / "config" / "sros2" / "policy.xml"
    assert shipped.read_text(encoding="utf-8") == policy_xml()


def test_only_the_operator_may_change_or_erase() -> None:
    kept_back = {"memory/edit_object", "memory/forget_objects", "memory/save", "memory/load"}
    assert {name for name in NODES if kept_back & allowed(name)["request"]} == {"operator"}
    assert allowed("operator")["request"] >= kept_back
    assert {name for name in NODES if "observations" in allowed(name)["publish"]} == {"perception_node"}
    assert {name for name in NODES if "cmd_vel" in allowed(name)["publish"]} == {"explorer_node"}


def test_every_rule_is_answered_by_somebody() -> None:
    """What is subscribed or requested within the package is published or answered within it."""
    offered = {rule for name in NODES for verb in ("reply", "execute") for rule in allowed(name)[verb]}
    offered |= {f"{name}/{rule.removeprefix('~/')}" for name in NODES for rule in allowed(name)["reply"]}
    asked = {rule for name in NODES for verb in ("request", "call") for rule in allowed(name)[verb]}
    assert asked - offered == {"navigate_to_pose"}  # Nav2's


def test_the_file_has_the_form_of_sros2() -> None:
    root = ElementTree.fromstring(policy_xml("robot1").encode())
    assert (root.tag, root.attrib) == ("policy", {"version": "0.2.0"})
    contexts = root.findall("./contexts/context")
    assert [c.get("path") for c in contexts] == [f"{ENCLAVES}/{name}" for name in NODES]
    for context in contexts:
        (profile,) = context.findall("./profiles/profile")
        assert profile.get("ns") == "/robot1" and f"{ENCLAVES}/{profile.get('node')}" == context.get("path")
        for group in profile:
            ((verb, rule),) = group.attrib.items()
            assert rule == "ALLOW" and verb in ("publish", "subscribe", "reply", "request", "execute", "call")
            assert {item.tag for item in group} == {group.tag.removesuffix("s")}
            assert all(item.text and " " not in item.text and "~/" not in item.text for item in group)
