"""Build a map from recorded images: a 7-Scenes or TUM folder, a rosbag2 folder, an MCAP file.

Detects, lifts and remembers frame by frame; then ask and show work on the map.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memory_agent_ros.commands.output import print_json, progress, tell

if TYPE_CHECKING:
    from memory_agent_ros.memory.sessions.session import Session
    from memory_agent_ros.memory.spatial_memory import SpatialMemory
    from memory_agent_ros.perception.pipeline import PerceptionPipeline
    from memory_agent_ros.perception.recordings.recording import Recording, RecordingOptions


_NOT_FOUND = "the recording's place in {map} is not sure; {map} was left as it was"
_MERGE = "if you know the place: memory-agent merge {map} {apart} --transform X,Y,Z,YAW"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``ingest PATH --map K [...]``."""
    parser.add_argument("path", type=Path, help="folder or file of the recording")
    parser.add_argument(
        "--map", type=Path, required=True, metavar="FILE", help="map file to make; an existing one is gone on with"
    )
    parser.add_argument(
        "--detector", default="ssd+segmenter", help="ssd, segmenter, ssd+segmenter, or transformers:MODEL"
    )
    parser.add_argument(
        "--embedder",
        default="efficientnet_lite0",
        help="image embedder: efficientnet_lite0, color_histogram, reidentification:FILE, none",
    )
    parser.add_argument(
        "--vocabulary", default=None, metavar="A,B,...", help="labels an open-vocabulary detector looks for"
    )
    parser.add_argument("--stride", type=int, default=1, help="take every n-th picture (default 1)")
    parser.add_argument("--limit", type=int, default=None, help="stop after this many frames")
    parser.add_argument("--seed", type=int, default=0, help="seed of whatever is random in the detector")
    parser.add_argument(
        "--upright", choices=("auto", "yes", "no"), default="auto", help="turn the world z-up, floor at 0"
    )
    parser.add_argument(
        "--relocalise",
        action="store_true",
        help="the recording's frame is not the map's: find where in the existing map it was made, then go on there",
    )
    for name in ("color", "depth", "info", "pose"):
        parser.add_argument(
            f"--{name}-topic", default=None, metavar="TOPIC", help=f"bags: {name} topic, if not found by itself"
        )
    parser.add_argument(
        "--map-frame", default=None, metavar="FRAME", help="bags: world frame, if not map, odom or world"
    )
    parser.add_argument(
        "--png", type=Path, default=None, metavar="FILE", help="draw the map from above, with its surroundings"
    )
    parser.add_argument("--json", action="store_true", help="print what happened as JSON")


def run(args: argparse.Namespace) -> int:
    """Returns 2 if the recording broke off, after saving what was read; 1 if its place in the map was not found."""
    from memory_agent_ros.perception.factory import make_detector, make_image_embedder
    from memory_agent_ros.perception.lifting import LiftingConfig
    from memory_agent_ros.perception.pipeline import PerceptionPipeline
    from memory_agent_ros.perception.recordings.open_recording import open_recording

    recording = open_recording(args.path, recording_options(args))
    vocabulary = args.vocabulary.split(",") if args.vocabulary else None
    detector = make_detector(args.detector, seed=args.seed, vocabulary=vocabulary)
    pipeline = PerceptionPipeline(detector, make_image_embedder(args.embedder), LiftingConfig())
    document = ingest(args, recording, pipeline)
    if args.json:
        print_json(document)
    else:
        counted = ", ".join(f"{count} {label}" for label, count in document["objects"].items()) or "nothing"
        print(f"{document['map']}: {document['frames']} frames, remembered {counted}")
    if not document["localised"]:
        apart = document["kept_apart"]
        tell(args, f"memory-agent ingest: {_NOT_FOUND.format(map=args.map)}")
        if apart:
            tell(args, f"what was seen is in {apart}; {_MERGE.format(map=args.map, apart=apart)}")
        return 1
    if document["broken_off"]:
        tell(args, f"memory-agent ingest: {document['broken_off']}")
        return 2
    return 0


def recording_options(args: argparse.Namespace) -> RecordingOptions:
    """Options of the reader from the command line."""
    from memory_agent_ros.perception.recordings.recording import RecordingOptions

    return RecordingOptions(
        stride=args.stride,
        limit=args.limit,
        upright={"auto": None, "yes": True, "no": False}[args.upright],
        map_frame=args.map_frame,
        color_topic=args.color_topic,
        depth_topic=args.depth_topic,
        info_topic=args.info_topic,
        pose_topic=args.pose_topic,
    )


def ingest(args: argparse.Namespace, recording: Recording, pipeline: PerceptionPipeline) -> dict[str, Any]:
    """Feed every frame to the memory at ``args.map``; returns what happened, JSON-ready."""
    from memory_agent_ros.memory.sessions.session import Session
    from memory_agent_ros.memory.spatial_memory import SpatialMemory
    from memory_agent_ros.records.errors import BadInputError
    from memory_agent_ros.viz.surroundings import Surroundings

    refused: Counter[str] = Counter()
    frames, events, broken_off = 0, Counter[str](), ""
    surroundings = Surroundings() if args.png else None
    path_xy = []
    args.map.parent.mkdir(parents=True, exist_ok=True)
    with SpatialMemory.open(args.map) as memory:
        session = Session(memory) if args.relocalise else None
        try:
            for frame in progress(args, recording, len(recording), recording.name):
                try:
                    result = pipeline.process(frame)
                    happened = (session or memory).observe(frame, result.observations)
                except BadInputError as error:
                    refused[error.reason] += 1
                    continue
                frames += 1
                refused.update(result.refused)
                events.update(str(e.kind) for e in happened)
                placed = frame if session is None else session.placed(frame)
                if placed is None:
                    continue
                path_xy.append(placed.T_map_camera[:2, 3])
                if surroundings is not None:
                    surroundings.add(placed)
        except BadInputError as error:
            if error.reason != "bag_truncated":
                raise
            broken_off = str(error)
        if surroundings is not None:
            _draw(args.png, memory, surroundings, path_xy)
        kept_apart = _keep_apart(session, args.map)
        present = Counter(o.label for o in memory.objects() if o.state == "present")
        memory.save()
    return {
        "map": str(args.map),
        "recording": str(recording.path),
        "frames": frames,
        "objects": dict(present.most_common()),
        "events": dict(events),
        "refused_pictures": dict(recording.refused),
        "refused_detections": dict(refused),
        "broken_off": broken_off,
        "localised": session is None or session.localised,
        "kept_apart": kept_apart,
    }


def _keep_apart(session: Session | None, path: Path) -> str:
    """Save what a session saw that found no place in the map; "" if there is none."""
    if session is None:
        return ""
    saved, number = "", 1
    if session.local is not None and session.local.objects():
        apart = path.with_name(f"{path.stem}.apart{path.suffix}")
        while apart.exists():
            number += 1
            apart = path.with_name(f"{path.stem}.apart{number}{path.suffix}")
        saved = str(session.save_local(apart))
    session.close()
    return saved


def _draw(path: Path, memory: SpatialMemory, surroundings: Any, path_xy: list[Any]) -> None:
    import numpy as np

    from memory_agent_ros.viz.scene import MapScene
    from memory_agent_ros.viz.topdown import save_map

    scene = MapScene(memory.objects(), points=surroundings.points(), path_xy=np.asarray(path_xy).reshape(-1, 2))
    save_map(path, scene, width_in=11)
