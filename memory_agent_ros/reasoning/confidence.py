"""How sure the memory is of what an answer rests on.

For one object it is

    c(o) = presence x P(label | votes) x relevance            if it is believed present,
    c(o) = (1 - presence) x P(label | votes) x relevance      if it is believed gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from memory_agent_ros.records.map_object import MapObject, ObjectState


def object_confidence(obj: MapObject) -> float:
    """c(o) of the module's formula, in [0, 1]."""
    there = obj.presence if obj.state is ObjectState.PRESENT else 1.0 - obj.presence
    return float(np.clip(there * obj.label_probs.get(obj.label, 1.0) * obj.relevance, 0.0, 1.0))


def mean(values: Sequence[float]) -> float:
    """Mean, 1 of nothing."""
    return float(np.mean(values)) if len(values) else 1.0


def all_of(objects: Iterable[MapObject]) -> float:
    """Probability that all of them are as believed."""
    return float(np.prod([object_confidence(o) for o in objects]))


def any_of(objects: Iterable[MapObject]) -> float:
    """Probability that at least one of them is as believed."""
    return 1.0 - float(np.prod([1.0 - object_confidence(o) for o in objects]))
