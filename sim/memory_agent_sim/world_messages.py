"""JSON of the topics ``sim/edit`` (requests) and ``sim/truth`` (what is really there, for evaluation only).

A request on ``sim/edit`` names edits, or lets the simulation draw some::

    {"id": "a", "edits": [{"kind": "move", "object_id": 7, "position_m": [1.0, 2.0, 0.8], "yaw": 0.0}]}
    {"id": "b", "edits": [{"kind": "swap", "object_id": 7, "other_id": 9}, {"kind": "remove", "object_id": 3}]}
    {"id": "c", "sample": {"count": 3, "kinds": ["move", "remove"], "seed": 1, "hidden": true}}

``hidden`` draws only objects the camera does not see now. Every request is answered by the next ``sim/truth``::

    {"stamp_ns": 0, "split": "test", "seed": 3,
     "objects": [{"id", "label", "center_m", "size_m", "yaw", "movable", "room", "present", "instance_key"}],
     "rooms": [{"name", "minimum", "maximum"}],
     "edits": [{"request", "stamp_ns", "kind", "object_id", "label", "position_m", "yaw", "other_id",
                "before_m", "after_m"}],
     "errors": [{"request", "message"}]}

``edits`` and ``errors`` grow over the episode; ``before_m`` and ``after_m`` are the object's box centre before the edit
and after it has settled (None when it is not there). Positions are metres in the ``map`` frame.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from memory_agent_ros.records.errors import BadInputError
from memory_agent_sim.simulation import Edit, Simulation


def parse_edit_request(text: str, simulation: Simulation) -> tuple[str, list[Edit]]:
    """A request -> its id and the edits to apply.

    Raises:
        BadInputError: ``edit_request`` if the text is no JSON object of the form above or names an unknown object.
    """
    try:
        request = json.loads(text)
        name = str(request.get("id", ""))
        if "sample" in request:
            return name, _sampled(request["sample"], simulation)
        edits = [_edit(entry) for entry in request["edits"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInputError("edit_request", f"cannot read edit request {text[:200]!r}: {error!r}") from error
    known = {thing.id for thing in simulation.truth()}
    for edit in edits:
        if edit.object_id not in known:
            raise BadInputError("edit_request", f"no object {edit.object_id} in this apartment")
    return name, edits


def _sampled(settings: dict[str, Any], simulation: Simulation) -> list[Edit]:
    rng = np.random.default_rng(int(settings.get("seed", 0)))
    kinds = tuple(settings.get("kinds", ("move", "remove")))
    hidden_from = simulation.frame() if settings.get("hidden", True) else None
    return list(simulation.sample_edits(int(settings["count"]), rng, kinds=kinds, avoid_visible_from=hidden_from))


def _edit(entry: dict[str, Any]) -> Edit:
    position = entry.get("position_m")
    other = entry.get("other_id")
    return Edit(
        kind=str(entry["kind"]),
        object_id=int(entry["object_id"]),
        position_m=None if position is None else np.asarray(position, dtype=np.float64).reshape(3),
        yaw=float(entry.get("yaw", 0.0)),
        other_id=None if other is None else int(other),
    )


def centers(simulation: Simulation) -> dict[int, list[float] | None]:
    """Box centre of each object, None for what is not there."""
    return {thing.id: _rounded(thing.box.center) if thing.present else None for thing in simulation.truth()}


def applied(
    request: str, edits: list[Edit], before: dict[int, list[float] | None], simulation: Simulation
) -> list[dict[str, Any]]:
    """Records of edits that were just applied, for the ``edits`` of the truth."""
    after = centers(simulation)
    labels = {thing.id: thing.label for thing in simulation.truth()}
    return [
        {
            "request": request,
            "stamp_ns": simulation.stamp_ns,
            "kind": edit.kind,
            "object_id": edit.object_id,
            "label": labels.get(edit.object_id, ""),
            "position_m": None if edit.position_m is None else _rounded(edit.position_m),
            "yaw": float(edit.yaw),
            "other_id": edit.other_id,
            "before_m": before.get(edit.object_id),
            "after_m": after.get(edit.object_id),
        }
        for edit in edits
    ]


def truth_document(
    simulation: Simulation, split: str, seed: int, edits: list[dict[str, Any]], errors: list[dict[str, str]]
) -> dict[str, Any]:
    """The document of ``sim/truth``, JSON-ready."""
    return {
        "stamp_ns": simulation.stamp_ns,
        "split": split,
        "seed": seed,
        "objects": [
            {
                "id": thing.id,
                "label": thing.label,
                "center_m": _rounded(thing.box.center),
                "size_m": _rounded(thing.box.size),
                "yaw": float(thing.box.yaw),
                "movable": bool(thing.movable),
                "room": thing.room,
                "present": bool(thing.present),
                "instance_key": thing.instance_key,
            }
            for thing in simulation.truth()
        ],
        "rooms": [
            {"name": room.name, "minimum": _rounded(room.minimum), "maximum": _rounded(room.maximum)}
            for room in simulation.rooms
        ],
        "edits": edits,
        "errors": errors,
    }


def _rounded(values: Any) -> list[float]:
    return [round(float(value), 4) for value in np.asarray(values).ravel()]
