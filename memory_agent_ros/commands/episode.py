"""Run one simulated episode in this process, without ROS, and print what happened."""

from __future__ import annotations

import argparse
from pathlib import Path

from memory_agent_ros.commands.output import print_json, write_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``episode --split S --seed N --policy P --json F``."""
    parser.add_argument("--split", default="train", choices=("train", "val", "test"))
    parser.add_argument("--seed", type=int, default=0, help="which apartment of the split, any integer")
    parser.add_argument("--policy", default="frontier", help="how the robot explores (frontier)")
    parser.add_argument("--rooms", type=int, default=None, help="3 to 6; left to the seed if not given")
    parser.add_argument(
        "--width", type=int, default=640, choices=(320, 640), help="image width; the height is three quarters"
    )
    parser.add_argument("--rate", type=float, default=5.0, help="images per simulated second")
    parser.add_argument("--edits", type=int, default=0, help="changes made before a patrol; 0 leaves the patrol out")
    parser.add_argument("--time-limit", type=float, default=600.0, help="simulated seconds of each round")
    parser.add_argument("--map", type=Path, default=None, metavar="FILE", help="keep the map there")
    parser.add_argument("--json", type=Path, default=None, metavar="FILE", help="write the result there; - is stdout")


def run(args: argparse.Namespace) -> int:
    """0 once the episode has ended, whatever was found."""
    from memory_agent_ros.evaluation.episode import EpisodeConfig, run_episode

    config = EpisodeConfig(
        width=args.width,
        height=args.width * 3 // 4,
        rate_hz=args.rate,
        rooms=args.rooms,
        edits=args.edits,
        explore_s=args.time_limit,
        patrol_s=args.time_limit,
    )
    result = run_episode(args.split, args.seed, args.policy, config, map_path=args.map, progress=not args.quiet)
    document = result.to_dict()
    if args.json == Path("-"):
        print_json(document)
        return 0
    if args.json is not None:
        write_json(args.json, document)
    for phase in document["phases"]:
        print(f"{phase['phase']}: {phase['simulated_s']} s simulated in {phase['wall_s']} s, {phase['stop_reason']}")
    print("coverage: " + ", ".join(f"{room} {share:.2f}" for room, share in document["coverage"].items()))
    print("objects: " + ", ".join(f"{count} {label}" for label, count in document["objects"].items()))
    print("events: " + ", ".join(f"{count} {kind}" for kind, count in document["events"].items()))
    return 0
