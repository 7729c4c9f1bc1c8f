"""Correcting the memory by hand: who, what and why, kept in the map, outranking detections until it is undone."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import RLock

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.arguments import checked_point, checked_region
from memory_agent_ros.memory.association.labels import normal_label
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.corrections import regroup, undo
from memory_agent_ros.memory.corrections.by_hand import AGREEING
from memory_agent_ros.memory.corrections.regroup import Desk
from memory_agent_ros.memory.corrections.rows import Before, correction_row, corrections_of, incoming
from memory_agent_ros.memory.map_state import Changes, MapState
from memory_agent_ros.memory.presence.lifecycle import emit
from memory_agent_ros.memory.storage.persistence import Persistence
from memory_agent_ros.memory.storage.store import Store
from memory_agent_ros.memory.track import Track
from memory_agent_ros.records.correction import Correction, CorrectionKind
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.event import EventKind, MemoryEvent
from memory_agent_ros.records.region import Region

#: Longest author, label and reason, characters.
MOST_AUTHOR, MOST_LABEL, MOST_REASON = 128, 256, 1024


@dataclass(frozen=True, eq=False)
class Corrected:
    """A correction as it was made, with the events it caused, the one of the object itself last."""

    correction: Correction
    events: list[MemoryEvent]

    @property
    def event(self) -> MemoryEvent:
        """What the event log says of it."""
        return self.events[-1]


@dataclass(frozen=True, eq=False)
class CorrectionBook:
    """The corrections of one map. Safe to call from several threads.

    Every method that corrects takes who does it and why, commits in one transaction, and raises ``BadInputError``
    ``author_empty``, ``reason_empty``, ``text_too_long``, ``unknown_object`` or ``deleted_object``.

    Attributes:
        store, persistence, config, lock: of the memory.
        state: gives its working state; writable: raises unless it may be changed.
    """

    store: Store
    persistence: Persistence
    config: MemoryConfig
    lock: RLock
    state: Callable[[], MapState]
    writable: Callable[[], None]

    def all(self, object_id: int | None = None) -> list[Correction]:
        """All corrections, or those of one object (and of those merged into it), oldest first.

        Raises:
            BadInputError: ``unknown_object``.
        """
        with self.lock:
            state = self.state()
            ids = None if object_id is None else state.absorbed_ids(state.resolve(object_id).id)
            return corrections_of(self.store, ids)

    def relabel(self, object_id: int, label: str, *, author: str, reason: str) -> Corrected:
        """Give an object another label.

        Raises:
            BadInputError: ``label_empty``.
        """
        _check_label(label)
        with self.lock:
            desk, track = self._begin(object_id, author, reason)
            before = track.label
            track.votes.pin(label.strip())
            self._say(desk, track, f"label {before} -> {track.label}", author, reason)
            made = new_correction(desk.state, CorrectionKind.RELABEL, track.id, author, reason)
            return self._commit(desk, replace(made, label=track.label, previous_label=before), {})

    def move(self, object_id: int, position_m: NDArray[np.float64], *, author: str, reason: str) -> Corrected:
        """Put an object's box centre at (3,) ``position_m``, where it then stands until it is detected elsewhere.

        Looks and detections that contradict the place are passed over until some agree with it.

        Raises:
            BadInputError: ``position_not_finite``, ``position_shape``, ``position_too_far``.
        """
        target = checked_point(position_m)
        with self.lock:
            desk, track = self._begin(object_id, author, reason)
            previous = track.box(self.config).center.copy()
            before: Before = {
                "gone": track.gone, "log_odds": track.log_odds, "negatives": track.negatives,
                "held": track.by_hand.place, "offset": (target - previous).tolist(), "seen": track.observations,
            }  # fmt: skip
            track.move(target - previous)
            track.gone, track.negatives, track.log_odds = False, 0, max(track.log_odds, self.config.hit_gain)
            track.by_hand.place = AGREEING
            before["placement"] = track.placement
            self._say(desk, track, "moved by hand", author, reason, previous)
            made = new_correction(desk.state, CorrectionKind.MOVE, track.id, author, reason)
            return self._commit(desk, replace(made, position_m=target, previous_position_m=previous), before)

    def merge(self, keep_id: int, other_id: int, *, author: str, reason: str) -> Corrected:
        """Declare two records one object; ``keep_id`` survives, ``other_id`` becomes another name for it.

        Raises:
            BadInputError: ``merge_with_itself``.
        """
        with self.lock:
            keep, other = self._object(keep_id), self._object(other_id)
            if keep is other:
                raise BadInputError("merge_with_itself", f"{keep_id} and {other_id} are the same object already")
            desk, keep = self._begin(keep_id, author, reason)
            before = regroup.merge(desk, keep, other, _detail("merged by hand", author, reason))
            made = new_correction(desk.state, CorrectionKind.MERGE, keep.id, author, reason)
            return self._commit(desk, replace(made, other_id=other.id), before)

    def split(
        self, object_id: int, at: NDArray[np.float64] | Region, *, author: str, reason: str, label: str = ""
    ) -> Corrected:
        """Make part of an object an object of its own: what lies in a region, or around a (3,) point of it.

        ``label``: what the part is called; "" leaves that to what was detected there.

        Raises:
            BadInputError: ``split_empty``, ``label_empty``, ``region_invalid``, and as
                :func:`~memory_agent_ros.memory.arguments.checked_point`.
        """
        if label:
            _check_label(label)
        if isinstance(at, Region):
            checked_region(at)
        else:
            at = checked_point(at)
        with self.lock:
            desk, track = self._begin(object_id, author, reason)
            part, before = regroup.split(desk, track, at, label.strip(), _detail("split by hand", author, reason))
            self._say(desk, track, f"object {part.id} split off", author, reason)
            made = new_correction(desk.state, CorrectionKind.SPLIT, track.id, author, reason)
            return self._commit(desk, replace(made, other_id=part.id, label=label.strip()), before)

    def delete(self, object_id: int, *, author: str, reason: str) -> Corrected:
        """Say that there is no such thing: it leaves every answer, and what is detected of it does not bring it back.

        Its record stays in the map, so that this can be undone; to erase it, use ``forget``.
        """
        with self.lock:
            desk, track = self._begin(object_id, author, reason)
            before: Before = {"gone": track.gone, "confirmed": track.confirmed, "seen": track.observations}
            self._say(desk, track, "deleted by hand", author, reason)
            track.by_hand.deleted, track.confirmed, track.gone = True, False, False
            made = new_correction(desk.state, CorrectionKind.DELETE, track.id, author, reason)
            return self._commit(desk, made, before)

    def undo(self, correction_id: int, *, author: str, reason: str) -> Corrected:
        """Take a correction back; what was seen since stays.

        Raises:
            BadInputError: ``unknown_correction``, ``correction_undone`` (already), ``correction_overlaid`` (a later one
                of the same object must be undone first), ``correction_imported`` (came in with another map).
        """
        with self.lock:
            known = {c.id: c for c in self.all()}
            wanted = undo.checked(known, correction_id)
            desk, _ = self._begin(None, author, reason)
            what = f"correction {wanted.id} ({wanted.kind}) undone"
            touched = undo.apply(desk, wanted, known.values(), _detail(what, author, reason))
            self._say(desk, touched, what, author, reason)
            made = new_correction(desk.state, CorrectionKind.UNDO, touched.id, author, reason)
            return self._commit(desk, replace(made, other_id=wanted.other_id, undoes=wanted.id), {})

    def _object(self, object_id: int) -> Track:
        self.writable()
        track = self.state().resolve(object_id)
        if track.by_hand.deleted:
            raise BadInputError("deleted_object", f"object {object_id} was deleted by hand; undo that correction first")
        return track

    def _begin(self, object_id: int | None, author: str, reason: str) -> tuple[Desk, Track]:
        """Everything checked and stored as it stands, and what to work on (the object too, if it is named)."""
        self.writable()
        checked_words(author, reason)
        state = self.state()
        track = self._object(object_id) if object_id is not None else None
        self.persistence.flush(state)
        desk = Desk(state, self.store, self.config, Changes(stamp_ns=state.last_stamp_ns))
        return desk, track  # type: ignore[return-value]

    def _say(
        self, desk: Desk, track: Track, what: str, author: str, reason: str, previous: NDArray[np.float64] | None = None
    ) -> None:
        desk.changes.touched.add(track.id)
        emit(
            desk.state, desk.changes, track, EventKind.EDITED, desk.state.last_stamp_ns, self.config,
            previous=previous, detail=_detail(what, author, reason),
        )  # fmt: skip

    def _commit(self, desk: Desk, correction: Correction, before: Before) -> Corrected:
        desk.changes.imported.append(incoming([correction_row(correction, before)]))
        self.persistence.write(desk.state, desk.changes)
        if correction.kind not in (CorrectionKind.RELABEL, CorrectionKind.MOVE):
            self.persistence.load_book(desk.state)
        return Corrected(correction, desk.changes.events)


def new_correction(state: MapState, kind: CorrectionKind, object_id: int, author: str, reason: str) -> Correction:
    """A correction made now, with the next id."""
    made_ns = time.time_ns()
    return Correction(
        state.next_id("corrections"), kind, object_id, author.strip(), reason.strip(), state.last_stamp_ns, made_ns
    )


def checked_words(author: str, reason: str) -> None:
    """See that a correction says who corrects, and why.

    Raises:
        BadInputError: ``author_empty``, ``reason_empty``, ``text_too_long``.
    """
    _check_text("author", author, MOST_AUTHOR)
    _check_text("reason", reason, MOST_REASON)


def _detail(what: str, author: str, reason: str) -> str:
    return f"{what}, by {author.strip()}: {reason.strip()}"


def _check_label(label: str) -> None:
    if not normal_label(label):
        raise BadInputError("label_empty", "a label needs at least one letter or digit")
    _check_text("label", label, MOST_LABEL)


def _check_text(name: str, text: str, most: int) -> None:
    if not text.strip():
        raise BadInputError(f"{name}_empty", f"the {name} is missing: a correction says who corrects, and why")
    if len(text) > most:
        raise BadInputError("text_too_long", f"the {name} may have {most} characters at most, it has {len(text)}")
