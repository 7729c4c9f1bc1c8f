"""Who may publish, hear, ask and answer what: the table from which the SROS 2 policy is written.

``python -m memory_agent_ros.access_policy config/sros2/policy.xml`` writes the file again. Each node runs in an enclave
of its own, so that a stolen key opens only what that node needs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

#: Where the enclaves lie.
ENCLAVES = "/memory_agent"
VERSION = "0.2.0"

_PARAMETERS = (
    "describe_parameters", "get_parameter_types", "get_parameters", "list_parameters", "set_parameters",
    "set_parameters_atomically",
)  # fmt: skip
_LIFECYCLE = (
    "change_state", "get_available_states", "get_available_transitions", "get_state", "get_transition_graph",
)  # fmt: skip
#: What every node has: its private names begin with ``~``.
COMMON_REPLY = frozenset(f"~/{name}" for name in (*_PARAMETERS, "get_type_description"))
LIFECYCLE_REPLY = frozenset(f"~/{name}" for name in _LIFECYCLE)
COMMON_PUBLISH = frozenset({"/rosout", "/parameter_events", "/diagnostics"})
COMMON_SUBSCRIBE = frozenset({"/clock", "/parameter_events"})
LIFECYCLE_PUBLISH = frozenset({"~/transition_event"})

_CAMERA = ("camera/color/image_raw", "camera/depth/image_raw", "camera/color/camera_info")
_TRUTH = ("camera/instances", "camera/instance_labels")
_TF = ("/tf", "/tf_static")
_SHOWN = ("memory/events", "memory/markers", "memory/points", "memory/structure", "memory/expected")
_EXPLORER_SHOWN = ("explorer/map", "explorer/frontiers", "explorer/path", "explorer/candidates", "explorer/decisions")
_REASONER_SHOWN = ("reasoner/answer", "reasoner/evidence", "reasoner/markers")
_ASKED = ("memory/query_objects", "memory/picture")
_LOOKED_AT = (
    "memory/corrections", "memory/receipts", "memory/provenance", "memory/verify", "memory/prove",
)  # fmt: skip
#: Services that change, erase or give away the memory: for the operator only.
_KEPT_BACK = ("memory/edit_object", "memory/forget_objects", "memory/save", "memory/load")
_ADAPTERS = ("adapters/internalize", "adapters/list", "adapters/drop", "adapters/recall")


@dataclass(frozen=True)
class Access:
    """What one node may do; names without a leading slash are relative to its namespace, ``~/`` to the node.

    Attributes:
        publish, subscribe: topics. reply, request: services. execute, call: actions.
        optional: those of them that it uses only with some parameters, or with some other node there.
        lifecycle: whether a lifecycle manager starts it.
        ours: whether it is a node of this package (others are people and their tools).
    """

    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()
    reply: tuple[str, ...] = ()
    request: tuple[str, ...] = ()
    execute: tuple[str, ...] = ()
    call: tuple[str, ...] = ()
    optional: frozenset[str] = field(default_factory=frozenset)
    lifecycle: bool = True
    ours: bool = True


_MANAGED = ("memory_node", "perception_node", "explorer_node", "reasoner_node", "adapter_node", "sim_node")

NODES: Mapping[str, Access] = {
    "memory_node": Access(
        publish=(*_SHOWN, "memory/frame_done"),
        subscribe=("observations", "pose_graph", *_TF),
        reply=(*_ASKED, "memory/tips", *_LOOKED_AT, *_KEPT_BACK),
    ),
    "perception_node": Access(
        publish=("observations",),
        subscribe=(
            *_CAMERA, "camera/color/image_raw/compressed", "camera/depth/image_raw/compressedDepth",
            "camera/depth/camera_info", *_TRUTH, *_TF,
        ),
        optional=frozenset(
            {
                "camera/color/image_raw/compressed", "camera/depth/image_raw/compressedDepth",
                "camera/depth/camera_info", *_TRUTH,
            }
        ),
    ),
    "explorer_node": Access(
        publish=("cmd_vel", *_EXPLORER_SHOWN),
        subscribe=("camera/depth/image_raw", "camera/color/camera_info", "map", *_TF),
        request=(*_ASKED, "memory/tips"),
        execute=("explore",),
        call=("navigate_to_pose",),
        optional=frozenset({"map", "navigate_to_pose", "cmd_vel", *_ASKED, "memory/tips"}),
    ),
    "reasoner_node": Access(
        publish=_REASONER_SHOWN,
        subscribe=("reasoner/question", *_TF),
        request=(*_ASKED, "adapters/recall"),
        execute=("answer_question",),
        call=("explore",),
        optional=frozenset({"adapters/recall", "explore", *_TF}),
    ),
    "adapter_node": Access(
        subscribe=("memory/events",), reply=_ADAPTERS, request=_ASKED, optional=frozenset({"memory/picture"})
    ),
    "sim_node": Access(
        publish=(
            "/clock", *_CAMERA, *_TRUTH, "odom", "sim/true_pose", "sim/truth", "pose_graph", *_TF,
        ),
        subscribe=("cmd_vel", "sim/edit", "memory/frame_done"),
        optional=frozenset({"pose_graph", "sim/true_pose", "sim/truth", *_TRUTH, "memory/frame_done"}),
    ),
    "lifecycle_manager": Access(
        request=tuple(f"{node}/{service}" for node in _MANAGED for service in ("change_state", "get_state")),
        lifecycle=False,
    ),
    "rviz2": Access(
        publish=("goal_pose", "initialpose", "clicked_point"),
        subscribe=(*_SHOWN, *_EXPLORER_SHOWN, *_REASONER_SHOWN, *_CAMERA, *_TF),
        lifecycle=False,
        ours=False,
    ),
    "operator": Access(
        publish=("reasoner/question", "sim/edit"),
        subscribe=(*_SHOWN, "memory/frame_done", *_EXPLORER_SHOWN, *_REASONER_SHOWN, "/diagnostics", "/rosout"),
        request=(
            *_ASKED, "memory/tips", *_LOOKED_AT, *_KEPT_BACK, *_ADAPTERS,
            *(f"{node}/{service}" for node in _MANAGED for service in _LIFECYCLE),
            *(f"{node}/{service}" for node in _MANAGED for service in _PARAMETERS),
        ),
        call=("explore", "answer_question"),
        lifecycle=False,
        ours=False,
    ),
}  # fmt: skip


def allowed(name: str) -> dict[str, set[str]]:
    """Everything a node may do, what all nodes have included, by verb."""
    access = NODES[name]
    rules = {verb: set(getattr(access, verb)) for verb in _VERBS}
    rules["publish"] |= COMMON_PUBLISH | (LIFECYCLE_PUBLISH if access.lifecycle else set())
    rules["subscribe"] |= COMMON_SUBSCRIBE
    rules["reply"] |= COMMON_REPLY | (LIFECYCLE_REPLY if access.lifecycle else set())
    return rules


#: Verb -> element that holds the rules, and element of one.
_VERBS = {
    "publish": ("topics", "topic"),
    "subscribe": ("topics", "topic"),
    "reply": ("services", "service"),
    "request": ("services", "service"),
    "execute": ("actions", "action"),
    "call": ("actions", "action"),
}


def policy_xml(namespace: str = "", names: Iterable[str] = tuple(NODES)) -> str:
    """The policy of SROS 2, one enclave for each node.

    Args:
        namespace: of the nodes, as the launch argument.
        names: of the nodes that get an enclave.
    """
    policy = ElementTree.Element("policy", version=VERSION)
    contexts = ElementTree.SubElement(policy, "contexts")
    for name in names:
        context = ElementTree.SubElement(contexts, "context", path=f"{ENCLAVES}/{name}")
        profiles = ElementTree.SubElement(context, "profiles")
        profile = ElementTree.SubElement(profiles, "profile", ns=f"/{namespace.strip('/')}", node=name)
        for verb, granted in allowed(name).items():
            if granted:
                group, item = _VERBS[verb]
                rules = ElementTree.SubElement(profile, group, {verb: "ALLOW"})
                for rule in sorted(granted):
                    ElementTree.SubElement(rules, item).text = rule.replace("~/", "~", 1)
    ElementTree.indent(policy)
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    note = "<!-- Written by: python -m memory_agent_ros.access_policy FILE [NAMESPACE]; change the table there. -->\n"
    return head + note + ElementTree.tostring(policy, encoding="unicode") + "\n"


def main(arguments: list[str]) -> int:
    """Write the policy: ``FILE [NAMESPACE]``."""
    if not arguments or len(arguments) > 2:
        print("usage: python -m memory_agent_ros.access_policy FILE [NAMESPACE]", file=sys.stderr)
        return 2
    Path(arguments[0]).write_text(policy_xml(*arguments[1:]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
