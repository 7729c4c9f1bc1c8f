"""Putting observations into quarantine in a step of the memory."""

from __future__ import annotations

from collections.abc import Sequence

from memory_agent_ros.memory.map_state import Changes, Held, MapState
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.observation import Observation
from memory_agent_ros.records.quarantine import QuarantineReason

#: Observations of one image that are kept; of a flood, more are only counted.
_MOST_OF_ONE = 50


def hold(state: MapState, changes: Changes, frame: Frame, obs: Observation, reason: QuarantineReason) -> None:
    """Put an observation into quarantine with a step, and count it as ``quarantine.<reason>``."""
    state.stats[f"quarantine.{reason}"] += 1
    if len(changes.held) < _MOST_OF_ONE:
        frame_row(state, changes)
        changes.held.append(Held(state.next_id("quarantine"), reason, obs, frame))
    else:
        state.stats["quarantine.not_kept"] += 1


def held_frame(state: MapState, frame: Frame, observations: Sequence[Observation], reason: QuarantineReason) -> Changes:
    """A whole image goes into quarantine: it changes nothing else, and what it shows empty is not believed either."""
    changes = Changes(stamp_ns=frame.stamp_ns, T_map_camera=frame.T_map_camera)
    state.stats["quarantine.images"] += 1
    for obs in observations:
        hold(state, changes, frame, obs, reason)
    return changes


def frame_row(state: MapState, changes: Changes) -> int:
    """Id of the row of a step's frame, made at first use."""
    if changes.frame_row == 0:
        changes.frame_row = state.next_id("frames")
    return changes.frame_row
