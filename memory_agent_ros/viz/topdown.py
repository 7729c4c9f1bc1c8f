"""Top-down pictures of a map: floor, object boxes with labels, gone ones greyed, moves as arrows, the robot's path."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.boxes import corners
from memory_agent_ros.records.errors import MissingExtraError
from memory_agent_ros.records.map_object import MapObject, ObjectState
from memory_agent_ros.viz.overlays import draw_anchors, draw_relations, draw_rooms, draw_trails
from memory_agent_ros.viz.scene import FloorMap, MapScene, ScenePoints, color_of, scene_bounds

try:
    from adjustText import adjust_text  # type: ignore[import-untyped]
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import FancyArrowPatch, Polygon
    from matplotlib.patheffects import withStroke
except ImportError as error:  # pragma: no cover - needs an environment without the extra
    raise MissingExtraError("drawing needs matplotlib and adjustText: pip install 'memory_agent_ros[viz]'") from error

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FLOOR_COLORS = {"unknown": (0.93, 0.94, 0.95), "free": (1.0, 1.0, 1.0), "occupied": (0.36, 0.40, 0.46)}
_CORNERS = [0, 1, 3, 2]


def draw_map(
    axes: Axes,
    scene: MapScene,
    *,
    bounds: tuple[float, float, float, float] | None = None,
    labels: bool = True,
    adjust: bool = True,
    font_size: float = 7.5,
    label_from_m: float = 0.0,
) -> None:
    """Draw a scene on matplotlib axes, metres, x right and y up.

    Args:
        axes: where to draw.
        scene: what to draw.
        bounds: x low, x high, y low, y high; None fits the scene.
        labels: write each object's label.
        adjust: move labels apart (half a second for 40 objects); without it they may overlap.
        font_size: of the labels, points.
        label_from_m: objects whose longer side is shorter stay without label, unless they are stressed.
    """
    axes.set_aspect("equal")
    axes.set_facecolor(_FLOOR_COLORS["unknown"] if scene.floor is not None else (1, 1, 1))
    if scene.points is not None:
        _draw_points(axes, scene.points)
    if scene.floor is not None:
        _draw_floor(axes, scene.floor)
    if scene.path_xy is not None and len(scene.path_xy) > 1:
        axes.plot(scene.path_xy[:, 0], scene.path_xy[:, 1], color="#2b7bba", linewidth=1.1, alpha=0.55, zorder=3)
    draw_rooms(axes, scene.rooms, scene.objects)
    draw_anchors(axes, scene.anchors_xy)
    for item in sorted(scene.objects, key=lambda o: -float(o.box.size[0] * o.box.size[1])):
        _draw_object(axes, item, item.id in scene.highlight)
    draw_relations(axes, scene.relations, scene.objects)
    draw_trails(axes, scene.trails)
    _draw_moves(axes, scene)
    if scene.robot_xy_yaw is not None:
        _draw_robot(axes, *scene.robot_xy_yaw)
    x0, x1, y0, y1 = bounds or scene_bounds(scene)
    axes.set_xlim(x0, x1)
    axes.set_ylim(y0, y1)
    if labels:
        _draw_labels(axes, scene, adjust, font_size, label_from_m)
    axes.tick_params(labelsize=7, colors="#667")
    for spine in axes.spines.values():
        spine.set_color("#ccd")


def map_figure(scenes: dict[str, MapScene], width_in: float = 9.0, *, labels: bool = True) -> Figure:
    """One figure with a titled map beside each other, all on the same scale and bounds."""
    every = [scene_bounds(scene) for scene in scenes.values()]
    bounds = (min(b[0] for b in every), max(b[1] for b in every), min(b[2] for b in every), max(b[3] for b in every))
    aspect = (bounds[3] - bounds[2]) / (bounds[1] - bounds[0])
    figure = Figure(figsize=(width_in * len(scenes), width_in * aspect + 0.5), dpi=110, layout="tight")
    FigureCanvasAgg(figure)
    for axes, (title, scene) in zip(np.atleast_1d(figure.subplots(1, len(scenes))), scenes.items(), strict=True):
        draw_map(axes, scene, bounds=bounds, labels=labels)
        if title:
            axes.set_title(title, fontsize=11, color="#223")
    return figure


def map_png(scene: MapScene, title: str = "", width_in: float = 9.0, *, labels: bool = True) -> bytes:
    """PNG bytes of one map."""
    buffer = io.BytesIO()
    map_figure({title: scene}, width_in, labels=labels).savefig(buffer, format="png", bbox_inches="tight")
    return buffer.getvalue()


def save_map(path: Path, scene: MapScene, title: str = "", width_in: float = 9.0, *, labels: bool = True) -> Path:
    """Write the picture of one map; the suffix (png, svg, pdf) picks the format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    map_figure({title: scene}, width_in, labels=labels).savefig(path, bbox_inches="tight")
    return path


