"""A day in an apartment: walks through it replayed again and again until ten thousand frames are seen."""

from __future__ import annotations

import argparse
import dataclasses
import json
import tempfile
from pathlib import Path

from memory_agent_ros.evaluation.scale.measure import resident_mb
from memory_agent_ros.evaluation.walks.noise import PoseNoise
from memory_agent_ros.evaluation.walks.replay import Detections
from memory_agent_ros.evaluation.walks.walk import WalkConfig, record_walk
from memory_agent_ros.memory.spatial_memory import SpatialMemory

FRAMES = 10_000
_PAUSE_NS = 60_000_000_000


def main() -> None:
    """Live through the day and print what the map takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("split")
    parser.add_argument("seed", type=int)
    parser.add_argument("--frames", type=int, default=FRAMES)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "day.map"
        print(json.dumps(live(arguments.split, arguments.seed, arguments.frames, path)))


def live(split: str, seed: int, frames: int, path: Path) -> dict[str, float]:
    """See ``frames`` images of one apartment, with misses and pose noise that differ each round."""
    walk = record_walk(split, seed, WalkConfig())
    detections = Detections(walk, seed=seed)
    shown, offset, objects = 0, 0, 0
    with SpatialMemory.open(path) as memory:
        while shown < frames:
            noise = PoseNoise(0.02, 0.5, seed=seed * 1000 + shown)
            for step in detections.replay(noise, 0.1):
                stamp = step.frame.stamp_ns + offset
                frame = dataclasses.replace(step.frame, stamp_ns=stamp)
                seen = [dataclasses.replace(o, stamp_ns=stamp) for o in step.observations]
                memory.observe(frame, seen)
                shown += 1
                if shown == frames:
                    break
            offset = (memory.last_stamp_ns or 0) + _PAUSE_NS
        objects = len(memory.objects())
    return {
        "disk_mb": path.stat().st_size / 2**20,
        "rss_mb": resident_mb(),
        "frames": float(shown),
        "objects": float(objects),
    }


if __name__ == "__main__":
    main()
