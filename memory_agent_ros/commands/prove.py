"""Prove what a map holds of an object to those who do not have the map, or check such a proof."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from memory_agent_ros.commands.output import print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``prove MAP ID [--out F]``, or ``prove --check F --trust KEY``."""
    parser.add_argument("map", nargs="?", default=None, metavar="MAP", help="map file, or a map on a server")
    parser.add_argument("id", nargs="?", type=int, default=None, metavar="ID", help="object")
    parser.add_argument("--out", type=Path, default=None, metavar="F", help="write the proof there; else it is printed")
    parser.add_argument("--check", type=Path, default=None, metavar="F", help="check the proof in this file instead")
    parser.add_argument(
        "--trust", action="append", default=[], metavar="KEY", help="public key that is trusted, 64 hex digits"
    )


def run(args: argparse.Namespace) -> int:
    """0 once proved, or if the proof holds.

    Raises:
        BadInputError: ``prove_what``, ``map_missing``, ``unknown_object``, ``proof_broken``, ``trusted_key``.
    """
    from memory_agent_ros.commands.open_map import map_place, open_map_to_change
    from memory_agent_ros.records.errors import BadInputError

    if args.check is not None:
        print_json(_checked(args))
        return 0
    if args.map is None or args.id is None:
        raise BadInputError("prove_what", "give a map and the id of an object, or --check FILE")
    with open_map_to_change(map_place(args.map)) as memory:
        proof = memory.ledger.prove(args.id)
    if args.out is None:
        print_json(proof)
    else:
        args.out.write_text(json.dumps(proof, indent=1) + "\n", encoding="utf-8")
        print(f"{args.out}: signed by {proof['checkpoint']['key']}")
    return 0


def _checked(args: argparse.Namespace) -> dict[str, Any]:
    from memory_agent_ros.commands.verify import trusted_keys
    from memory_agent_ros.memory.ledger.documents import read_document
    from memory_agent_ros.memory.ledger.proofs import check_proof
    from memory_agent_ros.records.errors import BadInputError

    proof = read_document(args.check, "proof_broken", "proof")
    if not args.trust:
        raise BadInputError("trusted_key", "say whose word is taken: --trust KEY (the robot's public key)")
    proven = check_proof(proof, trusted_keys(args.trust))
    return {
        "holds": True,
        "object": proven.object_id,
        "records": list(proven.records),
        "rows": [{"table": table, **{k: _plain(v) for k, v in row.items()}} for table, row in proven.rows],
        "signed_ns": proven.checkpoint.stamp_ns,
        "ledger_records": proven.checkpoint.size,
    }


def _plain(value: Any) -> Any:
    """JSON-ready; bytes (sealed, or packed) by their length."""
    return f"{len(value)} bytes" if isinstance(value, bytes) else value
