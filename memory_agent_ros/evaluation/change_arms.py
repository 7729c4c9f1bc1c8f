"""The arms of the ``change`` benchmark on one apartment: two visits with changes between them, and partial visits."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.calibration import reliability
from memory_agent_ros.evaluation.change_baselines import (
    AGE_OUT_GRID_S,
    AGE_OUT_S,
    CLEARING,
    CLEARING_GRID,
    VoxelClearing,
    aged_out,
)
from memory_agent_ros.evaluation.change_score import Belief, ChangeScores, declared_gone, score
from memory_agent_ros.evaluation.change_truth import Expected, Views, expected_changes, watch_places
from memory_agent_ros.evaluation.metrics import After, Thing, match
from memory_agent_ros.evaluation.walks.noise import PoseNoise
from memory_agent_ros.evaluation.walks.replay import Detections, Step
from memory_agent_ros.evaluation.walks.walk import WalkConfig, record_walk
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.event import EventKind
from memory_agent_ros.records.map_object import MapObject, ObjectState

ARMS = ("ours", "no_negative_evidence", "age_out", "voxel_clearing")
EDITS = 12
WALK = WalkConfig(rooms=4, passes=2, edits=EDITS, kinds=("move", "remove", "add", "swap"))
POSITION_M, ROTATION_DEG, MISS = 0.05, 1.0, 0.2
#: The second visit is cut into so many parts; each alone leaves most places unseen.
PARTS = 3


@dataclass(frozen=True, eq=False)
class Apartment:
    """One apartment's numbers.

    Attributes:
        seed: of the apartment.
        scores: arm -> score at 5 cm, 1 degree, 20 % misses.
        chances: arm -> (objects in its map whose place a partial visit did not look at, declared gone of them).
        center_error_m: median distance of centres at zero pose noise.
        reliability: (10, 3) bins of what the memory expected in the first visit, while nothing changed.
        grids: baseline -> setting -> (wanted, found, false), for tuning.
    """

    seed: int
    scores: dict[str, ChangeScores]
    chances: dict[str, tuple[int, int]]
    center_error_m: float
    reliability: NDArray[np.float64]
    grids: dict[str, dict[str, tuple[int, int, int]]]


def run_apartment(
    split: str, seed: int, config: MemoryConfig | None = None, walk_config: WalkConfig = WALK
) -> Apartment:
    """Both visits of one apartment, all arms on the same detections."""
    config = config or MemoryConfig()
    walk = record_walk(split, seed, walk_config)
    views = watch_places(walk)
    expected = expected_changes(walk, views)
    detections = Detections(walk, seed=seed)
    noise = PoseNoise(POSITION_M, ROTATION_DEG, seed=seed)
    steps = list(detections.replay(noise, MISS))
    first = [s for s in steps if walk.passes[s.index] == 0]
    second = [s for s in steps if walk.passes[s.index] == 1]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        files, told, happened = {}, list[float](), list[bool]()
        for name, settings in (("ours", config), ("blind", without_negative_evidence(config))):
            with SpatialMemory.open(folder / f"{name}.map", settings) as memory:
                for step in first:
                    memory.observe(step.frame, step.observations)
                    residual = memory.last_residual
                    if name == "ours" and residual is not None:
                        told += [e.p_detect for e in residual.expected]
                        happened += [e.seen for e in residual.expected]
            files[name] = (folder / f"{name}.map", settings)
        scores: dict[str, ChangeScores] = {}
        grids: dict[str, dict[str, tuple[int, int, int]]] = {}
        for arm, belief in _second_visit(files, folder, second, grids, expected).items():
            scores[arm] = score(belief, expected)
        chances = dict.fromkeys(ARMS, (0, 0))
        for rows in np.array_split(np.arange(len(second)), PARTS):
            part = [second[i] for i in rows.tolist()]
            shown = np.zeros(len(walk), dtype=bool)
            shown[[s.index for s in part]] = True
            unseen = views.not_looked(shown)
            for arm, belief in _second_visit(files, folder, part).items():
                had, gone = declared_gone(belief, expected, unseen)
                chances[arm] = (chances[arm][0] + had, chances[arm][1] + gone)
    bins = reliability(np.array(told), np.array(happened, dtype=bool))
    return Apartment(seed, scores, chances, _center_error(detections, config, expected, views), bins, grids)


def without_negative_evidence(config: MemoryConfig) -> MemoryConfig:
    """The ablation: looking at an empty place costs an object nothing."""
    return dataclasses.replace(config, through_loss=0.0, miss_loss=0.0, gone_frames=10**9)


def _second_visit(
    files: dict[str, tuple[Path, MemoryConfig]],
    folder: Path,
    steps: Sequence[Step],
    grids: dict[str, dict[str, tuple[int, int, int]]] | None = None,
    expected: Expected | None = None,
) -> dict[str, Belief]:
    """What each arm believes after some images of the second visit; the maps of the first visit stay as they are."""
    out: dict[str, Belief] = {}
    with ExitStack() as stack:
        memories = {}
        for name, (path, settings) in files.items():
            with SpatialMemory.open(path, settings, read_only=True) as original:
                copy = original.save(folder / f"{name}-copy.map")
            memories[name] = stack.enter_context(SpatialMemory.open(copy, settings))
        befores = {name: _present(memory) for name, memory in memories.items()}
        clearing = VoxelClearing(befores["blind"])
        for step in steps:
            for memory in memories.values():
                memory.observe(step.frame, step.observations)
            clearing.update(step.frame, step.observations)
        now_ns, since_ns = steps[-1].frame.stamp_ns, steps[0].frame.stamp_ns
        blind, old = memories["blind"], befores["blind"]
        out["ours"] = _belief(memories["ours"], befores["ours"], since_ns)
        out["no_negative_evidence"] = _belief(blind, old, since_ns)
        current = [blind.get(o.id) for o in old]
        out["age_out"] = _belief(blind, old, since_ns, aged_out(current, now_ns, AGE_OUT_S))
        out["voxel_clearing"] = _belief(blind, old, since_ns, clearing.gone(CLEARING))
        if grids is not None and expected is not None:
            grids["age_out"] = {
                str(t): _triple(_belief(blind, old, since_ns, aged_out(current, now_ns, t)), expected)
                for t in AGE_OUT_GRID_S
            }
            grids["voxel_clearing"] = {
                str(g): _triple(_belief(blind, old, since_ns, clearing.gone(g)), expected) for g in CLEARING_GRID
            }
    for name in files:
        (folder / f"{name}-copy.map").unlink()
    return out


def _triple(belief: Belief, expected: Expected) -> tuple[int, int, int]:
    counts = score(belief, expected).places
    return counts.wanted, counts.found, counts.false


def _present(memory: SpatialMemory) -> list[MapObject]:
    return [o for o in memory.objects() if o.state is ObjectState.PRESENT]


def _belief(memory: SpatialMemory, before: Sequence[MapObject], since_ns: int, gone: Iterable[int] = ()) -> Belief:
    """The objects that were present before as they are now, and those that came; ``gone`` by a rule from outside."""
    moved = {e.object_id for e in memory.changes(since_ns) if e.kind is EventKind.MOVED}
    lost, after, known = set(gone), [], set()
    for old in before:
        now = memory.get(old.id)
        known.add(now.id)
        present = now.state is ObjectState.PRESENT and old.id not in lost
        after.append(After(old.id, present, now.box.center, old.box.center, now.id in moved))
    fresh = [_thing(o) for o in _present(memory) if o.id not in known]
    return Belief([_thing(o) for o in before], after, fresh)


def _thing(o: MapObject) -> Thing:
    return Thing(o.id, o.label, o.box.center)


def _center_error(detections: Detections, config: MemoryConfig, expected: Expected, views: Views) -> float:
    """Median distance of centres after the first visit with exact poses, over things that were seen well."""
    with SpatialMemory.open(None, config) as memory:
        for step in detections.replay(PoseNoise(), MISS, which_pass=0):
            memory.observe(step.frame, step.observations)
        found = _present(memory)
    seen = views.seen_well(detections.walk.passes == 0)
    truth = {t.id: t for t in expected.before if t.id in seen}
    by_id = {o.id: o for o in found}
    matched = match([_thing(o) for o in found], [Thing(t.id, t.label, t.box.center) for t in truth.values()])
    errors: list[NDArray[np.float64]] = [by_id[m].box.center - truth[t].box.center for t, m in matched.items()]
    return float(np.median(np.linalg.norm(errors, axis=1))) if errors else float("nan")
