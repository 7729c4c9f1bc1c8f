"""Who made and changed a map, and when: the records of its ledger, with the corrections and the receipts."""

from __future__ import annotations

import argparse
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from memory_agent_ros.commands.output import print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``audit MAP [--kind K] [--since N] [--json]``."""
    parser.add_argument("map", metavar="MAP", help="map file, or a map on a server")
    parser.add_argument(
        "--kind", default=None, metavar="K", help="records of this kind only, as corrected or forgotten"
    )
    parser.add_argument("--since", type=int, default=1, metavar="N", help="from this record on")
    parser.add_argument("--frames", action="store_true", help="list a record for each image too")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """0 once told.

    Raises:
        BadInputError: ``map_missing``.
    """
    from memory_agent_ros.commands.open_map import map_place, open_map

    with open_map(map_place(args.map)) as memory:
        records = list(memory.ledger.records(max(args.since, 1), args.kind))
        corrections = [c.to_dict() for c in memory.corrections.all()]
        receipts = [r.to_dict() for r in memory.receipts()]
    counts = dict(sorted(Counter(r.kind for r in records).items()))
    listed = [
        {"record": r.seq, "kind": r.kind, "at": _time(r.stamp_ns), **({"body": dict(r.body)} if r.body else {})}
        for r in records
        if args.frames or args.kind or r.kind != "observed"
    ]
    document = {"records": listed, "counts": counts, "corrections": corrections, "receipts": receipts}
    print_json(_plain(document)) if args.json else print(_summary(document))
    return 0


def _time(stamp_ns: int) -> str:
    return datetime.fromtimestamp(stamp_ns / 1e9, UTC).isoformat(timespec="seconds")


def _plain(value: Any) -> Any:
    """JSON-ready: bytes as hexadecimal digits."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value.hex() if isinstance(value, bytes) else value


def _summary(document: dict[str, Any]) -> str:
    lines = [
        f"{r['record']:7d}  {r['at']}  {r['kind']}  {_plain(r.get('body', '')) or ''}" for r in document["records"]
    ]
    lines += [
        f"correction {c['id']}: {c['kind']} object {c['object']}, {c['author']}: {c['reason']}"
        for c in document["corrections"]
    ]
    lines += [
        f"receipt {r['id']}: {len(r['object_ids'])} objects erased, {r['author'] or 'nobody named'}: {r['reason']}"
        for r in document["receipts"]
    ]
    counts = ", ".join(f"{n} {kind}" for kind, n in document["counts"].items()) or "no records"
    return "\n".join([*lines, counts])
