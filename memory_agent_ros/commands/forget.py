"""Erase from a map for good: objects, a category, a look, a room, a place, a time, or what a retention policy says."""

from __future__ import annotations

import argparse
import getpass
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memory_agent_ros.commands.output import print_json

if TYPE_CHECKING:
    from memory_agent_ros.memory.retention import RetentionConfig
    from memory_agent_ros.records.forgetting import ForgetRequest, Receipt


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``forget MAP [--id N ...] [--label L] [--like ID] [--room R] [--polygon X,Y ...] [--since S] [--until S]``."""
    parser.add_argument("map", metavar="MAP", help="map file, or a map on a server")
    parser.add_argument("--id", type=int, action="append", default=[], dest="ids", metavar="ID", help="object")
    parser.add_argument("--label", default=None, help="what they are called")
    parser.add_argument("--like", type=int, default=None, metavar="ID", help="all that looks like this object")
    parser.add_argument("--similarity", type=float, default=0.8, help="least cosine for --like (default 0.8)")
    parser.add_argument("--room", default=None, help="name of the room they stand in, or #ID")
    parser.add_argument(
        "--region", type=float, nargs=6, default=None, metavar="M", help="box around their centre: min x y z max x y z"
    )
    parser.add_argument(
        "--polygon", nargs="+", default=None, metavar="X,Y", help="outline around their centre, at least three corners"
    )
    parser.add_argument("--since", type=float, default=None, metavar="S", help="not seen before, seconds since 1970")
    parser.add_argument("--until", type=float, default=None, metavar="S", help="not seen after, seconds since 1970")
    parser.add_argument("--never-again", action="store_true", help="refuse from now on what fits")
    parser.add_argument("--retention", default=None, metavar="FILE", help="apply a policy as config/retention.yaml")
    parser.add_argument("--now", type=float, default=None, metavar="S", help="with --retention: the time it is")
    parser.add_argument("--reason", default="", help="why; kept in the receipt")
    parser.add_argument("--author", default=None, help="who asks; default: your login name")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """0 once erased; the receipt is printed.

    Raises:
        BadInputError: ``map_missing``, ``forget_nothing``, ``retention``, ``polygon_unusable``, and what the memory
            refuses.
    """
    from memory_agent_ros.commands.open_map import map_place, open_map_to_change
    from memory_agent_ros.memory.retention import retain
    from memory_agent_ros.records.errors import BadInputError

    policy = None if args.retention is None else retention_config(args.retention)
    request = _request(args)
    if bool(request.conditions) == (policy is not None):
        raise BadInputError("forget_nothing", "say what to forget: --id, --label, --like, --room, ..., or --retention")
    with open_map_to_change(map_place(args.map)) as memory:
        before = len(memory.receipts())
        if policy is not None:
            retain(memory, policy, int((time.time() if args.now is None else args.now) * 1e9))
        else:
            memory.forget(request)
        receipts = memory.receipts()[before:]
    if args.json:
        print_json({"receipts": [r.to_dict() for r in receipts]})
    else:
        print("\n".join(map(receipt_line, receipts)) or "nothing fits: nothing was erased")
    return 0


def _request(args: argparse.Namespace) -> ForgetRequest:
    import numpy as np

    from memory_agent_ros.records.errors import BadInputError
    from memory_agent_ros.records.forgetting import ForgetRequest
    from memory_agent_ros.records.region import Region

    try:
        corners = [[float(v) for v in corner.split(",")] for corner in args.polygon or []]
        outline = np.array(corners) if corners else None
    except ValueError as error:
        raise BadInputError("polygon_unusable", f"--polygon takes corners X,Y: {error}") from error
    region = None if args.region is None else Region(np.array(args.region[:3]), np.array(args.region[3:]))
    room = args.room
    return ForgetRequest(
        tuple(args.ids),
        label=args.label,
        like=args.like,
        similarity=args.similarity,
        room=int(room[1:]) if room and room[0] == "#" and room[1:].isdigit() else room,
        region=region,
        polygon=outline,
        since_ns=None if args.since is None else int(args.since * 1e9),
        until_ns=None if args.until is None else int(args.until * 1e9),
        never_again=args.never_again,
        author=args.author or getpass.getuser(),
        reason=args.reason,
    )


def retention_config(file: str) -> RetentionConfig:
    """The policy in a parameter file of the memory node.

    Raises:
        BadInputError: ``retention`` if there is none in it, or a value is out of range.
    """
    import dataclasses

    import yaml

    from memory_agent_ros.bringup import parameter_file
    from memory_agent_ros.memory.retention import RetentionConfig
    from memory_agent_ros.records.errors import BadInputError

    path = parameter_file(file)
    known = {field.name for field in dataclasses.fields(RetentionConfig)}
    values: dict[str, Any] = {}
    try:
        document = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        for node, content in document.items():
            if node.rpartition("/")[2] == "memory_node":
                values |= content["ros__parameters"].get("retention", {})
    except (yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        raise BadInputError("retention", f"{path} is no parameter file ({error!r})") from error
    if not values or set(values) - known:
        raise BadInputError(
            "retention", f"{path} needs retention parameters of memory_node: {', '.join(sorted(known))}"
        )
    return RetentionConfig(**values)


def receipt_line(receipt: Receipt) -> str:
    """One line for people."""
    counts = ", ".join(f"{count} {kind}" for kind, count in receipt.counts.items() if count)
    again = "; refused from now on" if receipt.never_again else ""
    who = f" by {receipt.author}" if receipt.author else ""
    why = f" ({receipt.reason})" if receipt.reason else ""
    asked = "+".join(receipt.conditions) or "nothing"
    return f"receipt {receipt.id}: {asked} asked{who}{why}: {len(receipt.object_ids)} objects erased{again}; {counts}"
