"""List what was erased from a map on request: when, by whom, why, how much; never what it was. Check such receipts."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from memory_agent_ros.commands.output import print_json, write_json

if TYPE_CHECKING:
    from memory_agent_ros.records.forgetting import Receipt


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``receipts MAP [--json] [--out F]``, or ``receipts --check F --trust KEY``."""
    parser.add_argument("map", nargs="?", default=None, metavar="MAP", help="map file, or a map on a server")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--out", type=Path, default=None, metavar="F", help="write the signed receipts there")
    parser.add_argument("--check", type=Path, default=None, metavar="F", help="check the receipts in this file instead")
    parser.add_argument(
        "--trust", action="append", default=[], metavar="KEY", help="public key that is trusted, 64 hex digits"
    )


def run(args: argparse.Namespace) -> int:
    """0 once listed, or if all receipts in the file hold.

    Raises:
        BadInputError: ``receipts_what``, ``map_missing``, ``receipt_broken``, ``trusted_key``.
    """
    from memory_agent_ros.commands.open_map import map_place, open_map
    from memory_agent_ros.records.errors import BadInputError

    if args.check is not None:
        receipts = _checked(args.check, args.trust)
    elif args.map is None:
        raise BadInputError("receipts_what", "give a map, or --check FILE")
    else:
        with open_map(map_place(args.map)) as memory:
            receipts = memory.receipts()
    document = {"receipts": [r.to_dict() for r in receipts]}
    if args.out is not None:
        write_json(args.out, document)
    if args.json:
        print_json({"holds": True, **document} if args.check is not None else document)
    else:
        print("\n".join(map(_line, receipts)) or "nothing was erased on request")
    return 0


def _checked(path: Path, trust: list[str]) -> list[Receipt]:
    """The receipts of a file (as ``--out`` or ``--json`` wrote it, or a single one), each of which holds."""
    from memory_agent_ros.commands.verify import trusted_keys
    from memory_agent_ros.memory.ledger.documents import read_document
    from memory_agent_ros.memory.ledger.receipts import check_receipt
    from memory_agent_ros.records.errors import BadInputError

    document = read_document(path, "receipt_broken", "receipt")
    if not trust:
        raise BadInputError("trusted_key", "say whose word is taken: --trust KEY (the robot's public key)")
    found = document.get("receipts", [document])
    if not isinstance(found, list) or not found:
        raise BadInputError("receipt_broken", f"{path} holds no receipts")
    return [check_receipt(one, trusted_keys(trust)) for one in found]


def _line(receipt: Receipt) -> str:
    from memory_agent_ros.commands.forget import receipt_line

    by = "not signed" if receipt.signed is None else f"signed by {receipt.signed.key.hex()}"
    return f"{receipt_line(receipt)}; {by}"
