"""Top-down pictures: what is drawn where, read back from the pixels and the artists."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import numpy as np
from matplotlib.colors import to_hex
from matplotlib.patches import FancyArrowPatch, Polygon
from PIL import Image

from memory_agent_ros.records.map_object import MapObject
from memory_agent_ros.viz.scene import GONE_COLOR, MapScene, ScenePoints, object_color, scene_bounds
from memory_agent_ros.viz.topdown import draw_map, map_figure, map_png, save_map


def test_boxes_lie_where_the_objects_are(scene: MapScene, objects: list[MapObject]) -> None:
    figure = map_figure({"now": scene})
    polygons = [p for p in figure.axes[0].patches if isinstance(p, Polygon)]
    centres = np.array([p.get_xy()[:4].mean(axis=0) for p in polygons])
    for item in objects:
        assert np.abs(centres - item.box.center[:2]).sum(axis=1).min() < 1e-6


def test_gone_objects_are_grey_and_dashed_and_named_so(scene: MapScene, objects: list[MapObject]) -> None:
    axes = map_figure({"now": scene}).axes[0]
    at = objects[3].box.center[:2]
    gone = [p for p in axes.patches if isinstance(p, Polygon) and np.allclose(p.get_xy()[:4].mean(axis=0), at)]
    assert [to_hex(p.get_edgecolor()) for p in gone] == [GONE_COLOR]
    assert gone[0].get_linestyle() == "--"
    written = {t.get_text() for t in axes.texts}
    assert {"table", "mug", "chair (moved)", "bottle (gone)"} <= written


def test_a_move_is_an_arrow_from_before_to_after(scene: MapScene) -> None:
    arrows = [p for p in map_figure({"now": scene}).axes[0].patches if isinstance(p, FancyArrowPatch)]
    moves = [a for a in arrows if to_hex(a.get_edgecolor()) == "#c2185b"]
    assert [np.round(m._posA_posB, 3).tolist() for m in moves] == [[[2.0, 2.5], [3.0, 1.5]]]


def test_maps_beside_each_other_share_their_bounds(scene: MapScene) -> None:
    before = dataclasses.replace(scene, objects=scene.objects[:2], moves=())
    left, right = map_figure({"before": before, "after": scene}).axes
    assert left.get_xlim() == right.get_xlim() and left.get_ylim() == right.get_ylim()
    assert left.get_title() == "before"


def test_png_shows_floor_and_walls(scene: MapScene) -> None:
    image = np.asarray(Image.open(io.BytesIO(map_png(scene))).convert("RGB")).reshape(-1, 3)
    walls = np.abs(image.astype(int) - (92, 102, 117)).max(axis=1) <= 1
    assert walls.sum() > 500 and (image == 255).all(axis=1).sum() > 5000


def test_scene_points_keep_their_colour(objects: list[MapObject], tmp_path: Path) -> None:
    points = np.random.default_rng(0).uniform(0, 3, (5000, 3)).astype(np.float32)
    rgb = np.full((5000, 3), (200, 20, 20), np.uint8)
    path = save_map(tmp_path / "a" / "map.png", MapScene(objects, points=ScenePoints(points, rgb)))
    image = np.asarray(Image.open(path).convert("RGB")).astype(int)
    assert ((image[..., 0] > 180) & (image[..., 1] < 150)).sum() > 1000


def test_an_empty_map_can_be_drawn() -> None:
    assert scene_bounds(MapScene([])) == (-1.0, 1.0, -1.0, 1.0)
    assert map_png(MapScene([]))[:4] == b"\x89PNG"


def test_labels_can_be_left_out(scene: MapScene) -> None:
    axes = map_figure({"": MapScene([])}).axes[0]
    draw_map(axes, scene, labels=False)
    assert not axes.texts


def test_a_label_keeps_its_colour() -> None:
    assert object_color("mug") == object_color("mug")
    assert len({object_color(x) for x in ("mug", "chair", "table", "book", "bowl", "plate")}) >= 4
