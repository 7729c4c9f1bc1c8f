"""Show what a map holds back because it looked injected; let it in, or throw it away."""

from __future__ import annotations

import argparse
import getpass
from typing import TYPE_CHECKING, Any

from memory_agent_ros.commands.output import print_json, shown

if TYPE_CHECKING:
    from memory_agent_ros.memory.corrections.book import Corrected
    from memory_agent_ros.memory.spatial_memory import SpatialMemory


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``quarantine MAP [--release ID ... | --discard ID ...] [--reason WHY] [--author WHO] [--json]``."""
    parser.add_argument("map", metavar="MAP", help="map file, or a map on a server")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--release", type=int, nargs="+", metavar="ID", help="take these in as observations like others")
    what.add_argument("--discard", type=int, nargs="+", metavar="ID", help="throw these away")
    parser.add_argument("--reason", default=None, help="why; needed for --release and --discard, kept with it")
    parser.add_argument("--author", default=None, help="who; default: your login name")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """0 once listed or done.

    Raises:
        BadInputError: ``map_missing``, ``reason_empty``, ``unknown_quarantine``, ``never_again``.
    """
    from memory_agent_ros.commands.open_map import map_place, open_map, open_map_to_change

    place = map_place(args.map)
    if args.release or args.discard:
        made: list[Corrected] = []
        try:
            with open_map_to_change(place) as memory:
                _decide(memory, args, made)
        finally:  # what was done before one was refused is done
            listed = [m.correction.to_dict() for m in made]
            if args.json:
                print_json({"corrections": listed})
            elif listed:
                print("\n".join(map(_done_line, listed)))
        return 0
    with open_map(place) as memory:
        held = [entry.to_dict() for entry in memory.quarantine()]
        counts = dict(memory.quarantine_counts())
    if args.json:
        print_json({"quarantine": held, "counts": counts})
    else:
        print("\n".join(map(_line, held)) or "nothing is in quarantine")
    return 0


def _decide(memory: SpatialMemory, args: argparse.Namespace, made: list[Corrected]) -> None:
    """Let in or throw away one after the other; what is done is added to ``made``."""
    who = {"author": args.author or getpass.getuser(), "reason": args.reason or ""}
    act = memory.release if args.release else memory.discard
    for held_id in args.release or args.discard:
        made.append(act(held_id, **who))


def _line(entry: dict[str, Any]) -> str:
    x, y, z = entry["position_m"]
    return (
        f"{entry['id']:5d}  {entry['reason']}: {shown(entry['label'])} ({entry['score']:.2f}) "
        f"at ({x:.2f}, {y:.2f}, {z:.2f}) m, {entry['stamp_ns'] / 1e9:.1f} s, told by {shown(entry['source'])}"
    )


def _done_line(correction: dict[str, Any]) -> str:
    where = f"into object {correction['object']}" if correction["object"] else "from quarantine"
    return f"{correction['kind']} {where}, correction {correction['id']}"