def blank_figure(width_in: float, height_in: float, dpi: int) -> Figure:
    """A figure that draws into memory, without a window."""
    figure = Figure(figsize=(width_in, height_in), dpi=dpi)
    FigureCanvasAgg(figure)
    return figure


def figure_rgb(figure: Figure) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 pixels of a figure with an Agg canvas."""
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba(), dtype=np.uint8)[..., :3].copy()


def _draw_floor(axes: Axes, floor: FloorMap) -> None:
    image = np.empty((*floor.cells.shape, 3))
    image[:] = _FLOOR_COLORS["unknown"]
    image[(floor.cells >= 0) & (floor.cells < 50)] = _FLOOR_COLORS["free"]
    image[floor.cells >= 50] = _FLOOR_COLORS["occupied"]
    height, width = floor.cells.shape
    (x, y), r = floor.origin_xy, floor.resolution_m
    axes.imshow(
        image,
        extent=(x, x + width * r, y, y + height * r),
        origin="lower",
        interpolation="nearest",
        zorder=1,
        aspect="equal",
    )


def _draw_points(axes: Axes, points: ScenePoints) -> None:
    order = np.argsort(points.points_map[:, 2])
    at = points.points_map[order]
    axes.scatter(
        at[:, 0], at[:, 1], c=points.rgb[order] / 255.0, s=2.6, linewidths=0, alpha=0.9, zorder=1, rasterized=True
    )


def _draw_object(axes: Axes, item: MapObject, stressed: bool) -> None:
    gone = item.state is ObjectState.GONE
    outline = corners(item.box.center, np.maximum(item.box.size, 0.03), item.box.yaw)[_CORNERS, :2]
    color = color_of(item)
    axes.add_patch(
        Polygon(
            outline, closed=True, facecolor=_tint(color, 0.12 if gone else 0.35), edgecolor=color,
            linewidth=2.4 if stressed else 1.3, linestyle="--" if gone else "-", zorder=5 if stressed else 4,
        )
    )  # fmt: skip


def _tint(color: str, strength: float) -> tuple[float, float, float, float]:
    """The colour mixed with white, almost opaque: what is drawn must not depend on the walls below."""
    red, green, blue = (1 - strength * (1 - int(color[i : i + 2], 16) / 255) for i in (1, 3, 5))
    return red, green, blue, 0.88


def _draw_moves(axes: Axes, scene: MapScene) -> None:
    for event in scene.moves:
        if event.previous_position_m is None:
            continue
        start, end = event.previous_position_m[:2], event.position_m[:2]
        axes.add_patch(
            FancyArrowPatch(
                (float(start[0]), float(start[1])), (float(end[0]), float(end[1])), arrowstyle="-|>", mutation_scale=14,
                color="#c2185b", linewidth=1.8, connectionstyle="arc3,rad=0.15", zorder=7, shrinkA=2, shrinkB=2,
            )
        )  # fmt: skip
        axes.plot(*start, marker="o", markersize=5, markerfacecolor="none", color="#c2185b", zorder=7)


def _draw_robot(axes: Axes, x: float, y: float, yaw: float) -> None:
    shape = np.array([[0.28, 0.0], [-0.18, 0.18], [-0.08, 0.0], [-0.18, -0.18]])
    c, s = np.cos(yaw), np.sin(yaw)
    turned = shape @ np.array([[c, s], [-s, c]]) + (x, y)
    axes.add_patch(Polygon(turned, closed=True, facecolor="#2b7bba", edgecolor="white", linewidth=0.8, zorder=8))


def _draw_labels(axes: Axes, scene: MapScene, adjust: bool, font_size: float, from_m: float) -> None:
    halo = [withStroke(linewidth=2.2, foreground="white")]
    moved = {event.object_id for event in scene.moves}
    texts = []
    for item in scene.objects:
        if item.box.size[:2].max() < from_m and item.id not in scene.highlight:
            continue
        gone = item.state is ObjectState.GONE
        note = " (gone)" if gone else " (moved)" if item.id in moved else ""
        x, y = float(item.box.center[0]), float(item.box.center[1])
        weight = "bold" if item.id in scene.highlight else "normal"
        color = "#777777" if gone else "#1d2433"
        texts.append(
            axes.text(
                x, y, item.label + note, fontsize=font_size, ha="center", va="center", color=color, fontweight=weight,
                path_effects=halo, zorder=9, style="italic" if gone else "normal", clip_on=False,
            )
        )  # fmt: skip
    if adjust and len(texts) > 1:
        lines = {"arrowstyle": "-", "color": "#99a", "lw": 0.5}
        adjust_text(texts, ax=axes, arrowprops=lines, expand=(1.05, 1.25), time_lim=1.5, only_move={"text": "xy"})
