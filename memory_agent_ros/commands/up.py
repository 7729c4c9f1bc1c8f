"""Start the nodes of a robot or of the simulation, without ros2 launch, until Ctrl-C.

Takes the same NAME:=VALUE arguments as the launch files (``--show-args`` lists them).
"""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``up [robot|simulation] [NAME:=VALUE ...]``."""
    parser.add_argument("target", nargs="?", default="robot", choices=("robot", "simulation"), help="what to start")
    parser.add_argument("values", nargs="*", metavar="NAME:=VALUE", help="launch arguments")
    parser.add_argument("--show-args", action="store_true", help="list the launch arguments and stop")
    parser.add_argument("--log-dir", type=Path, default=None, metavar="DIR", help="folder for one log file per node")


def run(args: argparse.Namespace) -> int:
    """Stay until a signal; 1 if a node died."""
    from memory_agent_ros import bringup
    from memory_agent_ros.records.errors import BadInputError
    from memory_agent_ros.ros_environment import refuse_mixed_environments

    known = bringup.SIMULATION_ARGUMENTS if args.target == "simulation" else bringup.ROBOT_ARGUMENTS
    if args.show_args:
        for argument in known:
            choices = f" [{'|'.join(argument.choices)}]" if argument.choices else ""
            print(f"{argument.name}:={argument.default or chr(39) * 2}{choices}\n    {argument.description}")
        return 0
    values = {}
    for word in args.values:
        name, sign, value = word.partition(":=")
        if not sign:
            raise BadInputError("launch_argument", f"{word!r} should read NAME:=VALUE, for example seed:=3")
        values[name] = value
    refuse_mixed_environments()
    nodes = bringup.simulation_nodes(values) if args.target == "simulation" else bringup.robot_nodes(values)
    from memory_agent_ros.nodes import supervisor

    return supervisor.run(nodes, bringup.environment(values), args.log_dir)
