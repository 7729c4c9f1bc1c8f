"""Which objects, and what in quarantine, a request to forget means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.arguments import checked_region
from memory_agent_ros.memory.association.appearance import usable_vector
from memory_agent_ros.memory.association.labels import normal_label
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.forgetting.blanking import boxes_in, corners_of_held, hulls
from memory_agent_ros.memory.forgetting.zones import Zone
from memory_agent_ros.memory.indexes import queries
from memory_agent_ros.memory.indexes.queries import Query, TextMatcher
from memory_agent_ros.memory.map_state import MapState
from memory_agent_ros.memory.storage.erasure import known_only_from
from memory_agent_ros.memory.storage.store import Store
from memory_agent_ros.memory.track import Track
from memory_agent_ros.memory.trust.held_rows import HeldRow
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.forgetting import ForgetRequest
from memory_agent_ros.records.quarantine import Quarantined

#: What is held back so near to an erased object, and called as it is, is taken for it, metres.
_BESIDE_M = 0.5

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


def selected_held(
    request: ForgetRequest,
    held: Sequence[HeldRow],
    erased: Sequence[Track],
    rooms: Sequence[NDArray[np.float64]],
    state: MapState,
    config: MemoryConfig,
) -> list[HeldRow]:
    """What goes from quarantine: what meets all conditions, is like an object that is erased, or may show what goes.

    Args:
        request: as made.
        held: what is in quarantine, as the map has it now.
        erased: the objects it erases.
        rooms: (N, 2) outlines of the rooms that it names.
        state: before the erasure.
        config: of the memory.
    """
    if not held:
        return []
    looks = None if request.like is None else looks_of(request.like, state)
    by_label: dict[str, list[Track]] = {}
    for track in erased:
        by_label.setdefault(normal_label(track.label), []).append(track)
    conditions = bool(set(request.conditions) - {"object_ids"})
    corners = hulls(erased)

    def goes(row: HeldRow) -> bool:
        alike = (t for name in _named(row.entry) for t in by_label.get(name, ()))
        return (
            (conditions and _held_meets(request, row.entry, looks, rooms))
            or any(_like_erased(row.entry, track, request.similarity, config) for track in alike)
            or _shows(row, corners)
        )

    meant = [row for row in held if goes(row)]
    chosen, corners = {row.entry.id for row in meant}, corners_of_held(meant)
    return [row for row in held if row.entry.id in chosen or _shows(row, corners)]


def _shows(row: HeldRow, corners: NDArray[np.float64]) -> bool:
    """Whether the part of the picture that is kept may show one of (N, 8, 3) boxes."""
    boxes = boxes_in(corners, row.T_map_camera, row.camera.K, (row.camera.width, row.camera.height))
    x0, y0, x1, y1 = row.picture[0]
    apart = (boxes[:, 0] >= x1) | (boxes[:, 2] <= x0) | (boxes[:, 1] >= y1) | (boxes[:, 3] <= y0)
    return not apart.all()


def _held_meets(
    request: ForgetRequest,
    entry: Quarantined,
    looks: list[NDArray[np.float32]] | None,
    rooms: Sequence[NDArray[np.float64]],
) -> bool:
    place, region = entry.position_m[None], checked_region(request.region)
    if request.label is not None and normal_label(request.label) not in _named(entry):
        return False
    if region is not None and not ((place >= region.minimum) & (place <= region.maximum)).all():
        return False
    outlines = [] if request.polygon is None else [np.asarray(request.polygon, dtype=np.float64)]
    if not all(Zone(outline).holds(place)[0] for outline in outlines):
        return False
    if request.room is not None and not any(Zone(outline).holds(place)[0] for outline in rooms):
        return False
    if request.span is not None and not request.span[0] <= entry.stamp_ns <= request.span[1]:
        return False
    return looks is None or any(_cosine(entry, look) >= request.similarity for look in looks)


def _named(entry: Quarantined) -> set[str]:
    """Normal forms of all that an entry is called; what its detector held for possible counts."""
    return {normal_label(name) for name in (entry.label, *entry.observation.label_scores)}


def _like_erased(entry: Quarantined, track: Track, least: float, config: MemoryConfig) -> bool:
    """Whether an entry of the same name lies beside an erased object, or looks like it."""
    low, high = track.bounds(config)
    beside = ((entry.position_m >= low - _BESIDE_M) & (entry.position_m <= high + _BESIDE_M)).all()
    return bool(beside) or any(_cosine(entry, vector) >= least for vector in track.bank.vectors)


def _cosine(entry: Quarantined, look: NDArray[np.float32]) -> float:
    vector = entry.observation.embedding
    if vector is None or len(vector) != len(look):
        return -1.0
    return float(vector @ look / max(float(np.linalg.norm(vector)), 1e-9))


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
