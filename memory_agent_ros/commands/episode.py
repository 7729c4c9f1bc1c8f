"""Run one simulated episode in this process, without ROS, and print what happened."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from memory_agent_ros.commands.output import print_json, write_json

_TASKS = ("discover", "search", "lifelong", "verify")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``episode --split S --seed N --policy P --json F``, with ``--task T --goal G`` for exploration tasks."""
    parser.add_argument("--split", default="train", choices=("train", "val", "test"))
    parser.add_argument("--seed", type=int, default=0, help="which apartment of the split, any integer")
    parser.add_argument("--task", choices=_TASKS, default=None, help="an exploration task, scored by the truth")
    parser.add_argument(
        "--goal", action="append", default=[], metavar="TEXT", help="what to search for; several for lifelong"
    )
    parser.add_argument(
        "--policy",
        default="frontier",
        help="who chooses where to go: frontier without a task, else learned, nearest_frontier, information_gain, "
        "language_frontier, cooccurrence_frontier, random, or a file of weights",
    )
    parser.add_argument("--placement", default=None, help="whose habits put the things there (habitual with a task)")
    parser.add_argument("--budget", type=float, default=None, metavar="METRES", help="of each goal")
    parser.add_argument("--rooms", type=int, default=None, help="3 to 6; left to the seed if not given")
    parser.add_argument(
        "--width",
        type=int,
        default=None,
        choices=(320, 640),
        help="image width; the height is three quarters (640, with a task 320)",
    )
    parser.add_argument("--rate", type=float, default=5.0, help="images per simulated second")
    parser.add_argument("--edits", type=int, default=0, help="changes made before a patrol, or between two goals")
    parser.add_argument("--time-limit", type=float, default=600.0, help="simulated seconds of each round")
    parser.add_argument(
        "--tips", action="store_true", help="with a task: read the map's tips and write what was learned into it"
    )
    parser.add_argument("--map", type=Path, default=None, metavar="FILE", help="keep the map there")
    parser.add_argument("--json", type=Path, default=None, metavar="FILE", help="write the result there; - is stdout")


def run(args: argparse.Namespace) -> int:
    """0 once the episode has ended, whatever was found."""
    from memory_agent_ros.evaluation.episode import EpisodeConfig
    from memory_agent_ros.evaluation.whole_episode import run_episode

    width = args.width or (640 if args.task is None else 320)
    config = EpisodeConfig(
        width=width,
        height=width * 3 // 4,
        rate_hz=args.rate,
        rooms=args.rooms,
        placement=args.placement or ("uniform" if args.task is None else "habitual"),
        edits=args.edits,
        explore_s=args.time_limit,
        patrol_s=args.time_limit,
    )
    if args.task is not None:
        document = _task(args, config)
    else:
        result = run_episode(args.split, args.seed, args.policy, config, map_path=args.map, progress=not args.quiet)
        document = result.to_dict()
    if args.json == Path("-"):
        print_json(document)
        return 0
    if args.json is not None:
        write_json(args.json, document)
    if args.task is not None:
        _tell_task(document)
    else:
        _tell(document)
    return 0


def _task(args: argparse.Namespace, config: Any) -> dict[str, Any]:
    from memory_agent_ros.evaluation.task_episode import make_task, run_task
    from memory_agent_ros.exploration.labels import LabelVectors
    from memory_agent_ros.exploration.policies.by_name import policy_by_name
    from memory_agent_ros.perception.factory import lazy_text_embedder

    texts = lazy_text_embedder("auto")
    policy = policy_by_name("nearest_frontier" if args.policy == "frontier" else args.policy, LabelVectors(texts))
    task = make_task(args.task, args.split, args.seed, args.goal, config.placement, args.budget, args.edits)
    done = run_task(task, policy, config, texts=texts, map_path=args.map, progress=not args.quiet, tips=args.tips)
    return done.to_dict()


def _tell_task(document: dict[str, Any]) -> None:
    for goal in document["goals"]:
        what = goal["goal"] or document["task"]["kind"]
        end = "found" if goal["success"] else goal["stop_reason"]
        print(
            f"{what}: {end}, {goal['metres']:.1f} m, SPL {goal['spl']:.2f}, {goal['decisions']} decisions, "
            f"{goal['wrong_declarations']} wrong, saw {goal['found']:.0%} of the things, "
            f"{goal['simulated_s']} s simulated in {goal['wall_s']} s"
        )
        for number, choice in enumerate(goal["choices"], start=1):
            print(f"  {number:2d}. {choice}")


def _tell(document: dict[str, Any]) -> None:
    for phase in document["phases"]:
        print(f"{phase['phase']}: {phase['simulated_s']} s simulated in {phase['wall_s']} s, {phase['stop_reason']}")
    print("coverage: " + ", ".join(f"{room} {share:.2f}" for room, share in document["coverage"].items()))
    print("objects: " + ", ".join(f"{count} {label}" for label, count in document["objects"].items()))
    print("events: " + ", ".join(f"{count} {kind}" for kind, count in document["events"].items()))
