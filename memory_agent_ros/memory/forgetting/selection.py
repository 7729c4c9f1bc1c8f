"""Which objects a request to forget means."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.arguments import checked_region
from memory_agent_ros.memory.association.appearance import usable_vector
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.forgetting.zones import Zone
from memory_agent_ros.memory.indexes import queries
from memory_agent_ros.memory.indexes.queries import Query, TextMatcher
from memory_agent_ros.memory.map_state import MapState
from memory_agent_ros.memory.storage.erasure import known_only_from
from memory_agent_ros.memory.storage.store import Store
from memory_agent_ros.memory.track import Track
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.forgetting import ForgetRequest

#: Given tracks and the name or id of a room, the ids of those that stand in it.
InRoom = Callable[[list[Track], str | int], set[int]]


def selected(
    request: ForgetRequest, state: MapState, store: Store, matcher: TextMatcher, config: MemoryConfig, in_room: InRoom
) -> list[Track]:
    """The objects named, and those that meet all conditions, tentative ones too, by id.

    Raises:
        BadInputError: ``unknown_object``, ``object_without_appearance``, ``appearance_unusable``.
    """
    named = {t.id: t for t in state.resolve_all(request.object_ids)}
    if set(request.conditions) - {"object_ids"}:
        looks = None if request.like is None else looks_of(request.like, state)
        query = Query(request.label, region=checked_region(request.region))
        found = [t for _, t in queries.rank(state.tracks.scan(), matcher, config, query, shown=False)]
        found = [t for t in found if _alike(t, looks, request.similarity)]
        if request.polygon is not None:
            zone = Zone(np.asarray(request.polygon, dtype=np.float64))
            found = [t for t in found if zone.holds(t.box(config).center[None])[0]]
        if request.span is not None:
            low, high = request.span
            alone = known_only_from(store, request.span) if only_span(request) else set()
            found = [t for t in found if t.id in alone or (t.first_seen_ns >= low and t.last_seen_ns <= high)]
        if request.room is not None and found:
            chosen = in_room(found, request.room)
            found = [t for t in found if t.id in chosen]
        named |= {t.id: t for t in found}
    return state.tracks.take(sorted(named))


def only_span(request: ForgetRequest) -> bool:
    """Whether a time is all that a request names: then everything of that time goes."""
    return request.conditions == ("span",)


def looks_of(like: int | NDArray[np.floating], state: MapState) -> list[NDArray[np.float32]]:
    """Unit appearance vectors that are meant: the views of an object, or the vector given.

    Raises:
        BadInputError: ``unknown_object``, ``object_without_appearance``, ``appearance_unusable``.
    """
    if not isinstance(like, int | np.integer):
        return [usable_vector(like)]
    bank = state.resolve(int(like)).bank
    if not len(bank.weights):
        raise BadInputError("object_without_appearance", f"object {like} was seen without an appearance vector")
    return list(bank.vectors)


def views_of_all(tracks: Iterable[Track]) -> list[NDArray[np.float32]]:
    """Every view of every object, as far as they have any."""
    return [vector for track in tracks for vector in track.bank.vectors]


def _alike(track: Track, looks: list[NDArray[np.float32]] | None, least: float) -> bool:
    if looks is None:
        return True
    cosines = [c for c in map(track.bank.similarity, looks) if c is not None]
    return bool(cosines) and max(cosines) >= least
