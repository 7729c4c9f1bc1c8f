"""The ``map`` benchmark: explore, score the map, change the world, patrol, score what was noticed.

Scenes are explored by the frontier planner with the ground-truth detector and its default noise. Objects that had to be
found are those with at least 100 visible pixels (at 640x480) of which others hide at most 70 %, in at least five frames
of the exploration.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from memory_agent_ros.evaluation.episode import Episode, EpisodeConfig, make_simulation
from memory_agent_ros.evaluation.map_details import describe
from memory_agent_ros.evaluation.metrics import After, ChangeScore, MapScore, Thing, f1, score_changes, score_map
from memory_agent_ros.evaluation.outcome import Outcome
from memory_agent_ros.evaluation.parallel import spread
from memory_agent_ros.evaluation.phase import PhaseResult
from memory_agent_ros.evaluation.statistics import Figure, Goal, figure, mean, median, ratio_of_sums
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.event import EventKind
from memory_agent_ros.records.map_object import MapObject, ObjectState

EDITS = 8
#: Times are taken on frames with this many detections, or on the busiest tenth where a scene has too few of them.
BUSY = 20
_GONE_NEVER = 10**9
_SCENE_OPTIONS = ("width", "height", "rooms", "depth_noise", "sensor", "policy")


@dataclass(frozen=True, eq=False)
class ArmScore:
    """One memory in one scene."""

    map: MapScore
    changes: ChangeScore


@dataclass(frozen=True, eq=False)
class Scene:
    """One scene's numbers.

    Attributes:
        seed: of the scene.
        coverage: room -> share.
        arms: arm -> score; "" is what ships.
        phases: exploration and patrol.
        misses: what was not found or wrongly found, for people.
    """

    seed: int
    coverage: Mapping[str, float]
    arms: Mapping[str, ArmScore]
    phases: tuple[PhaseResult, ...]
    misses: Mapping[str, Any]


def bench(split: str, seeds: range, jobs: int, options: Mapping[str, Any]) -> Outcome:
    """Run the benchmark.

    Args:
        split: split of the scenes.
        seeds: scenes.
        jobs: processes.
        options: ``arms`` (bool, True), ``progress`` (bool), ``scene`` (:class:`EpisodeConfig`), or of it ``width``,
            ``height``, ``rooms``, ``depth_noise``, ``sensor`` and ``policy`` alone.
    """
    config = options.get("scene") or EpisodeConfig(edits=EDITS)
    given = {name: options[name] for name in _SCENE_OPTIONS if options.get(name) is not None}
    config = dataclasses.replace(config, **given)
    arms, progress = bool(options.get("arms", True)), bool(options.get("progress", False))
    calls = [(split, seed, config, arms, progress and jobs == 1) for seed in seeds]
    found = spread(run_scene, calls, jobs, f"map {split}", "scene", progress=progress, tell=_tell)
    scenes = sorted(found, key=lambda s: s.seed)
    names = list(scenes[0].arms)
    figures = _figures(scenes, "") | _timings(scenes)
    return Outcome(figures, {n: _figures(scenes, n) for n in names if n}, [_details(s) for s in scenes])


def run_scene(split: str, seed: int, config: EpisodeConfig, arms: bool, progress: bool) -> Scene:
    """Explore, score, change, patrol, score."""
    with ExitStack() as stack:
        sim = make_simulation(split, seed, config)
        stack.callback(sim.close)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        memories = {"": stack.enter_context(SpatialMemory.open(folder / "scene.map", config.memory))}
        if arms:
            blind = stack.enter_context(SpatialMemory.open(None, without_negative_evidence(config.memory)))
            memories["no_negative_evidence"] = blind
        others = {name: memory for name, memory in memories.items() if name}
        episode = Episode(sim, memories[""], config, seed, others)
        explored = episode.run_phase("explore", config.explore_s, progress=progress, count=True)
        coverage = episode.coverage()
        truth = [Thing(t.id, t.label, t.box.center, _radius(t.box.size)) for t in sim.truth() if t.present]
        required = [t for t in truth if t.id in episode.visible.required]
        before = {name: _present(memory) for name, memory in memories.items()}
        maps = {name: score_map(_things(objects), required, truth) for name, objects in before.items()}
        since = sim.stamp_ns
        changed = episode.edit(seed, {t.id for t in required})
        patrolled = episode.run_phase("patrol", config.patrol_s, progress=progress)
        scores, misses = {}, {}
        for name, memory in memories.items():
            after = _after(memory, before[name], since)
            score, matched = maps[name]
            noticed = score_changes(changed.moved, changed.removed, matched, after, changed.disturbed)
            scores[name] = ArmScore(score, noticed)
            if not name:
                misses = describe(truth, required, before[name], matched, changed, after, memory.objects(), since)
        return Scene(seed, coverage, scores, (explored, patrolled), misses)


def without_negative_evidence(config: MemoryConfig) -> MemoryConfig:
    """The ablation: looking at an empty place never makes an object gone."""
    return dataclasses.replace(config, gone_frames=_GONE_NEVER)


def _radius(size: Any) -> float:
    return float(np.linalg.norm(size)) / 2


def _present(memory: SpatialMemory) -> list[MapObject]:
    return [o for o in memory.objects() if o.state is ObjectState.PRESENT]


def _things(objects: Sequence[MapObject]) -> list[Thing]:
    return [Thing(o.id, o.label, o.box.center) for o in objects]


def _after(memory: SpatialMemory, before: Sequence[MapObject], since_ns: int) -> list[After]:
    """The objects that were present before, as the memory has them now."""
    moved = {e.object_id for e in memory.changes(since_ns) if e.kind is EventKind.MOVED}
    out = []
    for old in before:
        now = memory.get(old.id)
        present = now.state is ObjectState.PRESENT
        out.append(After(old.id, present, now.box.center, old.box.center, now.id in moved))
    return out


def _figures(scenes: Sequence[Scene], arm: str) -> dict[str, Figure]:
    scores = [s.arms[arm] for s in scenes]
    maps, changes = [s.map for s in scores], [s.changes for s in scores]
    coverage = [[float(np.mean(list(s.coverage.values()))) if s.coverage else np.nan] for s in scenes]
    errors = [[float(np.median(m.errors_m)) if m.errors_m else np.nan] for m in maps]
    return {
        "coverage": figure(coverage, mean, "", Goal("min", 0.90)),
        "object_recall": figure([[m.matched, m.truths] for m in maps], ratio_of_sums, "", Goal("min", 0.90)),
        "object_precision": figure([[m.matched, m.found] for m in maps], ratio_of_sums, "", Goal("min", 0.95)),
        "real_precision": figure([[m.real, m.found] for m in maps], ratio_of_sums),
        "duplicate_ratio": figure(
            [[m.on_matched, m.matched] for m in maps], ratio_of_sums, "", Goal("band", 1.0, 0.05)
        ),
        "center_error_m": figure(errors, median, "m", Goal("max", 0.06)),
        "change_f1": figure([[c.found, c.edits, c.false_claims] for c in changes], _pooled_f1, "", Goal("min", 0.80)),
        "edits": figure([[c.edits] for c in changes], lambda d: float(d.sum())),
    }


def _pooled_f1(data: Any) -> float:
    found, edits, false = data.sum(axis=0)
    return f1(found, edits, false)


def _timings(scenes: Sequence[Scene]) -> dict[str, Figure]:
    update, lift, many, simulated = [], [], [], []
    for scene in scenes:
        detections = np.concatenate([p.detections for p in scene.phases])
        busy = detections >= BUSY
        if busy.sum() < 10:
            busy = detections >= np.quantile(detections, 0.9)
        update.append([float(np.median(np.concatenate([p.update_ms for p in scene.phases])[busy]))])
        lift.append([float(np.median(np.concatenate([p.lift_ms for p in scene.phases])[busy]))])
        many.append([float(np.median(detections[busy]))])
        simulated.append([scene.phases[0].simulated_s])
    return {
        "update_ms": figure(update, median, "ms", Goal("max", 30.0)),
        "lift_ms": figure(lift, median, "ms"),
        "detections_per_frame": figure(many, median),
        "explore_s": figure(simulated, median, "s"),
    }


def _tell(bar: Any, scene: Scene) -> None:
    bar.write(_line(scene))


def _line(scene: Scene) -> str:
    score = scene.arms[""]
    m, c = score.map, score.changes
    explored, patrolled = scene.phases
    return (
        f"seed {scene.seed}: coverage {np.mean(list(scene.coverage.values())):.2f}, recall {m.matched}/{m.truths}, "
        f"precision {m.matched}/{m.found}, duplicates {m.on_matched - m.matched}, changes {c.found}/{c.edits} "
        f"+{c.false_claims} false, {explored.simulated_s:.0f}+{patrolled.simulated_s:.0f} s simulated, "
        f"{explored.wall_s + patrolled.wall_s:.0f} s"
    )


def _details(scene: Scene) -> dict[str, Any]:
    return {
        "seed": scene.seed,
        "coverage": {k: round(v, 3) for k, v in scene.coverage.items()},
        "arms": {name or "ships": dataclasses.asdict(score) for name, score in scene.arms.items()},
        "phases": [p.summary() for p in scene.phases],
        "misses": scene.misses,
    }
