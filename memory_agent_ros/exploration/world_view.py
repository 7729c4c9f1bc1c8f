"""The explorer's situation: floor plan and memory as the records that candidates are made of."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.exploration.candidates import Goal, Places, Things
from memory_agent_ros.exploration.codes import Mode
from memory_agent_ros.exploration.config import ExplorerConfig
from memory_agent_ros.exploration.floor_graph import FloorGraph
from memory_agent_ros.exploration.goal_match import GoalMatch
from memory_agent_ros.exploration.goals import GoalChooser
from memory_agent_ros.exploration.known_world import KnownWorld
from memory_agent_ros.exploration.labels import LabelVectors
from memory_agent_ros.exploration.mapper import Mapper
from memory_agent_ros.exploration.path_planner import PathPlanner
from memory_agent_ros.exploration.run_state import RunState
from memory_agent_ros.exploration.view_field import ViewField
from memory_agent_ros.records.exploration_task import TaskKind
from memory_agent_ros.records.map_object import MapObject, ObjectState
from memory_agent_ros.records.room import Room

#: A look around counts as a visit of places this near, and shows all that can be seen from places this near, metres.
_VISITED_M, _LOOKED_M = 0.8, 0.5
#: How far the floor is taken to go on behind a frontier, metres (measured: so the mean gain is right).
_DEEP_M = 2.0
#: From how far a thing is looked at: not nearer, not farther, metres; a little less than what may be declared.
_NEAREST_M, _FARTHEST_M = 0.3, 2.3
#: Least footprint of furniture; seen from ``_WELL_M`` it was looked at in full, from ``_BARELY_M`` not; metres.
_FURNITURE_M, _WELL_M, _BARELY_M = 0.3, 2.0, 4.0
#: Poses on the way count as looks each so many metres.
_LOOK_EACH_M = 0.5
_TASKS = {Mode.DISCOVER: TaskKind.DISCOVER, Mode.SEARCH: TaskKind.SEARCH, Mode.VERIFY: TaskKind.VERIFY}
#: Stands for an unlimited budget, metres.
_PLENTY_M = 1e6


@dataclass(frozen=True, eq=False)
class Known:
    """One situation before candidates are picked; every array has a leading axis of one.

    Attributes:
        places, things, goal: see :mod:`memory_agent_ros.exploration.candidates`.
        objects: the remembered objects, in the order of ``things``.
        rooms: in the order of the places' room numbers.
        graph: ways along the floor.
    """

    places: Places
    things: Things
    goal: Goal
    objects: Sequence[MapObject]
    rooms: Sequence[Room]
    graph: FloorGraph

    def room_name(self, number: int) -> str:
        """Name of a room by its number, "" for -1."""
        return self.rooms[number].name if number >= 0 else ""


class WorldView:
    """Looks at what is known now.

    Args:
        memory: gives the memory of now.
    """

    def __init__(
        self,
        memory: Callable[[], KnownWorld],
        mapper: Mapper,
        planner: PathPlanner,
        goals: GoalChooser,
        labels: LabelVectors,
        match: GoalMatch,
        config: ExplorerConfig,
    ) -> None:
        self._memory, self._mapper, self._planner, self._goals = memory, mapper, planner, goals
        self._labels, self._match, self._config = labels, match, config

    def now(self, run: RunState) -> Known:
        """Floor plan, memory and goal at this moment; paths must be up to date."""
        memory = self._memory()
        objects, rooms = list(memory.objects()), list(memory.rooms())
        graph = FloorGraph(self._planner.reachable, self._mapper.grid.raster)
        xy = np.concatenate([self._mapper.xy[None], self._goals.candidates()])
        field = ViewField(
            self._mapper.grid, self._mapper.coverage, self._config, with_unknown=True, see_through=_DEEP_M
        )
        visible = field.visible(xy, self._config.seen_range_m)
        room = _rooms_of(xy, rooms)
        places = self._places(run, xy, graph, field, visible, room, rooms)
        things = self._things(run, objects, places, field, visible, rooms)
        return Known(places, things, self._goal(run, places, things), objects, rooms, graph)

    def _places(
        self,
        run: RunState,
        xy: NDArray[np.float64],
        graph: FloorGraph,
        field: ViewField,
        visible: NDArray[np.bool_],
        room: NDArray[np.int64],
        rooms: Sequence[Room],
    ) -> Places:
        """``xy`` (V, 2), the robot's own place first; ``visible`` (V, cells); ``room`` (V,)."""
        way = graph.distances(xy[:1], xy)[0]
        way[0] = 0.0
        looks = np.array(run.looks_xy).reshape(-1, 2)
        rooms_seen = _rooms_of(looks, rooms)
        entered = np.zeros(len(rooms), bool)
        entered[rooms_seen[rooms_seen >= 0]] = True
        away = np.linalg.norm(xy[:, None] - looks[None], axis=2)
        exhausted = (away < _LOOKED_M).any(axis=1)
        return Places(
            xy=xy[None].astype(np.float32),
            mask=np.ones((1, len(xy)), bool),
            path_m=way[None].astype(np.float32),
            gain_m2=np.where(exhausted, 0.0, field.floor_gains(visible))[None].astype(np.float32),
            room=room[None],
            visits=(away < _VISITED_M).sum(axis=1)[None].astype(np.float32),
            entered=entered[None],
            here=np.zeros(1, np.int64),
        )

    def _things(
        self,
        run: RunState,
        objects: Sequence[MapObject],
        places: Places,
        field: ViewField,
        visible: NDArray[np.bool_],
        rooms: Sequence[Room],
    ) -> Things:
        labels = [o.label for o in objects]
        xy = np.array([o.box.center[:2] for o in objects]).reshape(-1, 2)
        away = np.linalg.norm(xy - self._mapper.xy, axis=1)
        there = np.array([o.presence if o.state is ObjectState.PRESENT else 0.0 for o in objects], np.float32)
        seen_ns = np.array([o.last_seen_ns for o in objects], np.int64)
        here_ns = max(self._mapper.here_since_ns(), run.start_ns or 0)
        outlines = _outlines(objects)
        return Things(
            vector=self._labels.vectors(labels)[None],
            xy=xy[None].astype(np.float32),
            mask=np.ones((1, len(objects)), bool),
            presence=there[None],
            age_s=((self._mapper.stamp_ns - seen_ns) / 1e9).clip(0.0)[None].astype(np.float32),
            match=self._match.of(run.request.goal, labels)[None],
            unclear=self._unclear(run, objects, xy, outlines, field)[None],
            room=_rooms_of(xy, rooms)[None],
            place=_seats(places, xy, outlines, field, visible)[None],
            in_sight=(seen_ns >= here_ns)[None],
            range_m=away[None].astype(np.float32),
        )

    def _unclear(
        self,
        run: RunState,
        objects: Sequence[MapObject],
        xy: NDArray[np.float64],
        outlines: NDArray[np.float64],
        field: ViewField,
    ) -> NDArray[np.float32]:
        """(M,) how much a look from near would tell of what stands on a piece of furniture; 0 for other things."""
        out = np.zeros(len(objects), np.float32)
        large = [i for i, o in enumerate(objects) if min(o.box.size[:2]) >= _FURNITURE_M]
        if not large:
            return out
        from_xy, faces = self._looks(run)
        visible = field.visible(from_xy, self._config.surface_range_m)
        for i in large:
            cells = field.cells(outlines[i])
            offset = xy[i] - from_xy
            turned = np.abs(np.mod(np.arctan2(offset[:, 1], offset[:, 0]) - faces + np.pi, 2 * np.pi) - np.pi)
            faced = ~(turned > self._mapper.hfov / 2)  # a look all round has no heading
            seen = visible[:, cells[cells >= 0]].any(axis=1) & faced
            nearest = np.linalg.norm(offset[seen], axis=1).min(initial=np.inf)
            out[i] = np.clip((nearest - _WELL_M) / (_BARELY_M - _WELL_M), 0.0, 1.0)
        return out

    def _looks(self, run: RunState) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(N, 2) from where the robot looked in this run, (N,) headings, NaN for looks all round."""
        poses = [(x, y, yaw) for stamp, x, y, yaw in self._mapper.trail if stamp >= (run.start_ns or 0)]
        kept, last = [], np.full(2, np.inf)
        for pose in poses:
            if not np.linalg.norm(pose[:2] - last) < _LOOK_EACH_M:
                kept.append(pose)
                last = np.array(pose[:2])
        kept += [(x, y, np.nan) for x, y in run.looks_xy]
        table = np.array(kept).reshape(-1, 3)
        return table[:, :2], table[:, 2]

    def _goal(self, run: RunState, places: Places, things: Things) -> Goal:
        request = run.request
        budget = min(request.budget_m, _PLENTY_M)
        cell = np.floor(self._mapper.xy).astype(int).tolist()
        state = zlib.crc32(repr((cell, int(things.mask.sum()), int(places.entered.sum()))).encode())
        return Goal(
            vector=self._labels.vectors([request.goal]),
            kind=np.array([list(TaskKind).index(_TASKS[request.mode])]),
            budget_m=np.array([budget], np.float32),
            left_m=np.array([max(0.0, budget - run.travelled_m)], np.float32),
            left_decisions=np.array([1.0 - len(run.decisions) / request.max_decisions], np.float32),
            state=np.array([state], np.int64),
        )


def _outlines(objects: Sequence[MapObject]) -> NDArray[np.float64]:
    """(M, 5, 2) the corners of each thing's footprint, drawn in by a tenth, and its middle; metres, map frame."""
    center = np.array([o.box.center[:2] for o in objects]).reshape(-1, 1, 2)
    half = 0.45 * np.array([o.box.size[:2] for o in objects]).reshape(-1, 1, 2)
    yaw = np.array([o.box.yaw for o in objects])
    local = half * np.array([[-1, -1], [1, -1], [-1, 1], [1, 1], [0, 0]])
    R = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]]).transpose(2, 0, 1)
    return np.asarray(center + local @ R.transpose(0, 2, 1))


