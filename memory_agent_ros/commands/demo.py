"""Show it all: a simulated robot explores, the world changes behind its back, it notices and answers questions.

Starts the real ROS 2 nodes with a MuJoCo apartment and writes a report, the map, a bag, a Rerun file and a film.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from memory_agent_ros.commands.output import print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``demo [--split S] [--seed N] [--out DIR]``."""
    parser.add_argument("--split", default="test", choices=("train", "val", "test"))
    parser.add_argument("--seed", type=int, default=3, help="which apartment of the split, any integer")
    parser.add_argument("--rooms", type=int, default=3, help="3 to 6")
    parser.add_argument(
        "--policy",
        default="learned",
        help="who chooses where to explore: learned, frontier, nearest_frontier, information_gain, ...",
    )
    parser.add_argument("--out", type=Path, default=Path("out/demo"), metavar="DIR")
    parser.add_argument("--film", choices=("gif", "mp4", "none"), default="gif", help="kind of the small film")
    parser.add_argument("--json", action="store_true", help="print what happened as JSON")


def run(args: argparse.Namespace) -> int:
    """0 if the robot finished its rounds, whatever it answered."""
    from memory_agent_ros.ros_environment import prepare_process

    prepare_process()
    from memory_agent_ros.nodes.demo.config import DemoConfig
    from memory_agent_ros.nodes.demo.run import run_demo

    config = DemoConfig(
        split=args.split, seed=args.seed, rooms=args.rooms, policy=args.policy, out=args.out, film=args.film
    )
    result = run_demo(config, quiet=args.quiet)
    if args.json:
        print_json(result.to_dict())
    return 0
