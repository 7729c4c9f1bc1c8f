"""Check a map against its signed ledger: what was changed, dropped, reordered, replayed, truncated or rolled back."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memory_agent_ros.commands.output import print_json

if TYPE_CHECKING:
    from memory_agent_ros.memory.ledger.verification import Finding


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``verify MAP [--checkpoint F] [--trust KEY ...] [--save-checkpoint F] [--json]``."""
    parser.add_argument("map", metavar="MAP", help="map file, or a map on a server")
    parser.add_argument(
        "--checkpoint", type=Path, default=None, metavar="F", help="one kept away from the map: shows roll-back too"
    )
    parser.add_argument(
        "--trust", action="append", default=[], metavar="KEY", help="public key that may have signed, 64 hex digits"
    )
    parser.add_argument(
        "--save-checkpoint", type=Path, default=None, metavar="F", help="sign the ledger and write the checkpoint there"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """0 if all is sound, 1 if something does not fit; then no checkpoint is written.

    Raises:
        BadInputError: ``map_missing``, ``checkpoint_unreadable``, ``trusted_key``.
        StoreError: the map cannot be read at all.
    """
    from memory_agent_ros.commands.open_map import map_place, need_map, open_map_to_change
    from memory_agent_ros.memory.ledger.audit import verify_map
    from memory_agent_ros.memory.ledger.checkpoints import Checkpoint

    place = map_place(args.map)
    need_map(place)
    checkpoint = None if args.checkpoint is None else Checkpoint.load(args.checkpoint)
    findings = verify_map(place, checkpoint, trusted_keys(args.trust))
    if args.save_checkpoint is not None and not findings:
        with open_map_to_change(place) as memory:
            memory.ledger.checkpoint().save(args.save_checkpoint)
    document = {"map": str(place), "sound": not findings, "findings": [finding_document(f) for f in findings]}
    print_json(document) if args.json else print(_summary(findings))
    return 1 if findings else 0


def trusted_keys(words: list[str]) -> list[bytes]:
    """Public keys from their hexadecimal digits.

    Raises:
        BadInputError: ``trusted_key``.
    """
    from memory_agent_ros.records.errors import BadInputError

    keys = []
    for word in words:
        try:
            keys.append(bytes.fromhex(word))
        except ValueError:
            keys.append(b"")
        if len(keys[-1]) != 32:
            raise BadInputError("trusted_key", f"a public key is 64 hexadecimal digits, not {word!r}")
    return keys


def finding_document(finding: Finding) -> dict[str, Any]:
    """JSON-ready."""
    return {"what": finding.what, "place": finding.place, "text": finding.text, "record": finding.seq}


def _summary(findings: list[Finding]) -> str:
    if not findings:
        return "sound: every record, every row and every signature fits"
    return "\n".join(f"{f.place}: {f.what}: {f.text}" for f in findings)
