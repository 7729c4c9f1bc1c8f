"""Correct a map by hand: relabel, move, merge, split or delete an object, undo a correction, list them."""

from __future__ import annotations

import argparse
import getpass
from typing import TYPE_CHECKING, Any

from memory_agent_ros.commands.output import print_json

if TYPE_CHECKING:
    from memory_agent_ros.memory.corrections.book import Corrected, CorrectionBook


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``edit MAP relabel 3 mug --reason WHY``, and so on."""
    parser.add_argument("map", metavar="MAP", help="map file, or a map on a server")
    what = parser.add_subparsers(dest="operation", required=True, metavar="OPERATION")
    for name, (summary, fields) in _OPERATIONS.items():
        operation = what.add_parser(name, help=summary, description=summary)
        for field, options in fields:
            operation.add_argument(field, **options)
        operation.add_argument("--json", action="store_true", help="print JSON")
        if name == "list":
            continue
        operation.add_argument("--reason", required=True, help="why; kept with the correction")
        operation.add_argument("--author", default=None, help="who; default: your login name")


_ID: dict[str, Any] = {"type": int, "metavar": "ID", "help": "object"}
_POINT: dict[str, Any] = {"type": float, "nargs": 3, "metavar": ("X", "Y", "Z")}
_OPERATIONS: dict[str, tuple[str, list[tuple[str, dict[str, Any]]]]] = {
    "relabel": ("give an object another label", [("id", _ID), ("label", {"help": "what it is called"})]),
    "move": ("put an object elsewhere", [("id", _ID), ("to", _POINT | {"help": "new box centre, map frame, metres"})]),
    "merge": ("say that two records are one object", [("id", _ID), ("other", _ID | {"help": "becomes a name of ID"})]),
    "split": (
        "make part of an object an object of its own",
        [
            ("id", _ID),
            ("--at", _POINT | {"help": "a point of the part, metres"}),
            ("--region", {"type": float, "nargs": 6, "metavar": "M", "help": "box that holds it: min x y z max x y z"}),
            ("--label", {"default": "", "help": "what the part is called"}),
        ],
    ),
    "delete": ("say that there is no such thing (to erase it, use forget)", [("id", _ID)]),
    "undo": ("take a correction back", [("id", _ID | {"help": "correction, as listed"})]),
    "list": ("list the corrections", [("--object", {"type": int, "default": None, "metavar": "ID", "help": "of one"})]),
}


def run(args: argparse.Namespace) -> int:
    """0 once corrected or listed.

    Raises:
        BadInputError: ``map_missing``, ``split_where``, and what the correction refuses.
    """
    from memory_agent_ros.commands.open_map import map_place, open_map, open_map_to_change

    place = map_place(args.map)
    if args.operation == "list":
        with open_map(place) as memory:
            found = memory.corrections.all(args.object)
        listed = [c.to_dict() for c in found]
        print_json({"corrections": listed}) if args.json else print("\n".join(map(_line, listed)) or "no corrections")
        return 0
    with open_map_to_change(place) as memory:
        made = _correct(memory.corrections, args)
    document = made.correction.to_dict()
    print_json(document) if args.json else print(_line(document))
    return 0


def _correct(book: CorrectionBook, args: argparse.Namespace) -> Corrected:
    import numpy as np

    from memory_agent_ros.records.errors import BadInputError
    from memory_agent_ros.records.region import Region

    who = {"author": args.author or getpass.getuser(), "reason": args.reason}
    match args.operation:
        case "relabel":
            return book.relabel(args.id, args.label, **who)
        case "move":
            return book.move(args.id, np.array(args.to), **who)
        case "merge":
            return book.merge(args.id, args.other, **who)
        case "delete":
            return book.delete(args.id, **who)
        case "undo":
            return book.undo(args.id, **who)
    if (args.at is None) == (args.region is None):
        raise BadInputError("split_where", "say which part: either --at X Y Z or --region with six numbers")
    at = np.array(args.at) if args.region is None else Region(np.array(args.region[:3]), np.array(args.region[3:]))
    return book.split(args.id, at, label=args.label, **who)


def _line(document: dict[str, Any]) -> str:
    extra = [f"-> {document['label']}"] if "label" in document else []
    extra += [f"with object {document['other']}"] if "other" in document else []
    extra += [f"of correction {document['undoes']}"] if "undoes" in document else []
    undone = f" (undone by {document['undone_by']})" if "undone_by" in document else ""
    of = f"object {document['object']}" if document["object"] else "from quarantine"
    what = " ".join([f"{document['id']:4d}  {document['kind']} {of}", *extra])
    return f"{what}, {document['made']}, {document['author']}: {document['reason']}{undone}"
