"""The ``twin`` benchmark: how fast the twin is, and how well it agrees with the rendered simulation.

Agreement: in each apartment a policy (nearest frontier) chooses in the twin; the same choices are then driven in MuJoCo
with rendered pictures, one every 0.4 s, where a thing counts as seen from 400 visible pixels (at 640 x 480) on.
Compared are, an apartment, the share of movable things found, the area under its curve and the metres driven; and for
every category that stands there whether a search with these choices had succeeded (an instance seen from within 2.5 m
in the budget) and after how many metres. ``stuck`` is the share of apartments in which the driven robot did not get to
a place; they are left out of the rest.

``bench rendered`` compares whole episodes, in which each world goes its own way.

Speed: decisions a second of two processes, one core each, with 64 episodes of the nearest frontier at a time,
candidates and features included (``decisions_per_s``), and of driving and looking alone in one process
(``drives_per_s``). ``decisions_per_cpu_s`` counts the time of the processor, which other load does not change.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.exploration.apartments import apartment
from memory_agent_ros.evaluation.exploration.rollout import run_batch
from memory_agent_ros.evaluation.exploration.task_sets import DECLARE_M, DISCOVER_BUDGET_M, SEARCH_BUDGET_M, searchable
from memory_agent_ros.evaluation.exploration.twin_agreement import (
    Walk,
    chosen_places,
    goal_results,
    walk_in_twin,
    walk_rendered,
)
from memory_agent_ros.evaluation.exploration.twin_environment import TwinEnvironment
from memory_agent_ros.evaluation.outcome import Outcome
from memory_agent_ros.evaluation.parallel import spread
from memory_agent_ros.evaluation.statistics import Figure, Goal, figure, mean, ratio_of_sums
from memory_agent_ros.exploration.labels import LabelVectors
from memory_agent_ros.exploration.policies.frontiers import NearestFrontier
from memory_agent_ros.records.exploration_task import ExplorationTask, TaskKind

PLACEMENT = "habitual"
_SLOTS, _APARTMENTS, _PROCESSES = 64, 16, 2
_WORLDS = ("twin", "mujoco")


def bench(split: str, seeds: range, jobs: int, options: Mapping[str, Any]) -> Outcome:
    """Run the benchmark.

    Args:
        split: split of the apartments.
        seeds: apartments.
        jobs: processes.
        options: ``progress`` (bool).
    """
    progress = bool(options.get("progress", False))
    calls = [(split, seed) for seed in seeds]
    found = spread(compare, calls, jobs, f"twin {split}", "apartment", progress=progress)
    rows = sorted(found, key=lambda r: r["seed"])
    driven = [r for r in rows if not r["stuck"]]
    speed = _speed(split, seeds)
    figures = {name: Figure(value, value, value, unit, goal) for name, (value, unit, goal) in speed.items()}
    figures["stuck"] = figure([[float(bool(r["stuck"]))] for r in rows], mean)
    return Outcome(figures | _agreement(driven), {world: _world(driven, world) for world in _WORLDS}, rows)


# ---------------------------------------------------------------------- agreement


def compare(split: str, seed: int, width: int = 320, height: int = 240) -> dict[str, Any]:
    """One apartment in both worlds: numbers by world, and of each searched category."""
    from memory_agent_sim.simulation import Simulation, SimulationConfig

    tables = apartment(split, seed, PLACEMENT)
    task = ExplorationTask(TaskKind.DISCOVER, split, seed, (), PLACEMENT, DISCOVER_BUDGET_M, 50)
    places = chosen_places(TwinEnvironment([task], LabelVectors()), NearestFrontier(), 0)
    sim = Simulation(split, seed, SimulationConfig(width=width, height=height, placement=PLACEMENT))
    goals = searchable(tables)
    things = tables.movable & tables.boxes.present
    row: dict[str, Any] = {"seed": seed, "decisions": len(places), "goals": goals, "stuck": ""}
    try:
        walks = {"twin": walk_in_twin(tables, places), "mujoco": walk_rendered(sim, tables.nodes_xy[places])}
    except TimeoutError as error:
        return row | {"stuck": str(error)}
    finally:
        sim.close()
    for world, walk in walks.items():
        row[world] = _numbers(walk, things)
        results = goal_results(walk, tables, SEARCH_BUDGET_M, DECLARE_M, goals)
        row[world] |= {"success": [s for s, _ in results], "goal_metres": [round(m, 2) for _, m in results]}
    same = np.isfinite(walks["twin"].nearest_m[:, things]) == np.isfinite(walks["mujoco"].nearest_m[:, things])
    return row | {"same_sight": round(float(same.mean()), 4)}


def _numbers(walk: Walk, things: NDArray[np.bool_]) -> dict[str, Any]:
    return {
        "metres": round(float(walk.metres[-1]), 3),
        "found": round(walk.found(things, float(walk.metres[-1])), 4),
        "auc": round(walk.auc(things, DISCOVER_BUDGET_M), 4),
    }


def _agreement(rows: list[dict[str, Any]]) -> dict[str, Figure]:
    out: dict[str, Figure] = {}
    for name, unit in (("found", ""), ("auc", ""), ("metres", "m")):
        pairs = [[r["twin"][name], r["mujoco"][name]] for r in rows]
        out[f"{name}_correlation"] = figure(pairs, _correlation)
        out[f"{name}_difference"] = figure(pairs, _difference, unit)
        out[f"{name}_mean_error"] = figure(pairs, _mean_error, unit)
    outcomes = [_same(r["twin"]["success"], r["mujoco"]["success"]) for r in rows]
    out["success_agreement"] = figure(outcomes, ratio_of_sums)
    both = [_both(r) for r in rows]
    out["goal_metres_correlation"] = figure(both, _pooled_correlation)
    out["same_sight"] = figure([[r["same_sight"]] for r in rows], mean)
    return out


def _world(rows: list[dict[str, Any]], world: str) -> dict[str, Figure]:
    out = {name: figure([[r[world][name]] for r in rows], mean) for name in ("found", "auc")}
    out["metres"] = figure([[r[world]["metres"]] for r in rows], mean, "m")
    out["success"] = figure([[sum(r[world]["success"]), len(r["goals"])] for r in rows], ratio_of_sums)
    return out


def _same(a: list[bool], b: list[bool]) -> list[float]:
    return [float(sum(x == y for x, y in zip(a, b, strict=True))), float(len(a))]


def _both(row: dict[str, Any]) -> list[float]:
    """Sums over the goals of an apartment from which a pooled correlation of their metres follows."""
    x, y = (np.array(row[w]["goal_metres"]) for w in _WORLDS)
    return [float(v) for v in (len(x), x.sum(), y.sum(), (x * x).sum(), (y * y).sum(), (x * y).sum())]


def _pooled_correlation(data: NDArray[np.float64]) -> float:
    n, x, y, xx, yy, xy = data.sum(axis=0)
    spread = (n * xx - x * x) * (n * yy - y * y)
    return float((n * xy - x * y) / np.sqrt(spread)) if spread > 0 else float("nan")


def _correlation(data: NDArray[np.float64]) -> float:
    if len(data) < 2 or np.ptp(data, axis=0).min() == 0:
        return float("nan")
    return float(np.corrcoef(data[:, 0], data[:, 1])[0, 1])


def _difference(data: NDArray[np.float64]) -> float:
    return float((data[:, 0] - data[:, 1]).mean())


def _mean_error(data: NDArray[np.float64]) -> float:
    return float(np.abs(data[:, 0] - data[:, 1]).mean())


# ---------------------------------------------------------------------- speed


def _speed(split: str, seeds: range) -> dict[str, tuple[float, str, Goal | None]]:
    seeds = seeds[:_APARTMENTS]
    tables_s = _build_s(split, seeds)
    with ProcessPoolExecutor(_PROCESSES, mp_context=multiprocessing.get_context("spawn")) as pool:
        parts = [done.result() for done in [pool.submit(decisions_per_s, split, seeds) for _ in range(_PROCESSES)]]
    return {
        "decisions_per_s": (sum(wall for wall, _ in parts), "1/s", Goal("min", 2000.0)),
        "decisions_per_cpu_s": (float(np.mean([cpu for _, cpu in parts])), "1/s", None),
        "drives_per_s": (_drives_per_s(split, seeds), "1/s", None),
        "tables_s": (tables_s, "s", Goal("max", 0.5)),
    }


def _build_s(split: str, seeds: range) -> float:
    """Mean time of the processor for the tables of an apartment, its layout included."""
    from memory_agent_sim.layout import draw_layout
    from memory_agent_sim.twin.tables import build_tables

    draw_layout(split, seeds[0])  # meshes are read once
    began = time.process_time()
    for seed in seeds:
        build_tables(draw_layout(split, seed, placement=PLACEMENT), split, seed, PLACEMENT)
    return (time.process_time() - began) / len(seeds)


def decisions_per_s(split: str, seeds: range) -> tuple[float, float]:
    """Decisions of the nearest frontier per second of the clock, and of the processor."""
    tasks = [ExplorationTask(TaskKind.DISCOVER, split, s, (), PLACEMENT, DISCOVER_BUDGET_M, 50) for s in seeds]
    environment = TwinEnvironment(tasks, LabelVectors())
    numbers = [i % len(tasks) for i in range(_SLOTS)]
    run_batch(environment, NearestFrontier(), numbers)  # tables are read once
    wall, cpu = time.perf_counter(), time.process_time()
    decisions = sum(run_batch(environment, NearestFrontier(), numbers) for _ in range(3))
    return decisions / (time.perf_counter() - wall), decisions / (time.process_time() - cpu)


def _drives_per_s(split: str, seeds: range) -> float:
    from memory_agent_sim.twin.slots import TwinSlots
    from memory_agent_sim.twin.tables import twin_tables

    slots, rng = TwinSlots(_SLOTS), np.random.default_rng(0)
    for i in range(_SLOTS):
        slots.load(i, twin_tables(split, seeds[i % len(seeds)], PLACEMENT))
    sizes = np.array([len(t.nodes_xy) for t in slots.tables if t is not None])
    began = time.process_time()
    for _ in range(30):
        slots.drive(rng.integers(0, sizes))
    return 30 * _SLOTS / (time.process_time() - began)
