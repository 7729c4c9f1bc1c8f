"""The quarantine of a map: what is in it, and how people let it in or throw it away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import RLock

import numpy as np

from memory_agent_ros.geometry.se3 import inverse
from memory_agent_ros.memory.association.association import Associator
from memory_agent_ros.memory.association.frame_alignment import moved
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.corrections.book import Corrected, checked_words, new_correction
from memory_agent_ros.memory.corrections.rows import correction_row, incoming
from memory_agent_ros.memory.forgetting.refusals import Refusals
from memory_agent_ros.memory.map_state import Changes, MapState, ObservationRow
from memory_agent_ros.memory.presence.lifecycle import confirm_ready, settle
from memory_agent_ros.memory.presence.sight import look_at
from memory_agent_ros.memory.storage.persistence import Persistence
from memory_agent_ros.memory.storage.store import Store
from memory_agent_ros.memory.track import Track
from memory_agent_ros.memory.trust.held_rows import HeldRow, count_held, pose_of_frame, read_held
from memory_agent_ros.memory.trust.holding import frame_row
from memory_agent_ros.memory.trust.jury import Jury
from memory_agent_ros.memory.views import keyframes
from memory_agent_ros.memory.voxel_cloud import VoxelCloud
from memory_agent_ros.records.correction import CorrectionKind
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.observation import Observation
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
        outweigh it. It has no picture.

        Raises:
            BadInputError: ``unknown_quarantine``, ``never_again`` (a rule refuses it), ``author_empty``,
                ``reason_empty``, ``text_too_long``.
        """
        with self.lock:
            row = self._begin(held_id, author, reason)
            state = self.state()
            frame, obs = self._as_seen(row)
            if not self.refusals.screen(frame, [obs])[1]:
                raise BadInputError(
                    "never_again", f"a request to forget refuses what {held_id} shows; drop that rule first"
                )
            changes = Changes(stamp_ns=frame.stamp_ns, T_map_camera=frame.T_map_camera, source_id=row.entry.source_id)
            track = self._taken_in(state, changes, frame, obs)
            changes.released.append(held_id)
            return self._commit(state, changes, CorrectionKind.RELEASE, track.id, author, reason)

    def discard(self, held_id: int, *, author: str, reason: str) -> Corrected:
        """Throw an entry away, with its key; who did and why is kept with the corrections.

        Raises:
            BadInputError: ``unknown_quarantine``, ``author_empty``, ``reason_empty``, ``text_too_long``.
        """
        with self.lock:
            self._begin(held_id, author, reason)
            changes = Changes(stamp_ns=self.state().last_stamp_ns, discarded=[held_id])
            return self._commit(self.state(), changes, CorrectionKind.DISCARD, 0, author, reason)

    def _begin(self, held_id: int, author: str, reason: str) -> HeldRow:
        self.writable()
        checked_words(author, reason)
        state = self.state()
        self.persistence.flush(state)
        found = read_held(self.store, state.sources, int(held_id))
        if not found:
            raise BadInputError("unknown_quarantine", f"nothing in quarantine has the id {held_id}; list what is there")
        return found[0]

    def _as_seen(self, row: HeldRow) -> tuple[Frame, Observation]:
        """The entry in the map as it is now, in an image without colour and depth."""
        camera, obs = row.camera, row.entry.observation
        pose = pose_of_frame(self.store, row.frame_row)
        T = np.eye(4) if pose is None else pose @ inverse(row.T_map_camera)
        small = camera.scaled(max(camera.width // 8, 1), max(camera.height // 8, 1))
        frame = Frame(
            row.entry.stamp_ns, np.zeros((camera.height, camera.width, 3), np.uint8),
            np.zeros((small.height, small.width), np.float32), camera, T @ row.T_map_camera, row.frame_id,
            row.camera_frame_id, depth_camera=small, source=row.entry.source,
        )  # fmt: skip
        return frame, moved(obs, T)

    def _taken_in(self, state: MapState, changes: Changes, frame: Frame, obs: Observation) -> Track:
        """The object that an observation shows, or a new one, with the observation in it."""
        config, stamp_ns = self.config, state.last_stamp_ns
        sight = look_at(state, frame, [obs], replace(config, align_frames=False), self.associator)
        found = {**sight.matches.fragments, **sight.matches.pairs}.get(0)
        pixels = obs.pixels * 640.0 * 480.0 / (frame.camera.width * frame.camera.height)
        if found is None:
            track = Track(state.next_id("objects"), VoxelCloud(config.voxel_m), obs.stamp_ns)
            track.observe(obs, pixels, config)
            state.tracks[track.id] = track
            if config.trust.weigh and state.sources.plural and changes.source_id in state.sources.records:
                jury = Jury(state.sources, state.sources.records[changes.source_id], obs.stamp_ns, config.trust)
                jury.new(track, obs, obs.score)
        else:
            track = sight.tracks[found]
            seen, looked, log_odds, negatives = (
                track.last_seen_ns, track.last_looked_ns, track.log_odds, track.negatives,
            )  # fmt: skip
            track.observe(obs, pixels, config)
            track.first_seen_ns = min(track.first_seen_ns, obs.stamp_ns)
            track.last_seen_ns, track.last_looked_ns = max(seen, track.last_seen_ns), max(looked, obs.stamp_ns)
            if looked > obs.stamp_ns:
                track.log_odds, track.negatives = log_odds, negatives
        changes.touched.add(track.id)
        quality = keyframes.quality(obs, frame.camera.width * frame.camera.height)
        row_id = state.next_id("observations")
        changes.rows.append(ObservationRow(row_id, track.id, track.placement, frame_row(state, changes), quality, obs))
        fresh = [track] if confirm_ready(track, config) else []
        settle(state, changes, fresh, [], False, stamp_ns, config)
        return state.resolve(track.id)

    def _commit(
        self, state: MapState, changes: Changes, kind: CorrectionKind, object_id: int, author: str, reason: str
    ) -> Corrected:
        made = new_correction(state, kind, object_id, author, reason)
        changes.imported.append(incoming([correction_row(made, {})]))
        self.persistence.write(state, changes)
        return Corrected(made, changes.events)
