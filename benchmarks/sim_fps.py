"""How fast the simulator is: frames of colour + depth + instances, ray-cast frames, steps, building.

Run: ``LP_NUM_THREADS=1 OMP_NUM_THREADS=1 python benchmarks/sim_fps.py --json out/sim_fps.json``.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from pathlib import Path

import numpy as np
from memory_agent_sim.simulation import Simulation, SimulationConfig
from tqdm import tqdm


def measure(split: str, seed: int, config: SimulationConfig, frames: int) -> dict[str, float]:
    """Frames and steps per second on a tour of random standing places, and seconds to build."""
    begin = time.perf_counter()
    simulation = Simulation(split, seed, config)
    build_s = time.perf_counter() - begin
    simulation.frame()
    grid = simulation.layout.grid(0.1)
    rows, columns = np.nonzero(grid.centers(0.25))
    rng = np.random.default_rng(seed)
    spent = []
    for i in rng.integers(len(rows), size=frames):
        x, y = grid.origin + (np.array([columns[i], rows[i]]) + 0.5) * 0.1
        simulation.data.qpos[:3] = [x, y, rng.uniform(-np.pi, np.pi)]
        begin = time.perf_counter()
        simulation.frame()
        spent.append(time.perf_counter() - begin)
    simulation.reset()
    begin = time.perf_counter()
    for _ in range(frames):
        simulation.step(0.2, 0.5)
    step_ms = (time.perf_counter() - begin) / frames * 1e3
    simulation.close()
    return {"frames_per_s": 1.0 / float(np.median(spent)), "step_ms": step_ms, "build_s": build_s}


def main() -> None:
    """Measure every setting over some apartments and print medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--split", default="test")
    parser.add_argument("--seeds", default="0:5", help="half-open range A:B")
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    first, last = (int(n) for n in args.seeds.split(":"))
    settings = {
        "render_320x240": SimulationConfig(width=320, height=240),
        "render_320x240_3_rooms": SimulationConfig(width=320, height=240, rooms=3),
        "render_640x480": SimulationConfig(),
        "raycast_80x60": SimulationConfig(width=80, height=60, sensor="raycast"),
        "raycast_320x240": SimulationConfig(width=320, height=240, sensor="raycast"),
    }
    figures: dict[str, dict[str, float]] = {}
    for name, config in tqdm(settings.items(), unit="setting"):
        found = [measure(args.split, seed, config, args.frames) for seed in range(first, last)]
        figures[name] = {key: round(float(np.median([f[key] for f in found])), 2) for key in found[0]}
    report = {"split": args.split, "seeds": args.seeds, "machine": platform.processor(), "figures": figures}
    text = json.dumps(report, indent=2)
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
