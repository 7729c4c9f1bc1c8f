"""Taking in what was held back: an observation without depth around it, and older than the map may be by now."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from memory_agent_ros.geometry.se3 import inverse
from memory_agent_ros.memory.association.association import Associator
from memory_agent_ros.memory.association.frame_alignment import moved
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.map_state import Changes, MapState, ObservationRow
from memory_agent_ros.memory.presence.lifecycle import confirm_ready, settle
from memory_agent_ros.memory.presence.sight import look_at
from memory_agent_ros.memory.storage.store import Store
from memory_agent_ros.memory.track import Track
from memory_agent_ros.memory.trust.held_picture import restored
from memory_agent_ros.memory.trust.held_rows import HeldRow, pose_of_frame
from memory_agent_ros.memory.trust.holding import frame_row
from memory_agent_ros.memory.trust.jury import Jury
from memory_agent_ros.memory.views import keyframes
from memory_agent_ros.memory.views.keyframe_book import StoredView
from memory_agent_ros.memory.voxel_cloud import VoxelCloud
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.keyframe import Keyframe
from memory_agent_ros.records.observation import Observation


def as_now(store: Store, row: HeldRow) -> HeldRow:
    """An entry where the map has it now, if that was corrected since."""
    pose = pose_of_frame(store, row.frame_row)
    if pose is None or np.array_equal(pose, row.T_map_camera):
        return row
    obs = moved(row.entry.observation, pose @ inverse(row.T_map_camera))
    return replace(row, entry=replace(row.entry, observation=obs), T_map_camera=pose)


def as_seen(store: Store, row: HeldRow) -> tuple[Frame, Observation]:
    """An entry in the map as it is now, in an image without depth that shows it alone."""
    row = as_now(store, row)
    camera, entry = row.camera, row.entry
    small = camera.scaled(max(camera.width // 8, 1), max(camera.height // 8, 1))
    frame = Frame(
        entry.stamp_ns, restored(*row.picture, camera.width, camera.height),
        np.zeros((small.height, small.width), np.float32), camera, row.T_map_camera, row.frame_id,
        row.camera_frame_id, depth_camera=small, source=entry.source,
    )  # fmt: skip
    return frame, entry.observation


def let_in(
    state: MapState, changes: Changes, frame: Frame, obs: Observation, config: MemoryConfig, associator: Associator
) -> Track:
    """Put an observation to the object that it shows, or a new one; returns that.

    What was seen later outweighs it: stamps of the object do not run back, and it is no newer evidence of its presence.
    """
    sight = look_at(state, frame, [obs], replace(config, align_frames=False), associator)
    found = {**sight.matches.fragments, **sight.matches.pairs}.get(0)
    pixels = obs.pixels * 640.0 * 480.0 / (frame.camera.width * frame.camera.height)
    if found is None:
        track = Track(state.next_id("objects"), VoxelCloud(config.voxel_m), obs.stamp_ns)
        track.observe(obs, pixels, config)
        state.tracks[track.id] = track
        _claim(state, changes, track, obs, config)
    else:
        track = sight.tracks[found]
        seen_ns, looked_ns = track.last_seen_ns, track.last_looked_ns
        log_odds, negatives = track.log_odds, track.negatives
        track.observe(obs, pixels, config)
        track.first_seen_ns = min(track.first_seen_ns, obs.stamp_ns)
        track.last_seen_ns, track.last_looked_ns = max(seen_ns, track.last_seen_ns), max(looked_ns, obs.stamp_ns)
        if looked_ns > obs.stamp_ns:
            track.log_odds, track.negatives = log_odds, negatives
    changes.touched.add(track.id)
    _log(state, changes, frame, track, obs, config)
    settle(state, changes, [track] if confirm_ready(track, config) else [], [], False, state.last_stamp_ns, config)
    return state.resolve(track.id)


def _claim(state: MapState, changes: Changes, track: Track, obs: Observation, config: MemoryConfig) -> None:
    """Where sources are weighed, a new object rests on the one that reported it."""
    speaker = state.sources.records.get(changes.source_id)
    if speaker is not None and config.trust.weigh and state.sources.plural:
        Jury(state.sources, speaker, obs.stamp_ns, config.trust).new(track, obs, obs.score)


def _log(state: MapState, changes: Changes, frame: Frame, track: Track, obs: Observation, config: MemoryConfig) -> None:
    """Its row, and the part of its picture that was kept."""
    quality = keyframes.quality(obs, frame.camera.width * frame.camera.height)
    row = frame_row(state, changes)
    changes.keyframe = Keyframe(
        state.next_id("keyframes"), frame.stamp_ns, frame.camera, frame.T_map_camera,
        keyframes.encode(frame.rgb, config.jpeg_quality), frame.frame_id, state.map_revision, row,
    )  # fmt: skip
    keyframes.keep_view(track, quality, keyframes.view_direction(track, frame), config)
    shown = {track.id: track.placement}
    state.book.add(StoredView(changes.keyframe.id, frame.stamp_ns, frame.camera, frame.T_map_camera, None, shown))
    changes.rows.append(ObservationRow(state.next_id("observations"), track.id, track.placement, row, quality, obs))
