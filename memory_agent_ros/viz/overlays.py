"""What lies over a top-down picture besides the objects: rooms, anchors, relations, trails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from memory_agent_ros.records.map_object import MapObject
from memory_agent_ros.records.relation import Relation, RelationKind
from memory_agent_ros.records.room import Room
from memory_agent_ros.viz.layers import ANCHOR_COLOR, RELATION_COLORS, ROOM_COLOR, TRAIL_COLOR
from memory_agent_ros.viz.trails import Trail

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_rooms(axes: Axes, rooms: Sequence[Room], objects: Sequence[MapObject] = ()) -> None:
    """Outline and name of each room, the name away from the objects; doors as small squares."""
    taken = np.array([item.box.center[:2] for item in objects]).reshape(-1, 2)
    halo = [withStroke(linewidth=3.0, foreground="white")]
    for number, room in enumerate(rooms):
        tint = (0.97, 0.95, 0.90) if number % 2 else (0.93, 0.95, 0.97)
        axes.add_patch(
            Polygon(room.polygon, closed=True, facecolor=tint, edgecolor=ROOM_COLOR, linewidth=1.4, zorder=1.5)
        )
        x, y = _free_spot(room, taken)
        axes.text(
            x, y, room.name, fontsize=9.5, ha="center", va="center", color="#7a6528", path_effects=halo, zorder=8.5,
            fontstyle="italic", fontweight="bold",
        )  # fmt: skip
        for door in room.doors:
            axes.plot(*door.position_m, marker="s", markersize=4, color=ROOM_COLOR, zorder=2.5)


def _free_spot(room: Room, taken: NDArray[np.float64]) -> tuple[float, float]:
    """A place in the room for its name: of a few, the one farthest from all objects; lines of text are wide."""
    low, high = room.polygon.min(axis=0), room.polygon.max(axis=0)
    share = np.array([(x, y) for x in (0.3, 0.5, 0.7) for y in (0.15, 0.3, 0.5, 0.7, 0.85)])
    spots = np.concatenate([room.center[None], low + share * (high - low)])
    if not len(taken):
        return float(spots[0, 0]), float(spots[0, 1])
    away = (spots[:, None] - taken[None]) * [0.5, 1.0]
    x, y = spots[np.linalg.norm(away, axis=2).min(axis=1).argmax()]
    return float(x), float(y)


def draw_anchors(axes: Axes, anchors_xy: NDArray[np.float64] | None) -> None:
    """Pose nodes as small dots."""
    if anchors_xy is not None and len(anchors_xy):
        axes.plot(
            anchors_xy[:, 0], anchors_xy[:, 1], linestyle="", marker=".", markersize=3.5, color=ANCHOR_COLOR, zorder=2.8
        )


def draw_relations(axes: Axes, relations: Sequence[Relation], objects: Sequence[MapObject]) -> None:
    """A line between the two objects of each relation, coloured by its kind; a room is no object and gets none."""
    centers = {item.id: item.box.center[:2] for item in objects}
    shown: list[RelationKind] = []
    for relation in relations:
        ends = [centers.get(i) for i in (relation.subject_id, relation.object_id) if i is not None]
        if len(ends) < 2 or ends[0] is None or ends[1] is None:
            continue
        line = np.stack([ends[0], ends[1]])
        next_to = relation.kind is RelationKind.NEXT_TO
        axes.plot(
            line[:, 0], line[:, 1], color=RELATION_COLORS[relation.kind], linewidth=0.9 if next_to else 1.6,
            linestyle=(0, (1, 1.5)) if next_to else "-", alpha=0.9, zorder=5.5, solid_capstyle="round",
        )  # fmt: skip
        axes.plot(*line[0], marker="o", markersize=2.6, color=RELATION_COLORS[relation.kind], zorder=5.6)
        shown.append(relation.kind)
    kinds = [kind for kind in RELATION_COLORS if kind in shown]
    if kinds:
        lines = [Line2D([], [], color=RELATION_COLORS[k], linewidth=1.6, marker="o", markersize=3) for k in kinds]
        labels = [f"{k} (dot: what is {k})" if k is not RelationKind.NEXT_TO else str(k) for k in kinds]
        axes.legend(lines, labels, loc="lower left", fontsize=6.5, framealpha=0.85, borderpad=0.4).set_zorder(10)


def draw_trails(axes: Axes, trails: Sequence[Trail]) -> None:
    """The ways of objects that moved more than once or far: hollow dots where they stood, fading with age."""
    for trail in trails:
        at = trail.positions_m[:, :2]
        axes.plot(at[:, 0], at[:, 1], color=TRAIL_COLOR, linewidth=1.1, linestyle=(0, (4, 2)), alpha=0.8, zorder=6)
        count = len(at)
        for number, (x, y) in enumerate(at[:-1]):
            axes.plot(
                x, y, marker="o", markersize=5, markerfacecolor="white", markeredgecolor=TRAIL_COLOR,
                alpha=0.4 + 0.6 * (number + 1) / count, zorder=6.5,
            )  # fmt: skip
