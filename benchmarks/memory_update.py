"""Time one map update: 640x480 frames with 20 detections on a map of 60 objects, commit to disk included.

python benchmarks/memory_update.py [--frames 60] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "memory"))

from synthetic import World, look_at

from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.perception.lifting import lift
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.detection import Detection

VGA = Camera(640, 480, np.array([[433.0, 0.0, 319.5], [0.0, 433.0, 239.5], [0.0, 0.0, 1.0]]))


def shelf_world() -> World:
    """Three walls of 20 objects each, 0.15 to 0.6 m large."""
    world = World(camera=VGA)
    rng = np.random.default_rng(3)
    for wall in range(3):
        angle = 2 * np.pi * wall / 3
        for k in range(20):
            side, height = (k % 5 - 2) * 0.55, 0.3 + 0.45 * (k // 5)
            x = 3.0 * np.cos(angle) - side * np.sin(angle)
            y = 3.0 * np.sin(angle) + side * np.cos(angle)
            size = (float(rng.uniform(0.15, 0.4)), float(rng.uniform(0.15, 0.4)), 0.3)
            world.add(f"{wall}.{k}", f"kind {k}", (float(x), float(y), height), size, k)
    return world


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    world, times, detected = shelf_world(), [], []
    with tempfile.TemporaryDirectory() as folder, SpatialMemory.open(Path(folder) / "bench.map") as memory:
        for n in range(arguments.frames):
            angle = 2 * np.pi * n / (arguments.frames / 3)
            ahead = (3 * float(np.cos(angle)), 3 * float(np.sin(angle)), 1.0)
            frame, masks = world.frame(look_at((-0.5 * ahead[0], -0.5 * ahead[1], 1.2), ahead))
            seen = [(world.things[name].label, mask) for name, mask in masks.items() if mask.sum() > 200]
            observations = [lift(frame, Detection(label, 0.9, _box(mask), mask)) for label, mask in seen]
            started = time.perf_counter()
            memory.observe(frame, observations)
            times.append((time.perf_counter() - started) * 1e3)
            detected.append(len(observations))
        objects = len(memory.objects())
    late = np.array(times[len(times) // 3 :])
    result = {
        "update_ms_median": round(float(np.median(late)), 2),
        "update_ms_p95": round(float(np.quantile(late, 0.95)), 2),
        "detections_median": float(np.median(detected)),
        "objects": objects,
        "frames": len(times),
    }
    print(json.dumps(result, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")


def _box(mask: np.ndarray) -> np.ndarray:
    v, u = np.nonzero(mask)
    return np.array([u.min(), v.min(), u.max() + 1, v.max() + 1], dtype=np.float32)


if __name__ == "__main__":
    main()
