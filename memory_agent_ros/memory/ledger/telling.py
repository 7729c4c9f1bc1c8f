"""What the ledger says of a step: ids and numbers, never names, since the ledger outlasts what is forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from memory_agent_ros.memory.map_state import Changes
from memory_agent_ros.records.event import EventKind

#: Longer lists of ids are cut: the rows are committed to in any case.
_MOST_IDS = 200


def told(steps: Sequence[Changes]) -> tuple[str, dict[str, Any]]:
    """Kind and body of the record of the steps that one transaction writes; the last one says what it is."""
    body: dict[str, Any] = {}
    for changes in steps:
        _tell(changes, body)
    return (_kind(steps[-1]) if steps else "changed"), body


def _kind(changes: Changes) -> str:
    written = {part.table for part in changes.imported if part.rows}
    if "frames" in written:
        return "map_merged"
    if "corrections" in written:
        return "corrected"
    if changes.rewrite is not None:
        return "reanchored"
    if changes.held and not changes.assigned:
        return "held"
    if changes.frame_row or changes.rows or changes.assigned:
        return "observed"
    return "edited" if changes.events else "observed"


def _tell(changes: Changes, body: dict[str, Any]) -> None:
    """Add what one step did."""
    body["stamp_ns"] = int(changes.stamp_ns)
    if changes.frame_row:
        body["frame"] = int(changes.frame_row)
    if changes.keyframe is not None:
        body["keyframe"] = int(changes.keyframe.id)
    body["observations"] = body.get("observations", 0) + len(changes.rows)
    for event in changes.events:
        if event.kind is not EventKind.UPDATED:
            ids = body.setdefault(str(event.kind), [])
            if len(ids) < _MOST_IDS:
                ids.append(int(event.object_id))
    for name, held_ids in (
        ("held", [h.id for h in changes.held]), ("released", changes.released), ("discarded", changes.discarded)
    ):  # fmt: skip
        if held_ids:
            body[name] = [*body.get(name, []), *held_ids][:_MOST_IDS]
    for old, new, _ in changes.reassigned[:_MOST_IDS]:
        body.setdefault("same", []).append([int(old), int(new)])
    if changes.removed:
        body["removed"] = [int(i) for i in changes.removed[:_MOST_IDS]]
