"""Draw a stored map: a picture from above, a Rerun recording, or a page with the objects' own pictures."""

from __future__ import annotations

import argparse
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from memory_agent_ros.commands.output import print_json
from memory_agent_ros.viz.layers import DEFAULT_LAYERS, parse_layers

if TYPE_CHECKING:
    from memory_agent_ros.memory.spatial_memory import SpatialMemory
    from memory_agent_ros.viz.identity_strip import StripRow
    from memory_agent_ros.viz.report import Picture


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``show --map M [--out DIR] [--rerun F] [--png F]``."""
    parser.add_argument("--map", type=Path, required=True, metavar="FILE")
    parser.add_argument(
        "--out", type=Path, default=None, metavar="DIR", help="folder for map.png, map.rrd and report.html"
    )
    parser.add_argument(
        "--png", type=Path, default=None, metavar="FILE", help="picture from above (.png, .svg or .pdf)"
    )
    parser.add_argument(
        "--rerun", type=Path, default=None, metavar="FILE", help="Rerun recording (open it with: rerun FILE)"
    )
    parser.add_argument(
        "--strip", type=Path, default=None, metavar="FILE", help="identity over time, one row per object (.png, ...)"
    )
    parser.add_argument(
        "--layers", default=None, metavar="A,B", help="what the picture shows: rooms, anchors, objects, relations, "
        "trails, moves, labels, or all (default: all but relations and anchors)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print the paths as JSON")


def run(args: argparse.Namespace) -> int:
    """Write what was asked for; without any path, into a folder ``out/show``."""
    from memory_agent_ros.commands.open_map import open_map

    layers = parse_layers(args.layers)
    out = args.out or (None if args.png or args.rerun or args.strip else Path("out/show"))
    png, rerun = args.png or (out and out / "map.png"), args.rerun or (out and out / "map.rrd")
    strip = args.strip or (out and out / "identity.png")
    written: dict[str, str] = {}
    with open_map(args.map) as memory:
        if png:
            written["png"] = str(_picture(memory, png, layers))
        if strip:
            written["strip"] = str(_strip(memory, strip))
        if rerun:
            written["rerun"] = str(_recording(memory, rerun))
        if out:
            written["report"] = str(_page(memory, out / "report.html", args.map.name, layers))
    if args.json:
        print_json(written)
    else:
        print("\n".join(written.values()))
    return 0


def _picture(memory: SpatialMemory, path: Path, layers: Collection[str]) -> Path:
    from memory_agent_ros.viz.map_scene import scene_of
    from memory_agent_ros.viz.topdown import save_map

    return save_map(path, scene_of(memory, layers=layers), width_in=11, labels="labels" in layers)


def _recording(memory: SpatialMemory, path: Path) -> Path:
    from memory_agent_ros.viz.rerun_scene import RerunLayers, write_rerun

    anchors = list(memory.anchor_poses().values())
    layers = RerunLayers(memory.rooms(), memory.relations(), anchors, memory.last_stamp_ns or 0)
    keyframes = (memory.keyframe(i) for i in memory.keyframe_ids())
    return write_rerun(path, memory.objects(), keyframes, memory.changes(), layers=layers)


def _strip(memory: SpatialMemory, path: Path) -> Path:
    from memory_agent_ros.viz.identity_strip import strip_figure

    path.parent.mkdir(parents=True, exist_ok=True)
    strip_figure(_strip_rows(memory)).savefig(path)
    return path


def _strip_rows(memory: SpatialMemory) -> list[StripRow]:
    from memory_agent_ros.viz.identity_strip import strip_rows

    return strip_rows(memory.objects(), memory.sightings(), memory.changes(), memory.last_stamp_ns)


def _page(memory: SpatialMemory, path: Path, name: str, layers: Collection[str]) -> Path:
    from memory_agent_ros.viz.identity_strip import strip_png
    from memory_agent_ros.viz.map_scene import object_pictures, timeline_events
    from memory_agent_ros.viz.report import Picture, Report, Tile, write_report

    objects = memory.objects()
    gone = sum(o.state == "gone" for o in objects)
    pictures = len(memory.keyframe_ids())
    report = Report(
        title=name,
        headline=f"{len(objects) - gone} objects are there, {gone} are gone; {pictures} pictures are kept.",
        tiles=[Tile(str(len(objects) - gone), "present"), Tile(str(gone), "gone")],
        maps=_maps(memory, layers),
        strip=Picture(strip_png(_strip_rows(memory)), "one row per object, the first seen on top") if objects else None,
        pictures=object_pictures(memory, objects),
        events=timeline_events(memory.changes()),
    )
    return write_report(path, report)


def _maps(memory: SpatialMemory, layers: Collection[str]) -> list[Picture]:
    """The map with the layers asked for; with the usual ones, the relations get a picture of their own."""
    from memory_agent_ros.viz.map_scene import scene_of
    from memory_agent_ros.viz.report import Picture
    from memory_agent_ros.viz.topdown import map_png

    pictures = [Picture(map_png(scene_of(memory, layers=layers), labels="labels" in layers), "from above, metres")]
    if layers == frozenset(DEFAULT_LAYERS):
        hung = scene_of(memory, layers=("rooms", "anchors", "objects", "relations"))
        caption = "relations between things (lines) and the poses all geometry hangs on (dots)"
        pictures.append(Picture(map_png(hung, labels=False), caption))
    return pictures
