"""Run a benchmark and write its figures with seeds, commit, hardware and cost."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memory_agent_ros.commands.output import print_json

if TYPE_CHECKING:
    from memory_agent_ros.evaluation.outcome import Outcome


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``bench NAME --split S --seeds A:B --json F [--jobs N] [--env E] [--arms X,Y] ...``."""
    parser.add_argument("name", help="which benchmark (map, latency, ...)")
    parser.add_argument("--split", default="test", choices=("train", "val", "test"))
    parser.add_argument("--seeds", default="0:10", metavar="A:B", help="scenes, half-open")
    parser.add_argument("--json", type=Path, default=None, metavar="FILE", help="write the result there; - is stdout")
    parser.add_argument("--details", type=Path, default=None, metavar="FILE", help="write per-scene numbers there")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument(
        "--weights", default=None, metavar="FILE", help="search, discover, lifelong: of the learned arm"
    )
    parser.add_argument("--picture", type=Path, default=None, metavar="PNG", help="search: success against budget")
    parser.add_argument("--arms", default=None, metavar="A,B,...", help="qa: these arms only; fuzz: these targets")
    parser.add_argument("--cases", type=int, default=None, metavar="N", help="fuzz: hostile inputs in all (100 000)")
    parser.add_argument("--env", default=None, help="empo2: scienceworld or textworld instead of apartments")
    parser.add_argument(
        "--training-seeds", type=int, default=None, metavar="N", help="empo2, adapters: trainings of each arm (8, 5)"
    )
    parser.add_argument("--size", default=None, choices=("tiny", "embedded"), help="adapters: of the language model")
    parser.add_argument(
        "--minutes", type=float, default=None, help="adapters: longest time of each training; fuzz: of this run"
    )
    parser.add_argument("--ablations", action="store_true", help="adapters: also trainings without one part each")


def run(args: argparse.Namespace) -> int:
    """0 whether goals are met or not."""
    from memory_agent_ros.evaluation import bench

    stdout = args.json == Path("-")
    result = bench.run(
        args.name,
        args.split,
        args.seeds,
        args.jobs,
        None if stdout else args.json,
        args.details,
        {"latency": _latency, "fuzz": _fuzz},
        progress=not args.quiet,
        **({"arms": tuple(arm.strip() for arm in args.arms.split(","))} if args.arms else {}),
        **({"env": args.env} if args.env else {}),
        **({"training_seeds": args.training_seeds} if args.training_seeds else {}),
        **({"size": args.size} if args.size else {}),
        **({"minutes": args.minutes} if args.minutes else {}),
        **({"cases": args.cases} if args.cases else {}),
        **({"ablations": True} if args.ablations else {}),
        **({"learned": args.weights, "policy": args.weights} if args.weights else {}),
    )
    if args.picture is not None:
        from memory_agent_ros.viz.budget_curve import draw_budget_curve

        draw_budget_curve(result, args.picture)
    if stdout:
        print_json(result)
    else:
        print(bench.as_text(result))
    return 0


def _latency(split: str, seeds: range, jobs: int, options: Mapping[str, Any]) -> Outcome:
    """Images to memory over DDS; the only benchmark that needs ROS 2."""
    from memory_agent_ros.ros_environment import prepare_process

    prepare_process()
    from memory_agent_ros.nodes.latency import bench_latency

    return bench_latency(split, seeds, jobs, options)


def _fuzz(split: str, seeds: range, jobs: int, options: Mapping[str, Any]) -> Outcome:
    """Hostile input; also to the nodes where ROS 2 is there."""
    import importlib.util

    from memory_agent_ros.evaluation.benches.fuzz import bench
    from memory_agent_ros.ros_environment import prepare_process

    prepare_process()
    ros = importlib.util.find_spec("rclpy") and importlib.util.find_spec("memory_agent_msgs")
    modules = ("memory_agent_ros.nodes.fuzzing.targets",) if ros else ()
    return bench(split, seeds, jobs, {**options, "modules": modules})
