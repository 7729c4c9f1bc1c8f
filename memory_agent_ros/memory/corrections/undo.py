"""Taking corrections back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from memory_agent_ros.memory.corrections import regroup
from memory_agent_ros.memory.corrections.regroup import Desk
from memory_agent_ros.memory.corrections.rows import Before, before_of
from memory_agent_ros.memory.presence.lifecycle import confirm_ready
from memory_agent_ros.memory.track import Track
from memory_agent_ros.records.correction import Correction, CorrectionKind
from memory_agent_ros.records.errors import BadInputError

_Kind = CorrectionKind
#: Later corrections of the same object that must be undone before one of a kind can be.
_OVERLAID_BY = {
    _Kind.MOVE: {_Kind.MOVE, _Kind.MERGE, _Kind.SPLIT},
    _Kind.MERGE: {_Kind.MOVE, _Kind.MERGE, _Kind.SPLIT, _Kind.DELETE},
    _Kind.SPLIT: {_Kind.MOVE, _Kind.MERGE, _Kind.SPLIT, _Kind.DELETE},
}


def checked(known: Mapping[int, Correction], correction_id: int) -> Correction:
    """The correction of an id, if it can be undone.

    Raises:
        BadInputError: ``unknown_correction``, ``correction_undone``, ``correction_overlaid``, ``correction_final``.
    """
    wanted = known.get(correction_id)
    if wanted is None:
        raise BadInputError("unknown_correction", f"no correction {correction_id} in the map; list them with all()")
    if wanted.kind is _Kind.UNDO:
        raise BadInputError("correction_undone", f"correction {wanted.id} is an undo; make the correction again")
    if wanted.kind in (_Kind.RELEASE, _Kind.DISCARD):
        raise BadInputError(
            "correction_final", f"correction {wanted.id} is a {wanted.kind}, which cannot be undone; delete the object"
        )
    if wanted.undone_by is not None:
        raise BadInputError("correction_undone", f"correction {wanted.id} was undone by {wanted.undone_by} already")
    ids = {wanted.object_id, wanted.other_id} - {None}
    for later in known.values():
        overlays = later.kind in _OVERLAID_BY.get(wanted.kind, set()) and later.undone_by is None
        if later.id > wanted.id and overlays and ids & {later.object_id, later.other_id}:
            raise BadInputError(
                "correction_overlaid", f"correction {later.id} ({later.kind}) came after it; undo that one first"
            )
    return wanted


def apply(desk: Desk, wanted: Correction, known: Iterable[Correction], detail: str) -> Track:
    """Undo a checked correction in the working state; returns the object it is about.

    Raises:
        BadInputError: ``correction_imported``, ``unknown_object``.
    """
    before = before_of(desk.store, wanted.id)
    track = desk.state.resolve(wanted.object_id)
    if before.get("imported") and wanted.kind is not _Kind.RELABEL:
        raise BadInputError("correction_imported", f"correction {wanted.id} came in with another map; correct it anew")
    desk.changes.touched.add(track.id)
    if wanted.kind is _Kind.MOVE:
        _unmove(track, before)
    elif wanted.kind is _Kind.DELETE:
        _undelete(desk, track, before)
    elif wanted.kind is _Kind.SPLIT:
        assert wanted.other_id is not None
        regroup.unsplit(desk, track, desk.state.resolve(wanted.other_id), before, detail)
    elif wanted.kind is _Kind.MERGE:
        track, other = regroup.unmerge(desk, track, before)
        _name(desk, other, wanted, known)
    _name(desk, track, wanted, known)
    return track


def _name(desk: Desk, track: Track, undone: Correction, known: Iterable[Correction]) -> None:
    """The newest standing correction that names an object names it; without one, its detections do."""
    ids = desk.state.absorbed_ids(track.id)
    standing = (c for c in known if c.undone_by is None and c.id != undone.id)
    names = [c.label for c in standing if c.label and _named(c) in ids]
    if names:
        track.votes.pin(names[-1])
    elif track.votes.pinned is not None:
        track.votes.unpin()


def _named(correction: Correction) -> int | None:
    """The object that a correction gives a label to."""
    return correction.other_id if correction.kind is _Kind.SPLIT else correction.object_id


def _unmove(track: Track, before: Before) -> None:
    """Back to where it stood, unless it has been found at yet another place since."""
    track.by_hand.place = before["held"]
    if track.placement != before["placement"]:
        return
    track.move(-np.array(before["offset"]))
    if track.observations == before["seen"]:
        track.gone, track.log_odds, track.negatives = before["gone"], before["log_odds"], before["negatives"]


def _undelete(desk: Desk, track: Track, before: Before) -> None:
    track.by_hand.deleted = False
    track.confirmed = before["confirmed"] or confirm_ready(track, desk.config)
    track.gone = before["gone"] and track.observations == before["seen"]
