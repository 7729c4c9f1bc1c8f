"""The ``decision`` benchmark: how long the robot's explorer takes for one choice with the small policy.

Half of an apartment's floor is known on a grid of 5 cm, 500 things are remembered in it. A choice is all that happens
between "what next?" and the answer: paths, places and what they show, candidates (up to 50), their features, the
policy's scores, the record with its reasons. ``decision_p50_ms`` is that; ``processor_p50_ms`` the
processor's time in it, which other processes do not disturb; ``policy_p50_ms`` the policy's scores alone. One thread.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from memory_agent_ros.evaluation.exploration.arms import label_words
from memory_agent_ros.evaluation.outcome import Outcome
from memory_agent_ros.evaluation.statistics import Figure, Goal, figure, median
from memory_agent_ros.exploration.candidates import CandidateConfig
from memory_agent_ros.exploration.codes import Mode
from memory_agent_ros.exploration.config import ExplorerConfig
from memory_agent_ros.exploration.floor_plan import FloorPlan
from memory_agent_ros.exploration.goal_match import GoalMatch
from memory_agent_ros.exploration.goals import GoalChooser
from memory_agent_ros.exploration.known_world import StillWorld
from memory_agent_ros.exploration.labels import LabelVectors
from memory_agent_ros.exploration.learned_policy import LearnedPolicy
from memory_agent_ros.exploration.mapper import Mapper
from memory_agent_ros.exploration.path_planner import PathPlanner
from memory_agent_ros.exploration.policy_chooser import PolicyChooser
from memory_agent_ros.exploration.request import Request
from memory_agent_ros.exploration.run_state import RunState
from memory_agent_ros.exploration.situation import Array, Policy, Situations, TipTokens
from memory_agent_ros.exploration.world_view import WorldView
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.map_object import MapObject, ObjectState
from memory_agent_ros.records.room import Room

OBJECTS = 500
#: Enough of each kind that there are fifty.
CANDIDATES = CandidateConfig(viewpoints=40)
_REPEATS = 9
#: The clock at the choice, nanoseconds; things were last seen up to an hour before.
_NOW_NS = 7_200 * 10**9


class _Timed:
    """A policy that keeps how long it took and how many candidates it saw."""

    def __init__(self, policy: Policy) -> None:
        self._policy, self.name = policy, policy.name
        self.ms: list[float] = []
        self.candidates: list[float] = []

    def logits(self, situations: Situations, tips: TipTokens | None = None) -> Array:
        """See :class:`~memory_agent_ros.exploration.situation.Policy`."""
        started = time.perf_counter()
        scores = self._policy.logits(situations, tips)
        self.ms.append((time.perf_counter() - started) * 1e3)
        self.candidates.append(float(situations.candidate_mask[0].sum()))
        return scores


def bench(split: str, seeds: range, jobs: int, options: Mapping[str, Any]) -> Outcome:
    """Run the benchmark.

    Args:
        split: split of the apartments.
        seeds: apartments.
        jobs: not used: times are taken one after the other.
        options: ``progress`` (bool).
    """
    import torch

    torch.set_num_threads(1)
    words, policy = label_words(), small_policy()
    rows = []
    for seed in tqdm(seeds, desc=f"decision {split}", unit="apartment", disable=not options.get("progress", False)):
        rows.append(measure(split, seed, policy, words))
    figures = {
        "decision_p50_ms": figure([[r["decision_ms"]] for r in rows], median, "ms", Goal("max", 50.0)),
        "processor_p50_ms": figure([[r["processor_ms"]] for r in rows], median, "ms"),
        "policy_p50_ms": figure([[r["policy_ms"]] for r in rows], median, "ms"),
        "candidates": figure([[r["candidates"]] for r in rows], median),
        "objects": Figure(float(OBJECTS), float("nan"), float("nan")),
    }
    return Outcome(figures, {}, rows)


def small_policy() -> Policy:
    """The policy that ships; where there is none, one of its size that knows nothing: it takes as long."""
    from memory_agent_ros.exploration.features import SHAPE
    from memory_agent_ros.exploration.policy_network import PolicyConfig

    return LearnedPolicy.load_default() or LearnedPolicy.new(PolicyConfig(SHAPE))


def measure(split: str, seed: int, policy: Policy, words: LabelVectors, repeats: int = _REPEATS) -> dict[str, Any]:
    """Medians of one apartment, milliseconds."""
    timed = _Timed(policy)
    chooser, planner, mapper, goals = half_known(split, seed, timed, words)
    spent, worked = [], []
    for _ in range(repeats + 1):
        started, processor = time.perf_counter(), time.process_time()
        planner.update(mapper.xy)
        goals.find()
        chooser.next(_NOW_NS)
        spent.append((time.perf_counter() - started) * 1e3)
        worked.append((time.process_time() - processor) * 1e3)
    return {
        "seed": seed,
        "decision_ms": float(np.median(spent[1:])),
        "processor_ms": float(np.median(worked[1:])),
        "policy_ms": float(np.median(timed.ms[1:])),
        "candidates": float(np.median(timed.candidates)),
    }


def half_known(
    split: str, seed: int, policy: Policy, words: LabelVectors
) -> tuple[PolicyChooser, PathPlanner, Mapper, GoalChooser]:
    """An explorer's parts in an apartment of six rooms of which the half around the robot is known."""
    from memory_agent_sim.layout import draw_layout

    config = ExplorerConfig()
    layout = draw_layout(split, seed, 6, placement="habitual")
    floor = layout.grid(config.resolution_m)
    values = np.where(floor.free, 0, 100).astype(np.int16)
    rows, columns = np.indices(values.shape)
    start = np.array(layout.start[:2])
    away = np.hypot(*(np.stack([columns, rows]) * config.resolution_m - (start - floor.origin)[:, None, None]))
    values[away > np.median(away)] = -1
    mapper = Mapper(config)
    mapper.grid.adopt(FloorPlan(values, config.resolution_m, floor.origin), 25, 65)
    mapper.xy, mapper.stamp_ns = start, _NOW_NS
    mapper.trail.append((0, float(start[0]), float(start[1]), 0.0))
    planner = PathPlanner(mapper.grid, config)
    goals = GoalChooser(mapper.grid, mapper.coverage, planner, config)
    known = np.argwhere(values == 0) * config.resolution_m + floor.origin[::-1]
    rng = np.random.default_rng(seed % 2**32)
    labels = sorted({o.instance.category for o in layout.objects} | {f.instance.category for f in layout.furniture})
    spots = known[rng.integers(len(known), size=OBJECTS)][:, ::-1]
    objects = [_remembered(i, str(rng.choice(labels)), spots[i], rng) for i in range(OBJECTS)]
    corners = [np.array([[a[0], a[1]], [b[0], a[1]], [b[0], b[1]], [a[0], b[1]]]) for a, b in _rooms(layout.plan.rooms)]
    rooms = [
        Room(i + 1, r.name, 1.0, outline, 12.0, outline.mean(axis=0))
        for i, (r, outline) in enumerate(zip(layout.plan.rooms, corners, strict=True))
    ]
    run = RunState(Request(Mode.SEARCH, "violin", policy, budget_m=13.0))
    world = StillWorld(objects, rooms)
    view = WorldView(lambda: world, mapper, planner, goals, words, GoalMatch(), config)
    return PolicyChooser(run, view, goals, policy, None, CANDIDATES), planner, mapper, goals


def _rooms(rooms: Any) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    return [(r.minimum, r.maximum) for r in rooms]


def _remembered(number: int, label: str, xy: NDArray[np.float64], rng: np.random.Generator) -> MapObject:
    center = np.array([xy[0], xy[1], 0.7])
    seen_ns = _NOW_NS - int(rng.uniform(0, 3600) * 1e9)
    share = float(rng.uniform(0.5, 1.0))
    return MapObject(
        id=number + 1,
        label=label,
        label_probs={label: share, "thing": 1.0 - share},
        state=ObjectState.PRESENT,
        presence=float(rng.uniform(0.6, 1.0)),
        confirmed=True,
        centroid_map=center,
        covariance=np.eye(3) * 1e-4,
        box=OrientedBox(center, rng.uniform(0.08, 0.25, 3), 0.0),
        points_map=np.zeros((0, 3), np.float32),
        embedding=None,
        observations=5,
        first_seen_ns=0,
        last_seen_ns=seen_ns,
        last_looked_ns=seen_ns,
    )
