"""The executable contract of a spatial memory: any back end with the face of ``SpatialMemory`` must pass.

Each clause opens a memory of its own, drives it through a world of cards and checks one promise.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from memory_agent_ros.memory.contract_world import Card, CardWorld, three_cards
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.errors import BadInputError, MemoryAgentError
from memory_agent_ros.records.event import EventKind, MemoryEvent
from memory_agent_ros.records.map_object import MapObject, ObjectState
from memory_agent_ros.records.region import Region
from memory_agent_ros.records.tip import Tip, TipSource


class ContractError(MemoryAgentError):
    """A memory breaks its contract.

    Attributes:
        clause: name of the broken promise.
    """

    def __init__(self, clause: str, message: str) -> None:
        super().__init__(f"{clause}: {message}")
        self.clause = clause


def check_memory(
    open_memory: Callable[[], SpatialMemory], reopen: Callable[[Path], SpatialMemory] | None = None
) -> list[str]:
    """Run every clause; returns their names.

    Args:
        open_memory: opens a new, empty memory each time it is called; the check closes it.
        reopen: opens what ``save(path)`` wrote; without it the clause ``save_and_open`` is left out.

    Raises:
        ContractError: with the name of the first clause that does not hold.
    """
    names = []
    for clause in CLAUSES:
        with open_memory() as memory:
            clause(memory)
        names.append(clause.__name__)
    if reopen is not None:
        with open_memory() as memory:
            save_and_open(memory, reopen)
        names.append("save_and_open")
    return names


def _require(clause: Callable[..., None], holds: bool, message: str) -> None:
    if not holds:
        raise ContractError(clause.__name__, message)


def _watch(memory: SpatialMemory, world: CardWorld, ys: Iterable[float]) -> list[MemoryEvent]:
    events: list[MemoryEvent] = []
    for y in ys:
        events += memory.observe(*world.look(y))
    return events


def _sweep(center_y: float = 0.0, count: int = 8) -> list[float]:
    return [center_y + float(d) for d in np.linspace(-0.2, 0.2, count)]


def _mapped(memory: SpatialMemory) -> CardWorld:
    world = three_cards()
    _watch(memory, world, [*_sweep(), *_sweep(6.0)])
    return world


def _one(clause: Callable[..., None], found: list[MapObject], what: str) -> MapObject:
    _require(clause, len(found) == 1, f"expected one object for {what}, got {[(o.id, o.label) for o in found]}")
    return found[0]


def _told(events: Iterable[MemoryEvent]) -> list[tuple[EventKind, int]]:
    return [(e.kind, e.object_id) for e in events if e.kind is not EventKind.UPDATED]


def _summary(memory: SpatialMemory) -> list[tuple[int, str, str, int, float, list[float]]]:
    return [
        (o.id, o.label, str(o.state), o.observations, round(o.presence, 6), o.box.center.round(6).tolist())
        for o in memory.objects(include_tentative=True)
    ]


def starts_empty(memory: SpatialMemory) -> None:
    """A new memory knows nothing and says so."""
    nothing = not memory.objects() and not memory.find("mug") and memory.count("mug") == 0 and not memory.changes()
    _require(
        starts_empty, nothing and memory.last_seen("mug") is None, "it claims to know things before the first image"
    )


def one_glance_is_not_enough(memory: SpatialMemory) -> None:
    """One detection is no object yet."""
    _watch(memory, three_cards(), [0.0])
    _require(
        one_glance_is_not_enough, not memory.find("mug") and not memory.changes(), "it shows what it saw only once"
    )


def each_thing_once_in_its_place(memory: SpatialMemory) -> None:
    """Every thing seen well is one object, where it stands, announced once."""
    clause = each_thing_once_in_its_place
    world = three_cards()
    events = _watch(memory, world, [*_sweep(), *_sweep(6.0)])
    for name, card in world.cards.items():
        found = _one(clause, memory.find(name), name)
        error = float(np.linalg.norm(found.box.center - card.center))
        _require(clause, error < 0.08, f"{name} is {error:.2f} m off")
        _require(clause, found.id > 0 and found.confirmed and found.presence > 0.5, f"{name} has no id or no presence")
        told = _told(events).count((EventKind.ADDED, found.id))
        _require(clause, told == 1, f"{name} was announced {told} times")
    _require(clause, len(memory.objects()) == len(world.cards), "it has other objects than there are things")


def evidence_resolves(memory: SpatialMemory) -> None:
    """Every answer cites observations whose picture, stamp and box exist."""
    clause = evidence_resolves
    _mapped(memory)
    for found in memory.find():
        _require(clause, len(found.evidence) > 0, f"{found.label} comes without evidence")
        for item in found.evidence:
            picture = memory.keyframe(item.keyframe_id)
            image = cv2.imdecode(np.frombuffer(picture.jpeg, dtype=np.uint8), cv2.IMREAD_COLOR)
            _require(clause, image is not None, "a picture cannot be decoded")
            _require(clause, picture.stamp_ns == item.stamp_ns, "picture and evidence have different stamps")
            _require(clause, item.object_id == found.id, "the evidence is of another object")
            x0, y0, x1, y1 = item.box_xyxy
            inside = 0 <= x0 < x1 <= picture.camera.width and 0 <= y0 < y1 <= picture.camera.height
            _require(clause, bool(inside), "the box is not in the picture")
            _require(clause, item.keyframe_id in memory.keyframe_ids(), "the picture is not in the list of pictures")


def removed_is_gone(memory: SpatialMemory) -> None:
    """A thing whose place is seen empty is gone, still known, and no longer counted."""
    clause = removed_is_gone
    world = _mapped(memory)
    mug = _one(clause, memory.find("mug"), "mug")
    del world.cards["mug"]
    told = _told(_watch(memory, world, _sweep()))
    _require(clause, told == [(EventKind.GONE, mug.id)], f"expected one event 'gone', got {told}")
    _require(clause, memory.get(mug.id).state is ObjectState.GONE, "it is still said to be present")
    _require(clause, memory.count("mug") == 0, "it is still counted")
    last = memory.last_seen("mug")
    _require(clause, last is not None and last.last_seen_ns == mug.last_seen_ns, "when it was last seen has changed")


def occluded_is_not_gone(memory: SpatialMemory) -> None:
    """A thing hidden behind another says nothing about its presence."""
    world = _mapped(memory)
    before = memory.count()
    world.cards["screen"] = Card("", (1.0, 0.0, 1.0), (2.0, 2.0))
    told = _told(_watch(memory, world, _sweep(count=24)))
    _require(occluded_is_not_gone, not told and memory.count() == before, f"hidden things changed: {told}")


def not_looked_at_is_not_gone(memory: SpatialMemory) -> None:
    """Time and looking elsewhere take nothing away."""
    clause = not_looked_at_is_not_gone
    world = _mapped(memory)
    before = {o.id: (o.state, o.presence) for o in memory.objects() if o.label != "lamp"}
    world.cards.clear()
    world.stamp_ns += 30 * 24 * 3600 * 1_000_000_000
    _watch(memory, world, _sweep(6.0))
    after = {o.id: (o.state, o.presence) for o in memory.objects() if o.label != "lamp"}
    _require(clause, before == after, "things that were not looked at have changed")
    _require(clause, memory.count("lamp") == 0, "the thing that was looked at and is not there is still present")


def moved_keeps_its_identity(memory: SpatialMemory) -> None:
    """A thing found at another place is the same object, whichever place is seen first."""
    clause = moved_keeps_its_identity
    world = _mapped(memory)
    for target, route in (((2.1, 6.5, 1.0), (0.0, 6.0)), ((2.0, 0.3, 1.0), (0.0, 6.0))):
        mug = _one(clause, memory.find("mug"), "mug")
        world.cards["mug"] = replace(world.cards["mug"], center=target)
        events = _watch(memory, world, [y for place in route for y in _sweep(place)])
        moved = [e for e in events if e.kind is EventKind.MOVED]
        _require(clause, [e.object_id for e in moved] == [mug.id], f"expected one event 'moved', got {_told(events)}")
        found = _one(clause, memory.find("mug"), "mug")
        error = float(np.linalg.norm(found.box.center - target))
        _require(clause, found.id == mug.id and error < 0.08, f"the mug is {error:.2f} m from its new place")
        previous = moved[0].previous_position_m
        _require(clause, previous is not None, "the event does not say where it was")


def bad_frames_are_refused(memory: SpatialMemory) -> None:
    """A stamp that runs back or another world frame is refused, and nothing of it is kept."""
    clause = bad_frames_are_refused
    world = _mapped(memory)
    before = _summary(memory)
    frame, observations = world.look(0.0)
    late = frame.stamp_ns - 60_000_000_000
    old = [replace(o, stamp_ns=late) for o in observations]
    for bad, seen, reason in (
        (replace(frame, stamp_ns=late), old, "stamp_runs_back"),
        (replace(frame, frame_id="elsewhere"), observations, "frame_id_mismatch"),
    ):
        try:
            memory.observe(bad, seen)
        except BadInputError as error:
            _require(clause, error.reason == reason, f"expected the reason {reason}, got {error.reason}")
        else:
            raise ContractError(clause.__name__, f"it took a frame that should be refused as {reason}")
        _require(clause, _summary(memory) == before, f"a frame refused as {reason} has left traces")


def queries_agree(memory: SpatialMemory) -> None:
    """``find``, ``labels``, ``count``, ``near``, ``last_seen``, ``history``, ``changes`` tell one story."""
    clause = queries_agree
    world = _mapped(memory)
    before = _summary(memory)
    mug, book = _one(clause, memory.find("Mugs"), "Mugs"), _one(clause, memory.find(text="the book"), "the book")
    _require(clause, memory.count() == len(memory.find(limit=99)) == 3, "count and find disagree")
    shown = dict(sorted(Counter(o.label for o in memory.find(limit=99)).items()))
    _require(clause, list(memory.labels().items()) == list(shown.items()), "labels and find disagree")
    _require(clause, len(memory.find(limit=2)) == 2, "find does not keep to its limit")
    _require(clause, [o.id for o in memory.near(object_id=mug.id, radius_m=1.0)] == [book.id], "near is wrong")
    ordered = [o.id for o in memory.near(np.array([2.0, 0.3, 1.0]), radius_m=9.0)]
    _require(clause, ordered[:2] == [mug.id, book.id] and len(ordered) == 3, "near is not nearest first")
    region = Region(np.array([-9.0, 5.0, -9.0]), np.array([9.0, 7.0, 9.0]))
    _require(clause, [o.label for o in memory.find(region=region)] == ["lamp"], "find ignores the region")
    last = memory.last_seen()
    _require(clause, last is not None and last.label == "lamp", "last_seen is not the last thing seen")
    _require(
        clause, [e.kind for e in memory.history(mug.id)][:1] == [EventKind.ADDED], "history does not begin with added"
    )
    log = memory.changes()
    ids = [e.id for e in log]
    _require(clause, ids == sorted(set(ids)) and len(ids) == 3 and min(ids) > 0, "changes are not in order, each once")
    _require(clause, memory.changes(world.stamp_ns + 1) == [], "changes ignores its stamp")
    _require(clause, not memory.find("unicorn") and memory.count("unicorn") == 0, "it knows a unicorn")
    _require(clause, _summary(memory) == before, "a question has changed the memory")


def structure_agrees(memory: SpatialMemory) -> None:
    """Rooms, relations and the queries that name them tell one story, of present objects only, and change nothing."""
    clause = structure_agrees
    world = _mapped(memory)
    world.cards["cup"] = Card("cup", (2.0, 0.62, 1.0), color=5)
    _watch(memory, world, _sweep())
    before = _summary(memory)
    mug, cup = _one(clause, memory.find("mug"), "mug"), _one(clause, memory.find("cup"), "cup")
    beside = {(r.subject_id, r.object_id) for r in memory.relations(kinds=["next to"])}
    _require(clause, {(mug.id, cup.id), (cup.id, mug.id)} <= beside, "two things 8 cm apart are not next to each other")
    found = memory.find(relation=("next to", "cup"))
    _require(clause, [o.id for o in found] == [mug.id], f"find by relation gave {[o.label for o in found]}")
    _require(clause, not memory.find("mug", relation=("on", "cup")), "find took the wrong relation")
    for room in memory.rooms():
        things = {o.id for o in memory.find(room=room.id, limit=99)}
        _require(clause, things == set(room.object_ids), f"find and rooms disagree about {room.name}")
        _require(
            clause, all(_is_in(memory, i, room.id) for i in things), f"room_of and rooms disagree about {room.name}"
        )
        stands = {r.subject_id for r in memory.relations(kinds=["in"]) if r.room_id == room.id}
        _require(clause, stands == things, f"relations and rooms disagree about {room.name}")
    _require(clause, not memory.find(room="no such room"), "it knows things in a room that it does not know")
    _require(clause, _summary(memory) == before, "a question has changed the memory")
    del world.cards["cup"]
    _watch(memory, world, _sweep())
    _require(clause, not memory.relations(cup.id), "a thing that is gone still stands in relations")


def _is_in(memory: SpatialMemory, object_id: int, room_id: int) -> bool:
    room = memory.room_of(object_id)
    return room is not None and room.id == room_id


def records_are_copies(memory: SpatialMemory) -> None:
    """What a caller does to a record does not reach the memory."""
    _mapped(memory)
    before = _summary(memory)
    for found in memory.objects():
        for array in (found.box.center, found.points_map, found.centroid_map):
            if array.flags.writeable:
                array += 5.0
    _require(records_are_copies, _summary(memory) == before, "a record shares its arrays with the memory")


def corrections_hold(memory: SpatialMemory) -> None:
    """A label or place given by hand is taken over, and logged with its reason."""
    clause = corrections_hold
    world = _mapped(memory)
    mug, book = _one(clause, memory.find("mug"), "mug"), _one(clause, memory.find("book"), "book")
    event = memory.relabel(mug.id, "cup", "a person said so")
    _require(clause, event.kind is EventKind.EDITED and "a person said so" in event.detail, "the reason is not logged")
    _watch(memory, world, _sweep())
    _require(clause, memory.get(mug.id).label == "cup", "a detection overruled a person")
    memory.move(book.id, np.array([1.0, 9.0, 1.0]), "drift")
    error = float(np.linalg.norm(memory.get(book.id).box.center - (1.0, 9.0, 1.0)))
    _require(clause, error < 0.08, "the object was not moved")
    merged = memory.merge_objects(mug.id, book.id, "one thing")
    _require(clause, (merged.kind, merged.other_id) == (EventKind.MERGED, book.id), "the merge is not logged")
    _require(clause, memory.get(book.id).id == mug.id, "the merged id does not lead to the survivor")


def forgotten_is_forgotten(memory: SpatialMemory) -> None:
    """An erased object is in no answer, no event and no list; its id is not used again."""
    clause = forgotten_is_forgotten
    world = _mapped(memory)
    lamp = _one(clause, memory.find("lamp"), "lamp")
    _require(clause, memory.forget(label="lamp") == [lamp.id], "forget does not say what it erased")
    _require(clause, not memory.find("lamp") and not memory.find(text="lamp"), "it is still found")
    _require(clause, all(e.label != "lamp" for e in memory.changes()), "it is still in the log")
    try:
        memory.get(lamp.id)
    except BadInputError:
        pass
    else:
        raise ContractError(clause.__name__, "its id still gives an object")
    _watch(memory, world, _sweep(6.0))
    again = _one(clause, memory.find("lamp"), "lamp, seen again")
    _require(clause, again.id > lamp.id, "its id was used again")


def _tip(text: str, domain: str = "search", objects: tuple[int, ...] = ()) -> Tip:
    situation, choice = np.eye(4, dtype=np.float32)[1], np.array([0.5, 2.0], dtype=np.float32)
    source = TipSource("contract/0", 0, "contract", 1, "cards")
    return Tip(domain, "find it", situation, choice, "viewpoint", 0.5, text, source, objects)


def tips_are_kept(memory: SpatialMemory) -> None:
    """A tip comes back as it was given, once, in its own kind of task, and goes with the object it is about."""
    clause = tips_are_kept
    _mapped(memory)
    before = _summary(memory)
    mug = _one(clause, memory.find("mug"), "mug")
    about, other = _tip("go left first", objects=(mug.id,)), _tip("go right first")
    _require(clause, memory.tips.remember([about, other]) == 2, "new tips are not counted as new")
    _require(clause, memory.tips.remember([other]) == 0, "a known tip is counted as new")
    kept = memory.tips.of("search")
    _require(clause, [t.text for t in kept] == [about.text, other.text], "tips are lost, doubled or out of order")
    same = kept[0].source == about.source and (kept[0].goal, kept[0].kind) == (about.goal, about.kind)
    numbers = np.array_equal(kept[0].situation, about.situation) and np.array_equal(kept[0].choice, about.choice)
    _require(clause, same and numbers and kept[0].score == 0.5, "a tip comes back changed")
    _require(clause, memory.tips.of("discover") == [], "tips are told in another kind of task")
    _require(clause, _summary(memory) == before, "tips have changed the objects")
    memory.forget([mug.id])
    _require(
        clause, [t.text for t in memory.tips.of("search")] == [other.text], "a tip outlives the object it is about"
    )


def verifies(memory: SpatialMemory) -> None:
    """A memory that was used as it should finds nothing wrong with itself."""
    world = _mapped(memory)
    del world.cards["book"]
    _watch(memory, world, _sweep())
    memory.forget(label="lamp")
    problems = memory.verify()
    _require(verifies, problems == [], f"verify() reports {problems}")


def save_and_open(memory: SpatialMemory, reopen: Callable[[Path], SpatialMemory]) -> None:
    """A saved map, opened again, is the same map and goes on."""
    clause = save_and_open
    world = _mapped(memory)
    memory.tips.remember([_tip("go left first")])
    before, log = _summary(memory), [(e.id, e.kind, e.object_id) for e in memory.changes()]
    with tempfile.TemporaryDirectory() as folder, reopen(memory.save(Path(folder) / "contract.map")) as opened:
        _require(clause, _summary(opened) == before, "objects differ after opening")
        _require(clause, [(e.id, e.kind, e.object_id) for e in opened.changes()] == log, "events differ after opening")
        _require(clause, [t.text for t in opened.tips.of("search")] == ["go left first"], "tips differ after opening")
        _require(clause, opened.last_stamp_ns == memory.last_stamp_ns, "the clock differs after opening")
        mug = _one(clause, opened.find("mug"), "mug")
        _require(clause, _told(_watch(opened, world, _sweep())) == [], "seen again, old things are told as new")
        _require(clause, opened.get(mug.id).observations > mug.observations, "old and new sightings are not joined")


CLAUSES: tuple[Callable[[SpatialMemory], None], ...] = (
    starts_empty,
    one_glance_is_not_enough,
    each_thing_once_in_its_place,
    evidence_resolves,
    removed_is_gone,
    occluded_is_not_gone,
    not_looked_at_is_not_gone,
    moved_keeps_its_identity,
    bad_frames_are_refused,
    queries_agree,
    structure_agrees,
    records_are_copies,
    corrections_hold,
    forgotten_is_forgotten,
    tips_are_kept,
    verifies,
)
