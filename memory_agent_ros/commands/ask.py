"""Ask a stored map, or a running robot, a question.

The answer names the observations it rests on. States: seen (it is there), gone (it was there), unknown (none was seen).
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memory_agent_ros.commands import ask_closed_book, ask_live, ask_map
from memory_agent_ros.commands.open_map import map_place
from memory_agent_ros.records.errors import BadInputError

if TYPE_CHECKING:
    from memory_agent_ros.records.answer import Answer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``ask (--map M | --adapters FOLDER | --live) [--closed-book] [--dialogue] [--json] [QUESTION]``."""
    parser.add_argument("question", nargs="?", help='for example "where is the chair?"')
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--map", type=map_place, metavar="FILE|URL", help="map made by ingest, demo or a robot")
    source.add_argument("--adapters", type=Path, metavar="FOLDER", help="adapters alone: a closed book without a map")
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
    parser.add_argument(
        "--closed-book",
        action="store_true",
        help="answer from what was internalised (memory-agent internalize), without looking into the map",
    )
    ask_map.add_arguments(parser)
    ask_live.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Print the answer; 0 also for *unknown*, which is an answer."""
    if args.question is None and not args.dialogue:
        raise BadInputError("question_missing", 'name a question, for example "where is the chair?"')
    if args.live and args.closed_book:
        raise BadInputError("closed_book_live", "a closed book is asked on this machine; the node has adapters:=true")
    if args.live:
        return ask_live.run(args)
    closed = args.closed_book or args.adapters is not None
    return ask_closed_book.run(args, answer_text) if closed else ask_map.run(args, answer_text)


def answer_text(answer: Answer) -> str:
    """The sentence with its state, confidence and best evidence, for a terminal."""
    lines = [answer.text, f"  {answer.state}, confidence {answer.confidence:.2f}"]
    for item in answer.evidence[:3]:
        x, y, z = item.object_pose.position_m
        lines.append(
            f"  evidence: object {item.object_id} at ({x:.2f}, {y:.2f}, {z:.2f}) m in {item.object_pose.frame_id}, "
            f"picture {item.keyframe_id}, {item.stamp_ns / 1e9:.1f} s"
        )
    lines += [f"  read from {source_line(s)}" for s in answer.details.get("internalised", {}).get("sources", ())]
    lines += [f"  picture {p.keyframe_id} shows {100 * p.overlap:.0f} % of the place" for p in answer.pictures]
    return "\n".join(lines)


def source_line(source: Mapping[str, Any]) -> str:
    """What a chunk was made from, in a line."""
    things = f", {len(source['object_ids'])} things" if source["object_ids"] else ""
    newest = f", newest of {source['stamp_ns'] / 1e9:.1f} s" if source["stamp_ns"] else ""
    made_by = f", written by {source['made_by']}" if source["made_by"] else ""
    return f"{source['kind']} {source['name']} {source['digest'][:12]}{things}{newest}{made_by}"
