"""Ask a stored map, or a running robot, a question.

The answer names the observations it rests on. States: seen (it is there), gone (it was there), unknown (none was seen).
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from memory_agent_ros.commands import ask_live, ask_map
from memory_agent_ros.commands.open_map import map_place
from memory_agent_ros.records.errors import BadInputError

if TYPE_CHECKING:
    from memory_agent_ros.records.answer import Answer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``ask (--map M | --live) [--dialogue] [--json] [QUESTION]``."""
    parser.add_argument("question", nargs="?", help='for example "where is the chair?"')
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--map", type=map_place, metavar="FILE|URL", help="map made by ingest, demo or a robot")
    source.add_argument("--live", action="store_true", help="ask the reasoner node of a running robot")
    parser.add_argument("--dialogue", action="store_true", help="keep asking what is typed, until an empty line")
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")
    parser.add_argument(
        "--embedder",
        default="auto",
        choices=("auto", "minilm", "none"),
        help="text embedder for words the map does not know",
    )
    parser.add_argument(
        "--think", default="auto", choices=("auto", "always", "never"), help="use of the language model"
    )
    parser.add_argument(
        "--budget", type=float, default=0.0, metavar="S", help="seconds for the answer; 0: 20 s, or the node's own"
    )
    ask_map.add_arguments(parser)
    ask_live.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Print the answer; 0 also for *unknown*, which is an answer."""
    if args.question is None and not args.dialogue:
        raise BadInputError("question_missing", 'name a question, for example "where is the chair?"')
    return ask_live.run(args) if args.live else ask_map.run(args, answer_text)


def answer_text(answer: Answer) -> str:
    """The sentence with its state, confidence and best evidence, for a terminal."""
    lines = [answer.text, f"  {answer.state}, confidence {answer.confidence:.2f}"]
    for item in answer.evidence[:3]:
        x, y, z = item.object_pose.position_m
        lines.append(
            f"  evidence: object {item.object_id} at ({x:.2f}, {y:.2f}, {z:.2f}) m in {item.object_pose.frame_id}, "
            f"picture {item.keyframe_id}, {item.stamp_ns / 1e9:.1f} s"
        )
    lines += [f"  picture {p.keyframe_id} shows {100 * p.overlap:.0f} % of the place" for p in answer.pictures]
    return "\n".join(lines)
