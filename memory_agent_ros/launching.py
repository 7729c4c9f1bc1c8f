"""Turns :mod:`memory_agent_ros.bringup` into a launch description. The only module that imports ``launch``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from launch import LaunchDescription
from memory_agent_ros.bringup import LaunchArgument, NodeSpec, environment


def describe(
    arguments: Sequence[LaunchArgument], nodes_of: Callable[[Mapping[str, str]], list[NodeSpec]]
) -> LaunchDescription:
    """Arguments declared, then environment and nodes as ``nodes_of`` gives them for the values at launch time.

    Args:
        arguments: what the launch file takes.
        nodes_of: argument values by name -> nodes; ``robot_nodes`` or ``simulation_nodes``.
    """
    declared = [
        DeclareLaunchArgument(a.name, default_value=a.default, description=a.description, choices=a.choices or None)
        for a in arguments
    ]

    def start(context: Any) -> list[Any]:
        values = {a.name: LaunchConfiguration(a.name).perform(context) for a in arguments}
        variables = [SetEnvironmentVariable(name, value) for name, value in environment(values).items()]
        return [*variables, *(action(spec) for spec in nodes_of(values))]

    return LaunchDescription([*declared, OpaqueFunction(function=start)])


def action(spec: NodeSpec) -> Node:
    """The launch action that starts one node."""
    return Node(
        package=spec.package,
        executable=spec.executable,
        name=spec.name,
        namespace=spec.namespace,
        arguments=list(spec.arguments),
        ros_arguments=spec.ros_arguments(),
        additional_env=dict(spec.environment),
        respawn=spec.respawn,
        respawn_delay=1.0,
        output="screen",
    )
