"""``ask --live``: the question goes to a running reasoner node instead of a map file."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable, Iterator


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``ask`` that need a running robot."""
    live = parser.add_argument_group("running robot (--live)")
    live.add_argument("--namespace", default="", help="namespace of the reasoner node")


def run(args: argparse.Namespace) -> int:
    """Ask over ROS; 1 if a question got no answer."""
    from memory_agent_ros.ros_environment import prepare_process

    prepare_process()
    from memory_agent_ros.nodes.ask_client import ask_live

    return ask_live(
        questions(args.question, args.dialogue, sys.stdin),
        namespace=args.namespace,
        dialogue=f"terminal {os.getpid()} {time.time_ns()}" if args.dialogue else "",
        think=args.think,
        budget_s=args.budget,
        as_json=args.json,
    )


def questions(first: str | None, dialogue: bool, lines: Iterable[str]) -> Iterator[str]:
    """The question of the command line, then in a dialogue those typed, until an empty line or the end."""
    if first:
        yield first
    if not dialogue:
        return
    for line in lines:
        if not line.strip():
            return
        yield line.strip()
