"""Look into a map file: what it holds (info), whether it is sound (verify)."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from memory_agent_ros.commands.output import print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``map info|verify --map M [--json]``."""
    parser.add_argument("what", choices=("info", "verify"))
    parser.add_argument("--map", type=Path, required=True, metavar="FILE")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """``verify`` returns 1 if something is wrong."""
    from memory_agent_ros.commands.open_map import open_map

    with open_map(args.map) as memory:
        problems = memory.verify() if args.what == "verify" else []
        objects = memory.objects()
        document = {
            "map": str(args.map),
            "objects": dict(sorted(Counter(o.label for o in objects if o.state == "present").items())),
            "gone": dict(sorted(Counter(o.label for o in objects if o.state == "gone").items())),
            "keyframes": len(memory.keyframe_ids()),
            "last_stamp_ns": memory.last_stamp_ns,
            "map_revision": memory.map_revision,
            "problems": problems,
        }
    if args.json:
        print_json(document)
    elif args.what == "verify":
        print("\n".join(problems) or "sound")
    else:
        print("\n".join(f"{key}: {value}" for key, value in document.items() if key != "problems"))
    return 1 if problems else 0
