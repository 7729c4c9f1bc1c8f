"""Say why an answer from a stored map is wrong: never seen, detected, stored, retrieved or used wrongly.

Ask the question, name what a right answer rests on, and read which stage lost it.
"""

from __future__ import annotations

import argparse

from memory_agent_ros.commands.open_map import map_place
from memory_agent_ros.commands.output import print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``doctor --map M --question Q --expected TEXT [--expected TEXT ...]``."""
    parser.add_argument("--map", type=map_place, required=True, metavar="FILE|URL", help="the map that was asked")
    parser.add_argument("--question", required=True, help="what was asked")
    parser.add_argument(
        "--expected",
        action="append",
        required=True,
        metavar="TEXT",
        help="a thing that the right answer rests on: LABEL [in ROOM] [@ X,Y[,Z]] [gone], for example "
        "'mug in kitchen @ 1.2,3.4'; may be given several times",
    )
    parser.add_argument("--json", action="store_true", help="print the diagnosis as JSON")
    parser.add_argument(
        "--embedder", default="auto", choices=("auto", "minilm", "none"), help="text embedder of the map"
    )


def run(args: argparse.Namespace) -> int:
    """Print the stage and what the records show of each thing; the answer is taken to be wrong."""
    from memory_agent_ros.commands.open_map import open_map
    from memory_agent_ros.reasoning.doctor.consultation import consult
    from memory_agent_ros.reasoning.doctor.expected import parse_expected

    expected = [parse_expected(text) for text in args.expected]
    with open_map(args.map, embedder=args.embedder) as memory:
        told, diagnosis = consult(memory, args.question, expected, memory.last_stamp_ns)
    if args.json:
        findings = [
            {"thing": f.thing, "stage": f.stage, "why": f.why, "object": f.object_id} for f in diagnosis.findings
        ]
        print_json({"answer": told, "stage": diagnosis.stage, "why": diagnosis.why, "findings": findings})
        return 0
    print(f"answer: {told}\nstage: {diagnosis.stage}\n  {diagnosis.why}")
    for finding in diagnosis.findings:
        print(f"  - {finding.thing}: {finding.why}")
    return 0
