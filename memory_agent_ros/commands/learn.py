"""Move the tips in maps into the exploration policy; the new one goes live only if it does not lose."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from memory_agent_ros.commands.open_map import map_place
from memory_agent_ros.commands.output import print_json, tell, write_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memory_agent_ros.evaluation.training.learn import Held
    from memory_agent_ros.exploration.empo2 import Course
    from memory_agent_ros.exploration.labels import LabelVectors


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``learn MAP... --policy P --out P2``."""
    parser.add_argument("maps", nargs="+", type=map_place, metavar="MAP", help="maps with tips")
    parser.add_argument("--policy", default="learned", help="the policy that lives now: learned, or a file of weights")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the new weights, if they go live")
    parser.add_argument("--placement", default="habitual", help="kind of apartments in which the tips are practised")
    parser.add_argument("--apartments", type=int, default=60, help="of the split train that are practised in")
    parser.add_argument("--held", type=int, default=80, help="of the split val in which old and new are compared")
    parser.add_argument("--decisions", type=int, default=15_000, help="environment steps of practice")
    parser.add_argument("--margin", type=float, default=0.02, help="share of tasks by which it may lose at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, default=None, metavar="FILE", help="write the verdict there; - is stdout")


def run(args: argparse.Namespace) -> int:
    """0 if the new policy went live, 1 if the old one stays."""
    from memory_agent_ros.records.errors import BadInputError, MissingExtraError

    try:
        import torch
    except ImportError as error:
        raise MissingExtraError("learning needs PyTorch: pip install memory_agent_ros[models]") from error
    from dataclasses import replace

    from memory_agent_ros.evaluation.training.learn import LearnConfig, learn, read_tips
    from memory_agent_ros.exploration.features import SHAPE
    from memory_agent_ros.exploration.labels import LabelVectors
    from memory_agent_ros.exploration.learned_policy import LearnedPolicy
    from memory_agent_ros.exploration.policies.by_name import policy_by_name
    from memory_agent_ros.perception.factory import lazy_text_embedder

    torch.set_num_threads(1)
    words = LabelVectors(lazy_text_embedder("auto"))
    old = policy_by_name(args.policy, words)
    if not isinstance(old, LearnedPolicy):
        raise BadInputError("policy_not_learned", f"{args.policy} has no weights; give learned or a file of weights")
    tips = read_tips(args.maps, "search", SHAPE.key, SHAPE.candidate)
    usual = LearnConfig()
    config = LearnConfig(replace(usual.empo2, decisions=args.decisions, seed=args.seed), args.margin)
    done = learn(
        old,
        tips,
        _courses(args, words),
        lambda: _held(args, words),
        args.out,
        config,
        progress=not args.quiet,
    )
    if args.json == Path("-"):
        print_json(done)
    elif args.json is not None:
        write_json(args.json, done)
    for v in done["verdicts"]:
        tell(args, f"{v['name']}: {v['old']:.3f} -> {v['new']:.3f}, difference {v['low']:+.3f} to {v['high']:+.3f}")
    tell(args, f"{done['file']} lives" if done["live"] else f"{done['policy']} stays: the new one may lose")
    return 0 if done["live"] else 1


def _courses(args: argparse.Namespace, words: LabelVectors) -> Sequence[Course]:
    from memory_agent_ros.evaluation.exploration.task_sets import search_tasks
    from memory_agent_ros.evaluation.exploration.twin_environment import TwinEnvironment
    from memory_agent_ros.exploration.empo2 import Course

    tasks = search_tasks("train", range(args.apartments), args.placement, goals=4)
    return [Course(TwinEnvironment(tasks, words, name="search"), range(len(tasks)))]


def _held(args: argparse.Namespace, words: LabelVectors) -> Sequence[Held]:
    """Searches in ordinary households, in those that were practised if these are others, and discovery."""
    from memory_agent_ros.evaluation.exploration.task_sets import discover_tasks, search_tasks
    from memory_agent_ros.evaluation.exploration.twin_environment import TwinEnvironment
    from memory_agent_ros.evaluation.training.learn import Held

    seeds = range(args.held)
    found = []
    for placement in dict.fromkeys(("habitual", args.placement)):
        tasks = search_tasks("val", seeds, placement, goals=6)
        found.append(Held(f"search {placement}", TwinEnvironment(tasks, words), [t.seed for t in tasks]))
    tasks = discover_tasks("val", seeds)
    return [*found, Held("discover habitual", TwinEnvironment(tasks, words), [t.seed for t in tasks])]
