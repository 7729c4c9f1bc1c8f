"""Rooms and relations of one map, found when asked and kept until something they rest on changes."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.map_state import MapState
from memory_agent_ros.memory.presence.looks import LookRecord
from memory_agent_ros.memory.storage.damage import told_as_damage
from memory_agent_ros.memory.storage.sealing import open_rooms, seal_rooms
from memory_agent_ros.memory.storage.store import INSERT_META, Store
from memory_agent_ros.memory.structure.free_space import FreeSpace
from memory_agent_ros.memory.structure.relations import find_relations
from memory_agent_ros.memory.structure.room_book import RoomBook
from memory_agent_ros.memory.structure.rooms import RoomPlan, describe_rooms, plan_rooms
from memory_agent_ros.memory.structure.segmentation import segment
from memory_agent_ros.memory.structure.support import PairCache
from memory_agent_ros.memory.structure.table import ObjectTable, build_table, table_key
from memory_agent_ros.records.relation import Relation
from memory_agent_ros.records.room import Room


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What rooms and relations are found from: present objects, looks since frame row ``since``, and their frame."""

    table: ObjectTable
    looks: Sequence[LookRecord]
    since: int
    map_revision: int


class Structure:
    """Caches over one working state. Only :meth:`snapshot` reads the state, so that no image waits for the rest."""

    def __init__(self, config: MemoryConfig) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._book = RoomBook()
        self._space = FreeSpace(config.structure)
        self._seen_row = 0
        self._map_revision = 0
        self._plan: RoomPlan | None = None
        self._table: ObjectTable | None = None
        self._revision = 0
        self._rooms: tuple[object, tuple[Room, ...]] | None = None
        self._relations: tuple[object, tuple[Relation, ...]] | None = None
        self._pairs: PairCache = {}

    def reset(self) -> None:
        """Forget the grid and everything found in it (thumbnails were blanked); ids and names of rooms stay."""
        with self._lock:
            self._start_over()

    @told_as_damage("rooms")
    def load(self, store: Store) -> None:
        """Take over ids and names of rooms from a map file."""
        rows = store.rows("SELECT value FROM meta WHERE key='rooms'")
        with self._lock:
            self._book = RoomBook.from_json(json.loads(open_rooms(store, rows[0][0]))) if rows else self._book

    def save(self, store: Store) -> None:
        """Keep ids and names of rooms in the map file, if they have changed."""
        with self._lock:
            if self._book.revision == self._book.saved or store.read_only:
                return
            with store.transaction("rooms") as cursor:
                value = seal_rooms(store, json.dumps(self._book.to_json()))
                cursor.execute(INSERT_META, ("rooms", value))
            self._book.saved = self._book.revision

    def snapshot(self, state: MapState) -> Snapshot:
        """Cheap; call it while nobody writes the state."""
        revision = state.tracks.revision()
        if self._table is None or revision != self._revision:
            if self._table is None or self._table.key != table_key(state.tracks.scan()):
                self._table = build_table(state.tracks.scan(), self._config)
            self._revision = revision
        since = self._seen_row if state.map_revision == self._map_revision else 0
        looks = [r for r in state.looks.records if r.frame_row > since]
        return Snapshot(self._table, looks, since, state.map_revision)

    def rooms(self, now: Snapshot) -> tuple[Room, ...]:
        """Rooms with names and things, by id."""
        with self._lock:
            plan = self._planned(now)
            key = (plan, now.table, tuple(sorted(self._book.given.items())))
            if self._rooms is None or self._rooms[0] != key:
                self._rooms = (key, describe_rooms(plan, now.table, self._book.given, self._config.structure))
            return self._rooms[1]

    def relations(self, now: Snapshot) -> tuple[Relation, ...]:
        """All relations of present objects."""
        with self._lock:
            key = (self._planned(now), now.table)
            if self._relations is None or self._relations[0] != key:
                self._relations = (key, find_relations(now.table, key[0], self._config.structure, self._pairs))
            return self._relations[1]

    def rooms_at(self, now: Snapshot, points: NDArray[np.float64]) -> list[int]:
        """Ids of the rooms that (N, 3) points lie in, 0 for none."""
        with self._lock:
            found = self._planned(now).locate(points[:, :2], self._config.structure.room_reach_m)[0]
        return [int(i) for i in found]

    def name_room(self, room_id: int, name: str) -> None:
        """Set a room's name by hand; "" gives it back to its things."""
        with self._lock:
            if name:
                self._book.given[room_id] = name
            else:
                self._book.given.pop(room_id, None)
            self._book.revision += 1

    def _planned(self, now: Snapshot) -> RoomPlan:
        if now.map_revision != self._map_revision:
            self._start_over()
            self._map_revision = now.map_revision
        stale = now.since > self._seen_row  # it was taken before somebody reset what it continues
        fresh = [] if stale else [r for r in now.looks if r.frame_row > self._seen_row]
        if self._plan is None or len(fresh) >= self._config.structure.new_looks:
            if fresh:
                self._space.add(fresh)
                self._seen_row = max(r.frame_row for r in fresh)
            self._plan = plan_rooms(self._space, segment(self._space, self._config.structure), self._book)
        return self._plan

    def _start_over(self) -> None:
        self._space = FreeSpace(self._config.structure)
        self._seen_row = 0
        self._plan = self._table = self._rooms = self._relations = None
