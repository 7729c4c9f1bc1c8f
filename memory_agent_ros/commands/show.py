"""Draw a stored map: a picture from above, a Rerun recording, or a page with the objects' own pictures."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from memory_agent_ros.commands.output import print_json

if TYPE_CHECKING:
    from memory_agent_ros.memory.spatial_memory import SpatialMemory


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
    parser.add_argument("--json", action="store_true", help="print the paths as JSON")


def run(args: argparse.Namespace) -> int:
    """Write what was asked for; without any path, into a folder ``out/show``."""
    from memory_agent_ros.commands.open_map import open_map

    out = args.out or (None if args.png or args.rerun else Path("out/show"))
    png, rerun = args.png or (out and out / "map.png"), args.rerun or (out and out / "map.rrd")
    written: dict[str, str] = {}
    with open_map(args.map) as memory:
        if png:
            written["png"] = str(_picture(memory, png))
        if rerun:
            from memory_agent_ros.viz.rerun_scene import write_rerun

            keyframes = (memory.keyframe(i) for i in memory.keyframe_ids())
            written["rerun"] = str(write_rerun(rerun, memory.objects(), keyframes, memory.changes()))
        if out:
            written["report"] = str(_page(memory, out / "report.html", args.map.name))
    if args.json:
        print_json(written)
    else:
        print("\n".join(written.values()))
    return 0


def _picture(memory: SpatialMemory, path: Path) -> Path:
    from memory_agent_ros.viz.map_scene import scene_of
    from memory_agent_ros.viz.topdown import save_map

    return save_map(path, scene_of(memory), width_in=11)


def _page(memory: SpatialMemory, path: Path, name: str) -> Path:
    from memory_agent_ros.viz.map_scene import object_pictures, scene_of, timeline_events
    from memory_agent_ros.viz.report import Picture, Report, Tile, write_report
    from memory_agent_ros.viz.topdown import map_png

    objects = memory.objects()
    gone = sum(o.state == "gone" for o in objects)
    pictures = len(memory.keyframe_ids())
    report = Report(
        title=name,
        headline=f"{len(objects) - gone} objects are there, {gone} are gone; {pictures} pictures are kept.",
        tiles=[Tile(str(len(objects) - gone), "present"), Tile(str(gone), "gone")],
        maps=[Picture(map_png(scene_of(memory)), "from above, metres")],
        pictures=object_pictures(memory, objects),
        events=timeline_events(memory.changes()),
    )
    return write_report(path, report)
