"""List what was erased from a map on request: when, by whom, why, how much; never what it was."""

from __future__ import annotations

import argparse

from memory_agent_ros.commands.output import print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``receipts MAP [--json]``."""
    parser.add_argument("map", metavar="MAP", help="map file, or a map on a server")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """0 once listed.

    Raises:
        BadInputError: ``map_missing``.
    """
    from memory_agent_ros.commands.forget import receipt_line
    from memory_agent_ros.commands.open_map import map_place, open_map

    with open_map(map_place(args.map)) as memory:
        receipts = memory.receipts()
    if args.json:
        print_json({"receipts": [r.to_dict() for r in receipts]})
    else:
        print("\n".join(map(receipt_line, receipts)) or "nothing was erased on request")
    return 0
