"""Rows of one map file made ready for another: fresh ids, poses and places in the other's frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.se3 import yaw_of
from memory_agent_ros.memory.corrections.rows import incoming_corrections
from memory_agent_ros.memory.map_state import Incoming
from memory_agent_ros.memory.storage.sealing import open_rows
from memory_agent_ros.memory.storage.store import Store
from memory_agent_ros.memory.storage.tip_book import incoming_tips

Row = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Move:
    """How rows of the other map are renamed and moved.

    Attributes:
        T: (4, 4) maps points of the other map's frame into this one's.
        offsets: by table, what is added to its ids.
        owners: id of an object, offset already -> (id it goes by now, how much its placements grow).
        frame_id, map_revision: of this map.
        sources: id of a source there -> its id here.
    """

    T: NDArray[np.float64]
    offsets: Mapping[str, int]
    owners: Mapping[int, tuple[int, int]]
    frame_id: str
    map_revision: int
    sources: Mapping[int, int] = field(default_factory=dict)

    def point(self, xyz: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
        """A place in this map's frame; one that is not known stays so."""
        if any(v is None for v in xyz):
            return xyz
        x, y, z = (self.T[:3, :3] @ np.array(xyz, dtype=np.float64) + self.T[:3, 3]).tolist()
        return x, y, z

    def pose(self, blob: bytes) -> bytes:
        """A packed (4, 4) pose in this map's frame."""
        return (self.T @ np.frombuffer(blob).reshape(4, 4)).tobytes()


def incoming_rows(other: Store, move: Move) -> list[Incoming]:
    """Everything the other map remembers beside its objects, to be written after those are."""
    return [
        _insert(other, "frames", lambda row: _frame(row, move)),
        _insert(other, "keyframes", lambda row: _keyframe(row, move)),
        _insert(other, "observations", lambda row: _observation(row, move)),
        _insert(other, "surfaces", lambda row: _surface(row, move)),
        _insert(other, "events", lambda row: _event(row, move)),
        Incoming("aliases", "INSERT INTO aliases VALUES (?,?)", ("old_id", "new_id"), _aliases(other, move)),
        Incoming(
            "together",
            "INSERT INTO together VALUES (?,?,?) "
            "ON CONFLICT (a, b) DO UPDATE SET count = together.count + excluded.count",
            ("a", "b", "count"),
            _together(other, move),
        ),
        incoming_tips(other, move.offsets["objects"]),
        incoming_corrections(other, move.offsets["objects"], move.offsets["corrections"]),
    ]


def _insert(other: Store, table: str, convert: Callable[[Row], Row | None]) -> Incoming:
    """All rows of a table, with whatever columns it has."""
    names = tuple(other.columns(table))
    columns = ", ".join(names)
    stored = open_rows(other, table, names, other.rows(f"SELECT {columns} FROM {table}"))
    converted = [convert(dict(zip(names, r, strict=True))) for r in stored]
    rows = [tuple(row[n] for n in names) for row in converted if row is not None]
    return Incoming(table, f"INSERT INTO {table} ({columns}) VALUES ({','.join('?' * len(names))})", names, rows)


def _frame(row: Row, move: Move) -> Row:
    return row | {"id": row["id"] + move.offsets["frames"], "pose": move.pose(row["pose"])}


def _keyframe(row: Row, move: Move) -> Row:
    frame_row = row["frame_row"]
    return row | {
        "id": row["id"] + move.offsets["keyframes"],
        "frame_row": None if frame_row is None else frame_row + move.offsets["frames"],
        "pose": move.pose(row["pose"]),
        "frame_id": move.frame_id,
        "map_revision": move.map_revision,
    }


def _observation(row: Row, move: Move) -> Row | None:
    owner = move.owners.get(row["object_id"] + move.offsets["objects"])
    if owner is None:
        return None
    x, y, z = move.point((row["x"], row["y"], row["z"]))
    keyframe = row["keyframe_id"]
    return row | {
        "id": row["id"] + move.offsets["observations"],
        "object_id": owner[0],
        "placement": row["placement"] + owner[1],
        "frame_row": row["frame_row"] + move.offsets["frames"],
        "source_id": move.sources.get(row["source_id"], 0),
        "keyframe_id": None if keyframe is None else keyframe + move.offsets["keyframes"],
        "x": x,
        "y": y,
        "z": z,
        "yaw": float((row["yaw"] + yaw_of(move.T) + np.pi) % (2 * np.pi) - np.pi),
    }


def _surface(row: Row, move: Move) -> Row | None:
    """In the camera's frame: it stays as it is."""
    owner = move.owners.get(row["owner"] + move.offsets["objects"])
    if owner is None:
        return None
    return row | {"observation_id": row["observation_id"] + move.offsets["observations"], "owner": owner[0]}


def _event(row: Row, move: Move) -> Row:
    x, y, z = move.point((row["x"], row["y"], row["z"]))
    px, py, pz = move.point((row["px"], row["py"], row["pz"]))
    of_object = row["object_id"]
    other = row["other_id"]
    return row | {
        "id": row["id"] + move.offsets["events"],
        "object_id": of_object + move.offsets["objects"] if of_object else of_object,
        "other_id": None if other is None else other + move.offsets["objects"],
        "x": x,
        "y": y,
        "z": z,
        "px": px,
        "py": py,
        "pz": pz,
    }


def _aliases(other: Store, move: Move) -> list[tuple[int, int]]:
    offset = move.offsets["objects"]
    return [(old + offset, new + offset) for old, new in other.rows("SELECT old_id, new_id FROM aliases")]


def _together(other: Store, move: Move) -> list[tuple[int, int, int]]:
    offset, rows = move.offsets["objects"], []
    for a, b, count in other.rows("SELECT a, b, count FROM together"):
        if a + offset not in move.owners or b + offset not in move.owners:
            continue
        first, second = sorted((move.owners[a + offset][0], move.owners[b + offset][0]))
        if first != second:
            rows.append((first, second, count))
    return rows
