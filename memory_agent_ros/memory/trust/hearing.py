"""One step of the memory with its source: what it says is weighed against what other sources said, and taken in."""

from __future__ import annotations

from collections.abc import Sequence

from memory_agent_ros.memory.association.association import Associator
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.map_state import Changes, MapState
from memory_agent_ros.memory.trust.jury import Jury
from memory_agent_ros.memory.trust.retraction import retract_suspect
from memory_agent_ros.memory.update import step
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.observation import Observation


def heard_step(
    state: MapState,
    frame: Frame,
    observations: Sequence[Observation],
    config: MemoryConfig,
    associator: Associator,
) -> Changes:
    """Take in one checked frame, as far as its source is believed."""
    book, trust = state.sources, config.trust
    speaker = book.heard(frame.source, frame.stamp_ns)
    jury = Jury(book, speaker, frame.stamp_ns, trust) if trust.weigh and book.plural else None
    changes = step(state, frame, observations, config, associator, jury)
    changes.source_id = speaker.id
    if jury is not None:
        state.stats["trust.held_reports"] += jury.held
        for suspect in book.suspects(trust.quarantine_below, trust.release_above, trust.judged_from):
            state.stats["trust.distrusted"] += 1
            retract_suspect(state, changes, suspect, frame.stamp_ns, config)
    return changes