def _rooms_of(xy: NDArray[np.float64], rooms: Sequence[Room]) -> NDArray[np.int64]:
    """(N, 2) points -> (N,) number of the room they are in, -1 for none."""
    found = np.full(len(xy), -1, np.int64)
    for number, room in enumerate(rooms):
        if len(room.polygon) < 3:
            continue
        near = (xy >= room.polygon.min(axis=0)).all(axis=1) & (xy <= room.polygon.max(axis=0)).all(axis=1)
        outline = room.polygon.astype(np.float32).reshape(-1, 1, 2)
        for i in np.flatnonzero(near & (found < 0)):
            if cv2.pointPolygonTest(outline, (float(xy[i, 0]), float(xy[i, 1])), False) >= 0:
                found[i] = number
    return found


def _seats(
    places: Places,
    xy: NDArray[np.float64],
    outlines: NDArray[np.float64],
    field: ViewField,
    visible: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """(M,) for each thing the nearest known place to look at it from, -1 if there is none."""
    if not len(xy):
        return np.full(0, -1, np.int64)
    away = np.linalg.norm(places.xy[0][:, None] - xy[None], axis=2)
    cost = np.repeat(places.path_m[0][:, None], len(xy), axis=1)
    cost[(away < _NEAREST_M) | (away > _FARTHEST_M) | ~np.isfinite(cost)] = np.inf
    cost[0] = np.inf  # the robot stands there already
    cells = field.cells(outlines.reshape(-1, 2)).reshape(len(xy), -1)
    near, thing = np.nonzero(np.isfinite(cost))
    sight = (visible[near[:, None], cells[thing]] & (cells[thing] >= 0)).any(axis=1)
    cost[near[~sight], thing[~sight]] = np.inf
    best = np.argmin(cost, axis=0)
    return np.where(np.isfinite(cost[best, np.arange(len(xy))]), best, -1)
