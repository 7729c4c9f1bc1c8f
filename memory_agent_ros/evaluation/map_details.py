"""What went wrong in a scene of the ``map`` benchmark, by name, for people who look closer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.episode import Changed
from memory_agent_ros.evaluation.metrics import CLAIM_M, MATCH_M, After, Thing
from memory_agent_ros.records.map_object import MapObject, ObjectState


def describe(
    truth: Sequence[Thing],
    required: Sequence[Thing],
    found: Sequence[MapObject],
    matched: Mapping[int, int],
    changed: Changed,
    after: Sequence[After],
    now: Sequence[MapObject],
    since_ns: int,
) -> dict[str, Any]:
    """List what was missed, what was made up, and what became of each change.

    Args:
        truth: all true objects before the changes.
        required: those that had to be found.
        found: present map objects before the changes.
        matched: true id -> map id.
        changed: the changes.
        after: ``found`` as they are now.
        now: all map objects now.
        since_ns: when the world was changed.
    """
    labels = {t.id: t.label for t in truth}
    used = set(matched.values())
    now_by_id, after_by_id = {o.id: o for o in now}, {a.id: a for a in after}
    edited = {matched[i] for i in (*changed.moved, *changed.removed) if i in matched}

    def outcome(true_id: int) -> str:
        return _outcome(now_by_id.get(matched.get(true_id, -1)), since_ns)

    claims = [(o.label, o.id, _claim(after_by_id[o.id])) for o in found if o.id not in edited]
    return {
        "missed": [(t.label, t.id, _place(t.center)) for t in required if t.id not in matched],
        "extra": [(o.label, o.id, _place(o.box.center), o.observations) for o in found if o.id not in used],
        "moves": [
            (labels[i], i, _place(center), outcome(i), _at(labels[i], center, now))
            for i, center in changed.moved.items()
        ],
        "removals": [(labels[i], i, outcome(i)) for i in changed.removed],
        "claims": [claim for claim in claims if claim[2]],
    }


def _outcome(obj: MapObject | None, since_ns: int) -> str:
    """State of a map object, and whether its place was looked at after the changes."""
    if obj is None:
        return "not in map"
    looked = "looked" if obj.last_looked_ns > since_ns else "never looked"
    return f"{obj.state} at {_place(obj.box.center)}, presence {obj.presence:.2f}, {looked} since"


def _at(label: str, center: NDArray[np.float64], now: Sequence[MapObject]) -> str:
    """Which present object of the label the map has at a place."""
    for obj in now:
        near = np.linalg.norm(obj.box.center - center) <= MATCH_M
        if near and obj.label == label and obj.state is ObjectState.PRESENT:
            return f"there: object {obj.id} with {obj.observations} observations"
    return "there: nothing"


def _claim(now: After) -> str:
    if not now.present:
        return "gone"
    shift = float(np.linalg.norm(now.center - now.before))
    return f"moved {shift:.2f} m" if now.claims_move and shift > CLAIM_M else ""


def _place(xyz: NDArray[np.floating]) -> list[float]:
    return [round(float(v), 2) for v in xyz]
