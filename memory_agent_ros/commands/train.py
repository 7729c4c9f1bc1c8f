"""Train a learned part on simulated apartments."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from memory_agent_ros.commands.output import tell


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``train encoder|explorer --seed S --minutes M --out F``, ``train detection-model|cooccurrence --out F``."""
    parser.add_argument("what", choices=("encoder", "detection-model", "cooccurrence", "explorer"), help="which part")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--minutes", type=float, default=None, help="longest time, without making the data (20; explorer: 90)"
    )
    parser.add_argument(
        "--steps",
        type=int,
        default=None,
        help="most steps (1200; explorer: environment steps of EMPO2 after the school, 0)",
    )
    parser.add_argument(
        "--apartments", type=int, default=None, help="seeds of the train split (24; explorer: 240 for EMPO2)"
    )
    parser.add_argument("--engine", default="here", help="explorer: where rollouts are played: here, processes, ray")
    parser.add_argument("--jobs", type=int, default=1, help="explorer: workers of the engine")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="weights, with a card beside or inside")
    parser.add_argument("--restart", action="store_true", help="do not go on from a checkpoint")


def run(args: argparse.Namespace) -> int:
    """0; needs the simulator, the encoder also torch."""
    if args.what == "detection-model":
        return _detection_model(args)
    if args.what == "cooccurrence":
        return _cooccurrence(args)
    from memory_agent_ros.records.errors import MissingExtraError

    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("training needs PyTorch: pip install memory_agent_ros[models]") from error
    if args.what == "explorer":
        return _explorer(args)
    from memory_agent_ros.evaluation.training.train_encoder import TrainConfig, train_encoder

    config = TrainConfig(args.seed, args.steps or 1200, args.minutes or 20.0, args.apartments or 24)
    figures = train_encoder(config, args.out, resume=not args.restart, progress=not args.quiet)
    tell(args, ", ".join(f"{name} {value:.3f}" for name, value in figures.items()))
    return 0


def _explorer(args: argparse.Namespace) -> int:
    from memory_agent_ros.evaluation.training.explorer_courses import SHIPPED
    from memory_agent_ros.evaluation.training.train_explorer import train_explorer

    steps = SHIPPED.empo2.decisions if args.steps is None else args.steps
    empo2 = dataclasses.replace(SHIPPED.empo2, seed=args.seed, decisions=steps)
    school = None if SHIPPED.school is None else dataclasses.replace(SHIPPED.school, seed=args.seed)
    apartments = args.apartments or SHIPPED.apartments
    training = dataclasses.replace(SHIPPED, empo2=empo2, school=school, apartments=apartments)
    figures = train_explorer(
        training,
        args.out,
        minutes=args.minutes or 90.0,
        engine=args.engine if args.jobs == 1 or args.engine != "here" else "processes",
        jobs=args.jobs,
        resume=not args.restart,
        progress=not args.quiet,
    )
    tell(args, ", ".join(f"{name} {value:.3f}" for name, value in figures.items()))
    return 0


def _detection_model(args: argparse.Namespace) -> int:
    from memory_agent_ros.evaluation.training.detection_model import train

    card = train(args.out, range(args.seed, args.seed + (args.apartments or 24)), progress=not args.quiet)
    tell(args, f"{card['examples']} examples, log loss {card['log_loss']}, written to {args.out}")
    return 0


def _cooccurrence(args: argparse.Namespace) -> int:
    from memory_agent_ros.evaluation.exploration.counting import count

    counts = count(range(args.seed, args.seed + (args.apartments or 24)), progress=not args.quiet)
    counts.save(args.out)
    tell(args, f"{len(counts.near)} goals counted in {counts.card['apartments']} apartments, written to {args.out}")
    return 0
