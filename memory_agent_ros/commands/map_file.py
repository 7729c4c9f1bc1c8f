"""Look into a map file: what it holds (info, rooms, relations), where from (sources, provenance); name its rooms."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import TYPE_CHECKING, Any

from memory_agent_ros.commands.open_map import map_place
from memory_agent_ros.commands.output import print_json, shown

if TYPE_CHECKING:
    from memory_agent_ros.memory.spatial_memory import SpatialMemory


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``map info|verify|rooms|relations|sources --map M [--json]``, ``map provenance --map M --object ID``,
    ``map name-room --map M --room ID --name NAME``.
    """
    whats = ("info", "verify", "rooms", "relations", "sources", "provenance", "name-room")
    parser.add_argument("what", choices=whats, help="sources: who told what, and how far each is believed")
    parser.add_argument("--map", type=map_place, required=True, metavar="FILE|URL")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--object", type=int, metavar="ID", help="relations: only those of this object; provenance: of it"
    )
    parser.add_argument("--kind", action="append", help="relations: only of this kind (in, on, inside, next to, under)")
    parser.add_argument("--room", type=int, metavar="ID", help="name-room: which room")
    parser.add_argument("--name", default="", help='name-room: its name; "" lets its things name it again')


def run(args: argparse.Namespace) -> int:
    """``verify`` returns 1 if something is wrong."""
    from memory_agent_ros.commands.open_map import open_map

    if args.what == "name-room":
        return _name_room(args)
    with open_map(args.map) as memory:
        if args.what == "rooms":
            document, lines = _rooms(memory)
        elif args.what == "relations":
            document, lines = _relations(memory, args)
        elif args.what == "sources":
            document, lines = _sources(memory)
        elif args.what == "provenance":
            document, lines = _provenance(memory, args.object)
        else:
            document = _about(memory, args)
            about = [f"{key}: {value}" for key, value in document.items() if key != "problems"]
            lines = document["problems"] or ["sound"] if args.what == "verify" else about
    if args.json:
        print_json(document)
    else:
        print("\n".join(map(shown, lines)))
    return 1 if document.get("problems") else 0


def _about(memory: SpatialMemory, args: argparse.Namespace) -> dict[str, Any]:
    objects = memory.objects()
    return {
        "map": memory.place,
        "objects": dict(sorted(Counter(o.label for o in objects if o.state == "present").items())),
        "gone": dict(sorted(Counter(o.label for o in objects if o.state == "gone").items())),
        "keyframes": len(memory.keyframe_ids()),
        "last_stamp_ns": memory.last_stamp_ns,
        "map_revision": memory.map_revision,
        "problems": memory.verify() if args.what == "verify" else [],
    }


def _rooms(memory: SpatialMemory) -> tuple[dict[str, Any], list[str]]:
    rooms = memory.rooms()
    labels = {o.id: o.label for o in memory.objects()}
    names = {r.id: r.name for r in rooms}
    lines = []
    for room in rooms:
        things = Counter(labels[i] for i in room.object_ids if i in labels)
        doors = {names[i] for d in room.doors for i in d.rooms if i != room.id}
        lines.append(
            f"#{room.id} {room.name} ({room.name_confidence:.2f}), {room.area_m2:.1f} m2, "
            f"doors to {', '.join(sorted(doors)) or 'nowhere'}: "
            + (", ".join(f"{count} {label}" for label, count in sorted(things.items())) or "nothing")
        )
    return {"rooms": [r.to_dict() for r in rooms]}, lines or ["no rooms yet"]


def _relations(memory: SpatialMemory, args: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    relations = memory.relations(args.object, kinds=args.kind)
    labels = {o.id: f"{o.label} #{o.id}" for o in memory.objects()}
    rooms = {r.id: r.name for r in memory.rooms()}
    lines = []
    for r in relations:
        other = rooms.get(r.room_id or 0, f"room {r.room_id}") if r.object_id is None else labels[r.object_id]
        lines.append(f"{labels[r.subject_id]} {r.kind} {other} ({r.distance_m:.2f} m, {r.confidence:.2f})")
    return {"relations": [r.to_dict() for r in relations]}, lines or ["no relations"]


def _sources(memory: SpatialMemory) -> tuple[dict[str, Any], list[str]]:
    sources, held = memory.sources, dict(memory.quarantine_counts())
    lines = [
        f"#{s.id} {s.source}: trust {s.trust:.2f}{', not believed' if s.quarantined else ''}, {s.frames} images, "
        f"{s.confirmed:.1f} reports confirmed, {s.contradicted:.1f} contradicted"
        for s in sources
    ]
    lines += [f"in quarantine, {reason}: {count}" for reason, count in held.items()]
    return {"sources": [s.to_dict() for s in sources], "quarantine": held}, lines or ["nobody has told anything yet"]


def _provenance(memory: SpatialMemory, object_id: int | None) -> tuple[dict[str, Any], list[str]]:
    from memory_agent_ros.records.errors import BadInputError

    if object_id is None:
        raise BadInputError("object_missing", "say of which object: --object ID; memory-agent ask names ids")
    found = memory.provenance(object_id)
    named = "called so by hand" if found.label_by_hand else "called so by its detections"
    lines = [f"object {found.object_id}, {found.label}, {named}{'; its sources disagree' if found.contested else ''}"]
    lines += [
        f"seen by {s.source}, trust {s.trust:.2f}: {s.observations} observations, {s.with_picture} with a picture, "
        f"{s.first_ns / 1e9:.1f} to {s.last_ns / 1e9:.1f} s"
        for s in found.sources
    ]
    for claim in found.claims:
        said = f"is there, a {claim.label}" if claim.present else "is not there"
        lines.append(f"{claim.source} says: it {said} (weight {claim.weight:.2f}, {claim.stamp_ns / 1e9:.1f} s)")
    lines += [f"{c['kind']} by {c['author']}, {c['made']}: {c['reason']}" for c in found.corrections]
    return found.to_dict(), lines


def _name_room(args: argparse.Namespace) -> int:
    from memory_agent_ros.commands.open_map import open_map
    from memory_agent_ros.memory.spatial_memory import SpatialMemory
    from memory_agent_ros.records.errors import BadInputError

    if args.room is None:
        raise BadInputError("room_missing", "say which room: --room ID; list them with: memory-agent map rooms")
    open_map(args.map).close()  # says what is wrong with a map that is not there, and makes none
    with SpatialMemory.open(args.map) as memory:
        room = memory.name_room(args.room, args.name)
    if args.json:
        print_json(room.to_dict())
    else:
        print(f"room #{room.id} is called {room.name}")
    return 0
