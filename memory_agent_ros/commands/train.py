"""Train a learned part on simulated apartments."""

from __future__ import annotations

import argparse
from pathlib import Path

from memory_agent_ros.commands.output import tell


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``train encoder --seed S --minutes M --out F``, ``train detection-model|cooccurrence --apartments N --out F``."""
    parser.add_argument("what", choices=("encoder", "detection-model", "cooccurrence"), help="which part")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=20.0, help="longest time, without making the data")
    parser.add_argument("--steps", type=int, default=1200, help="most steps")
    parser.add_argument("--apartments", type=int, default=24, help="walks of the train split")
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
    from memory_agent_ros.evaluation.training.train_encoder import TrainConfig, train_encoder

    config = TrainConfig(args.seed, args.steps, args.minutes, args.apartments)
    figures = train_encoder(config, args.out, resume=not args.restart, progress=not args.quiet)
    tell(args, ", ".join(f"{name} {value:.3f}" for name, value in figures.items()))
    return 0


def _detection_model(args: argparse.Namespace) -> int:
    from memory_agent_ros.evaluation.training.detection_model import train

    card = train(args.out, range(args.seed, args.seed + args.apartments), progress=not args.quiet)
    tell(args, f"{card['examples']} examples, log loss {card['log_loss']}, written to {args.out}")
    return 0


def _cooccurrence(args: argparse.Namespace) -> int:
    from memory_agent_ros.evaluation.exploration.counting import count

    counts = count(range(args.seed, args.seed + args.apartments), progress=not args.quiet)
    counts.save(args.out)
    tell(args, f"{len(counts.near)} goals counted in {counts.card['apartments']} apartments, written to {args.out}")
    return 0
