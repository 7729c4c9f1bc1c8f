"""Runs launch files against the stand-in in ``fake_launch/``, never against an installed ``launch``."""

import importlib.util
import sys
from pathlib import Path

import pytest

_FAKE = Path(__file__).parent / "fake_launch"
_MODULES = ("launch", "launch_ros", "memory_agent_ros.launching")


@pytest.fixture
def run_launch_file(monkeypatch, repository):
    """Call with a file name and arguments: gives declared arguments, environment and nodes that would be started."""
    for name in [m for m in sys.modules if m.split(".")[0] in ("launch", "launch_ros") or m == _MODULES[2]]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(_FAKE))

    def run(file_name, **arguments):
        path = repository / "launch" / file_name
        spec = importlib.util.spec_from_file_location(path.name.replace(".", "_"), path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        from launch.actions import DeclareLaunchArgument
        from launch_ros.actions import Node

        from launch import LaunchContext

        context, declared, nodes = LaunchContext(arguments), {}, []
        pending = list(module.generate_launch_description().entities)
        while pending:
            action = pending.pop(0)
            if isinstance(action, DeclareLaunchArgument):
                declared[action.name] = action
            if isinstance(action, Node):
                nodes.append(action)
            pending = [*action.visit(context), *pending]
        return declared, context.environment, nodes

    yield run
    for name in [m for m in sys.modules if m.split(".")[0] in ("launch", "launch_ros") or m == _MODULES[2]]:
        sys.modules.pop(name)
