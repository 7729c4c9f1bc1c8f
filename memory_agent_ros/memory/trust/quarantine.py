"""The quarantine of a map: what is in it, and how people let it in or throw it away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from threading import RLock

from memory_agent_ros.memory.association.association import Associator
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.corrections.book import Corrected, checked_words, new_correction
from memory_agent_ros.memory.corrections.rows import correction_row, incoming
from memory_agent_ros.memory.forgetting.refusals import Refusals
from memory_agent_ros.memory.map_state import Changes, MapState
from memory_agent_ros.memory.storage.persistence import Persistence
from memory_agent_ros.memory.storage.store import Store
from memory_agent_ros.memory.trust.held_rows import HeldRow, count_held, is_held, read_held
from memory_agent_ros.memory.trust.letting_in import as_now, as_seen, let_in
from memory_agent_ros.records.correction import CorrectionKind
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.quarantine import Quarantined


@dataclass(frozen=True, eq=False)
class Quarantine:
    """What one map holds back. Safe to call from several threads.

    Attributes:
        store, persistence, config, lock, associator, refusals: of the memory.
        state: gives its working state; writable: raises unless it may be changed.
    """

    store: Store
    persistence: Persistence
    config: MemoryConfig
    lock: RLock
    associator: Associator
    refusals: Refusals
    state: Callable[[], MapState]
    writable: Callable[[], None]

    def rows(self) -> list[HeldRow]:
        """What is held with its camera, where the map has it now, oldest first."""
        with self.lock:
            return [as_now(self.store, row) for row in read_held(self.store, self.state().sources)]

    def all(self) -> list[Quarantined]:
        """What is held, oldest first."""
        with self.lock:
            return [row.entry for row in read_held(self.store, self.state().sources)]

    def counts(self) -> Counter[str]:
        """How many are held, by reason."""
        with self.lock:
            self.state()
            return count_held(self.store)

    def release(self, held_id: int, *, author: str, reason: str) -> Corrected:
        """Take an entry in as one observation like any other; who let it in and why is kept with the corrections.

        Where the map was corrected since, it goes to where it was seen in the corrected map. Later looks at the place
        outweigh it. Its picture shows it alone.

        Raises:
            BadInputError: ``unknown_quarantine``, ``never_again`` (a rule refuses it), ``author_empty``,
                ``reason_empty``, ``text_too_long``.
        """
        with self.lock:
            state = self._begin(held_id, author, reason)
            (row,) = read_held(self.store, state.sources, int(held_id))
            frame, obs = as_seen(self.store, row)
            if not self.refusals.screen(frame, [obs])[1]:
                raise BadInputError(
                    "never_again", f"a request to forget refuses what {held_id} shows; drop that rule first"
                )
            changes = Changes(stamp_ns=frame.stamp_ns, T_map_camera=frame.T_map_camera, source_id=row.entry.source_id)
            track = let_in(state, changes, frame, obs, self.config, self.associator)
            changes.released.append(held_id)
            return self._commit(state, changes, CorrectionKind.RELEASE, track.id, author, reason)

    def discard(self, held_id: int, *, author: str, reason: str) -> Corrected:
        """Throw an entry away, with its key, a damaged one too; who did and why is kept with the corrections.

        Raises:
            BadInputError: ``unknown_quarantine``, ``author_empty``, ``reason_empty``, ``text_too_long``.
        """
        with self.lock:
            state = self._begin(held_id, author, reason)
            changes = Changes(stamp_ns=state.last_stamp_ns, discarded=[held_id])
            return self._commit(state, changes, CorrectionKind.DISCARD, 0, author, reason)

    def _begin(self, held_id: int, author: str, reason: str) -> MapState:
        self.writable()
        checked_words(author, reason)
        state = self.state()
        self.persistence.flush(state)
        if not is_held(self.store, int(held_id)):
            raise BadInputError("unknown_quarantine", f"nothing in quarantine has the id {held_id}; list what is there")
        return state

    def _commit(
        self, state: MapState, changes: Changes, kind: CorrectionKind, object_id: int, author: str, reason: str
    ) -> Corrected:
        for held_id in (*changes.released, *changes.discarded):
            state.guard.decided(held_id)
        made = new_correction(state, kind, object_id, author, reason)
        changes.imported.append(incoming([correction_row(made, {})]))
        self.persistence.write(state, changes)
        return Corrected(made, changes.events)
