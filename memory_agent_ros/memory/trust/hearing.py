"""One image with its source: held back if it looks injected, else weighed against what others said, and taken in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from memory_agent_ros.memory.association.association import Associator
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.map_state import Changes, MapState
from memory_agent_ros.memory.trust.guard import Arrival, Waiting
from memory_agent_ros.memory.trust.holding import held_frame, hold
from memory_agent_ros.memory.trust.jury import Jury
from memory_agent_ros.memory.trust.retraction import retract_suspect
from memory_agent_ros.memory.update import step
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.observation import Observation
from memory_agent_ros.records.quarantine import QuarantineReason

#: What one step changed, and the observations that it was given.
Heard = tuple[Changes, Sequence[Observation]]


def hear(
    state: MapState, frame: Frame, observations: Sequence[Observation], config: MemoryConfig, associator: Associator
) -> Iterator[Heard]:
    """Take in one checked image, after those held back before it that it bears out; the last step is its own.

    Each step is to be written before the next is asked for. Another source may have told of later
    than what was held back: no stamp of the map or of an object runs back then.
    """
    arrival = state.guard.arrival(frame, state.map_revision)
    if arrival is Arrival.HELD:
        changes = held_frame(state, frame, observations, QuarantineReason.POSE_JUMP)
        changes.source_id = state.sources.heard(frame.source, frame.stamp_ns).id
        state.guard.wait(Waiting(frame, observations, tuple(held.id for held in changes.held)))
        yield changes, ()
        return
    for waiting in state.guard.settled(frame) if arrival is Arrival.SETTLED else ():
        state.stats["quarantine.settled"] += 1
        changes, taken = _heard_step(state, waiting.frame, waiting.observations, config, associator)
        changes.released += waiting.held_ids
        yield changes, taken
    yield _heard_step(state, frame, observations, config, associator)


def _heard_step(
    state: MapState, frame: Frame, observations: Sequence[Observation], config: MemoryConfig, associator: Associator
) -> Heard:
    """Take in an image, as far as its source is believed."""
    book, trust, guard = state.sources, config.trust, state.guard
    speaker = book.heard(frame.source, frame.stamp_ns)
    jury = Jury(book, speaker, frame.stamp_ns, trust) if trust.weigh and book.plural else None
    foreign = [o for o in observations if guard.unknown(o)]
    known = [o for o in observations if not guard.unknown(o)] if foreign else observations
    changes = step(state, frame, known, config, associator, jury, guard.newcomers(frame, len(known)))
    for obs in foreign:
        hold(state, changes, frame, obs, QuarantineReason.VOCABULARY)
    changes.source_id = speaker.id
    if jury is not None:
        state.stats["trust.held_reports"] += jury.held
        for suspect in book.suspects(trust.quarantine_below, trust.release_above, trust.judged_from):
            state.stats["trust.distrusted"] += 1
            retract_suspect(state, changes, suspect, frame.stamp_ns, config)
    state.stats["frames_accepted"] += 1
    return changes, known
