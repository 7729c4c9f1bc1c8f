"""The arms of the ``anchors`` benchmark on one apartment: two tours with drifting odometry, then a loop closure."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.drift import OdometryDrift
from memory_agent_ros.evaluation.metrics import MATCH_M, Thing, duplicates, match
from memory_agent_ros.evaluation.walks.noise import PoseError
from memory_agent_ros.evaluation.walks.replay import Detections
from memory_agent_ros.evaluation.walks.walk import TrueObject, Walk, WalkConfig, record_walk
from memory_agent_ros.memory.anchors.anchors import hang_on_one_anchor
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.map_object import MapObject, ObjectState

ARMS = ("no_drift", "ours", "no_reanchor", "one_anchor_per_object")
WALK = WalkConfig(passes=2, edits=6)
#: Every so many anchors is a node of the pose graph; the memory interpolates the others.
NODES_EVERY = 4
#: Detections of a true object from which on it must be in the map.
REQUIRED = 5
#: Errors of centres are taken of the nearest object of the label within this, so that drifted ones count too, metres.
ERROR_M = 2.0


@dataclass(frozen=True)
class ArmScore:
    """One map at the end of a walk, against the world as it then is.

    Attributes:
        errors_m: distance of centres of the nearest present objects of each label, one to one, within 2 m.
        required, matched: objects that had to be there, and those that are, within 0.25 m.
        found, real: present map objects, and those of them that stand for a true one.
        on_matched: present map objects that sit on a matched one.
        kept, unmoved: objects seen on both tours and not moved between them; those that kept their first identity.
        false_gone: objects that stand where they stood and whose first identity is gone.
        seconds: that the correction took.
    """

    errors_m: tuple[float, ...]
    required: int
    matched: int
    found: int
    real: int
    on_matched: int
    kept: int
    unmoved: int
    false_gone: int
    seconds: float


@dataclass(frozen=True, eq=False)
class Apartment:
    """One apartment's numbers; ``objects`` and ``anchors`` in the drifted map."""

    seed: int
    scores: Mapping[str, ArmScore]
    objects: int
    anchors: int


def run_apartment(split: str, seed: int, config: WalkConfig = WALK) -> Apartment:
    """All arms on the same detections."""
    walk = record_walk(split, seed, config)
    detections = Detections(walk, seed=seed)
    drift = OdometryDrift(walk.T_map_base, seed=seed)
    scores: dict[str, ArmScore] = {}
    with SpatialMemory.open(None) as memory:
        first = observe(memory, detections, None)
        scores["no_drift"] = score(memory, walk, detections, first, 0.0)
    with tempfile.TemporaryDirectory() as folder, SpatialMemory.open(None) as memory:
        first = observe(memory, detections, drift)
        size = len(memory.objects(include_tentative=True)), len(memory.anchor_poses())
        for arm in ARMS[1:]:
            with SpatialMemory.open(memory.save(Path(folder) / f"{arm}.map")) as copy:
                seconds = close_loop(copy, walk, arm)
                scores[arm] = score(copy, walk, detections, first, seconds)
    return Apartment(seed, scores, *size)


def observe(memory: SpatialMemory, detections: Detections, pose: PoseError | None) -> dict[int, int]:
    """Feed a walk; returns true id -> the identity that most of its detections on the first tour went to."""
    votes: dict[int, Counter[int]] = {}
    for step in detections.replay(pose):
        memory.observe(step.frame, step.observations)
        if detections.walk.passes[step.index] == 0:
            for true_id, object_id in zip(step.true_ids, memory.assignments, strict=True):
                if true_id and object_id:
                    votes.setdefault(true_id, Counter())[object_id] += 1
    return {true_id: count.most_common(1)[0][0] for true_id, count in votes.items()}


def close_loop(memory: SpatialMemory, walk: Walk, arm: str) -> float:
    """Give the pose graph's nodes their true poses; returns the seconds it took."""
    if arm == "no_reanchor":
        return 0.0
    if arm == "one_anchor_per_object":
        hang_on_one_anchor(memory._state, memory._store)
    anchors = memory.anchor_poses()
    nodes = sorted({*list(anchors)[::NODES_EVERY], list(anchors)[-1]})
    at = np.searchsorted(walk.stamps_ns, [anchors[i].stamp_ns for i in nodes])
    started = time.perf_counter()
    memory.reanchor({i: walk.T_map_camera[k] for i, k in zip(nodes, at.tolist(), strict=True)}, memory.map_revision + 1)
    return time.perf_counter() - started


def score(
    memory: SpatialMemory, walk: Walk, detections: Detections, first: Mapping[int, int], seconds: float
) -> ArmScore:
    """Compare a map with the world at the end of the walk."""
    problems = memory.verify()
    if problems:
        raise AssertionError(f"the map is not sound: {problems[0]}")
    seen = Counter(i for ids in detections.true_ids for i in ids)
    truth = [t for t in walk.truth[-1] if t.present]
    present = [o for o in memory.objects() if o.state is ObjectState.PRESENT]
    every = [_true_thing(t) for t in truth]
    required = [t for t in every if seen[t.id] >= REQUIRED]
    found = [Thing(o.id, o.label, o.box.center) for o in present]
    matched = match(found, required)
    rest = [f for f in found if f.id not in set(matched.values())]
    extra = match(rest, [t for t in every if t.id not in matched])
    wide = match(found, required, ERROR_M)
    places = {f.id: f.center for f in found}
    errors = tuple(float(np.linalg.norm(places[m] - _center(required, t))) for t, m in wide.items())
    still = _unmoved(walk, detections, first)
    owner = {t: _resolved(memory, first[t]) for t in still}
    kept = sum(o is not None and o.id == matched.get(t) for t, o in owner.items())
    gone = sum(o is not None and o.state is ObjectState.GONE for o in owner.values())
    return ArmScore(
        errors, len(required), len(matched), len(found), len(matched) + len(extra),
        duplicates(found, required, matched), kept, len(still), gone, seconds,
    )  # fmt: skip


def _true_thing(t: TrueObject) -> Thing:
    return Thing(t.id, t.label, t.box.center, float(np.linalg.norm(t.box.size)) / 2)


def _center(things: list[Thing], true_id: int) -> NDArray[np.float64]:
    return next(t.center for t in things if t.id == true_id)


def _unmoved(walk: Walk, detections: Detections, first: Mapping[int, int]) -> list[int]:
    """True ids detected often on both tours that stand where they stood."""
    counts = [Counter[int](), Counter[int]()]
    for number, ids in zip(walk.passes.tolist(), detections.true_ids, strict=True):
        counts[min(number, 1)].update(ids)
    before = {t.id: t for t in walk.truth[0] if t.present}
    now = {t.id: t for t in walk.truth[-1] if t.present}
    often = [t for t in first if min(c[t] for c in counts) >= REQUIRED and t in before and t in now]
    return [t for t in often if np.linalg.norm(before[t].box.center - now[t].box.center) < MATCH_M / 5]


def _resolved(memory: SpatialMemory, object_id: int) -> MapObject | None:
    try:
        return memory.get(object_id)
    except BadInputError:
        return None


def details(apartment: Apartment) -> dict[str, object]:
    """For the result file."""
    arms = {}
    for arm, s in apartment.scores.items():
        arms[arm] = {k: v for k, v in dataclasses.asdict(s).items() if k != "errors_m"}
        arms[arm]["center_error_m"] = round(float(np.median(s.errors_m)), 4) if s.errors_m else None
    return {"seed": apartment.seed, "objects": apartment.objects, "anchors": apartment.anchors, "arms": arms}
