"""Exploration tasks in the rendered simulation: the whole stack, from pictures to a declaration, without ROS."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from memory_agent_ros.evaluation.episode import Episode, EpisodeConfig, Hook, make_simulation
from memory_agent_ros.evaluation.exploration.apartments import MINIMUM_PIXELS, apartment, recognised
from memory_agent_ros.evaluation.exploration.task_sets import (
    DECLARE_M,
    DISCOVER_BUDGET_M,
    MAX_DECISIONS,
    SEARCH_BUDGET_M,
    goal_things,
    searchable,
)
from memory_agent_ros.evaluation.phase import PhaseResult, Tick
from memory_agent_ros.evaluation.task_judge import TaskJudge, TrueThing
from memory_agent_ros.exploration.codes import Mode
from memory_agent_ros.exploration.experience import MapTips, own_score, tips_of
from memory_agent_ros.exploration.situation import Policy
from memory_agent_ros.exploration.tips import TipStore
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.perception.ground_truth import DetectionNoise
from memory_agent_ros.perception.protocols import TextEmbedder
from memory_agent_ros.records.decision import Decision
from memory_agent_ros.records.errors import BadInputError, MissingExtraError
from memory_agent_ros.records.exploration_task import EpisodeOutcome, ExplorationTask, TaskKind

if TYPE_CHECKING:
    from memory_agent_sim.twin.tables import TwinTables
    from memory_agent_sim.twin.world import TwinWorld

_MODES = {
    TaskKind.DISCOVER: Mode.DISCOVER,
    TaskKind.SEARCH: Mode.SEARCH,
    TaskKind.LIFELONG: Mode.SEARCH,
    TaskKind.VERIFY: Mode.VERIFY,
}
#: Camera of task episodes: the small one, 320x240.
SMALL = EpisodeConfig(width=320, height=240, noise=DetectionNoise(minimum_pixels=MINIMUM_PIXELS))


@dataclass(frozen=True, eq=False)
class GoalResult:
    """How one goal of a task went.

    Attributes:
        goal: what was wanted, "" for tasks without.
        outcome: scored by the truth.
        decisions: with everything that spoke for and against them.
        phase: times and reasons.
    """

    goal: str
    outcome: EpisodeOutcome
    decisions: tuple[Decision, ...]
    phase: PhaseResult


@dataclass(frozen=True, eq=False)
class TaskResult:
    """How a task went; several goals only in ``lifelong``."""

    task: ExplorationTask
    policy: str
    goals: tuple[GoalResult, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {
            "task": asdict(self.task) | {"kind": str(self.task.kind)},
            "policy": self.policy,
            "goals": [
                {
                    "goal": g.goal,
                    **asdict(g.outcome),
                    "simulated_s": round(g.phase.simulated_s, 1),
                    "wall_s": round(g.phase.wall_s, 1),
                    "choices": [d.reason for d in g.decisions],
                }
                for g in self.goals
            ],
        }


def make_task(
    kind: str,
    split: str,
    seed: int,
    goals: Sequence[str] = (),
    placement: str = "habitual",
    budget_m: float | None = None,
    edits: int = 0,
) -> ExplorationTask:
    """A task; goals that are not named are drawn among the things worth a search.

    Raises:
        BadInputError: ``task_goals`` for goals that do not suit the kind.
    """
    task = TaskKind(kind)
    wanted = {TaskKind.SEARCH: 1, TaskKind.LIFELONG: 10}.get(task, 0)
    if (goals and not wanted) or (task is TaskKind.SEARCH and len(goals) > 1):
        raise BadInputError("task_goals", f"{kind} takes {'one goal' if wanted else 'no goal'}, got {list(goals)}")
    chosen = tuple(goals)
    if wanted and not chosen:
        names = searchable(apartment(split, seed, placement))
        if not names:
            raise BadInputError("task_goals", "nothing there is worth a search; name a goal or take another seed")
        order = np.random.default_rng([abs(seed), 77]).permutation(len(names))
        chosen = tuple(names[int(i)] for i in np.resize(order, wanted))
    budget = budget_m or (SEARCH_BUDGET_M if wanted else DISCOVER_BUDGET_M)
    most = MAX_DECISIONS if wanted else 2 * MAX_DECISIONS
    return ExplorationTask(task, split, seed, chosen, placement, budget, most, edits)


def run_task(
    task: ExplorationTask,
    policy: Policy,
    config: EpisodeConfig = SMALL,
    *,
    texts: TextEmbedder | None = None,
    map_path: Path | None = None,
    hook: Hook | None = None,
    progress: bool = False,
    tips: bool = False,
    before_goal: Callable[[Episode], None] | None = None,
    after_goal: Callable[[Episode, GoalResult], None] | None = None,
) -> TaskResult:
    """Do a task in its apartment.

    Args:
        task: what, where, and what may be spent.
        policy: chooses; the same for every goal.
        config: camera, noise, memory; the apartment's placement is the task's.
        texts: embeds words for the policy.
        map_path: where to keep the map; thrown away if None.
        hook: called with a :class:`Tick` after each frame.
        progress: show bars.
        tips: read the map's tips before each choice and write what was learned after each goal.
        before_goal: called before each goal.
        after_goal: called after each goal with its result.

    Raises:
        MissingExtraError: the simulator is not installed.
    """
    config = dataclasses.replace(config, placement=task.placement)
    with ExitStack() as stack:
        twin = _twin(task, config)
        sim = make_simulation(task.split, task.seed, config)
        stack.callback(sim.close)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        memory = stack.enter_context(SpatialMemory.open(map_path or folder / "episode.map", config.memory))
        episode = Episode(sim, memory, config, task.seed, texts=texts)
        done: list[GoalResult] = []
        for number, goal in enumerate(task.goals or ("",)):
            if number and task.edits:
                _edit(episode, twin, task.edits, task.seed + number)
            if before_goal is not None:
                before_goal(episode)
            kept = MapTips(memory.tips) if tips else None
            done.append(run_goal(episode, twin, task, goal, policy, hook, progress, kept))
            if after_goal is not None:
                after_goal(episode, done[-1])
        return TaskResult(task, policy.name, tuple(done))


def run_goal(
    episode: Episode,
    twin: TwinWorld,
    task: ExplorationTask,
    goal: str,
    policy: Policy,
    hook: Hook | None = None,
    progress: bool = False,
    tips: TipStore | None = None,
) -> GoalResult:
    """One goal in a running episode; ``twin`` is its apartment as it is now."""
    explorer, sim = episode.explorer, episode.sim
    judge = TaskJudge(task, *_truth(episode, goal), _shortest_m(episode, recognised(twin.tables), goal))

    def watch(tick: Tick) -> None:
        judge.look(tick.frame, sim.T_map_base[:2, 3], explorer.travelled_m)
        if hook is not None:
            hook(tick)

    limit_s = 60.0 + 4.0 * task.budget_m + 6.0 * task.max_decisions
    explorer.start(
        _MODES[task.kind],
        limit_s,
        goal=goal,
        policy=policy,
        tips=tips,
        budget_m=task.budget_m,
        max_decisions=task.max_decisions,
    )
    phase = episode.drive(str(task.kind), limit_s, watch, progress)
    outcome = judge.outcome(explorer, sim.T_map_base[:2, 3])
    if tips is not None:
        world = f"{task.split}/{task.seed}/{task.placement}"
        name = f"{world}/{sim.stamp_ns}/{time.time_ns()}"
        tips.add(tips_of(explorer.run, own_score(explorer.run), episode=name, world=world, stamp_ns=sim.stamp_ns))
    return GoalResult(goal, outcome, tuple(explorer.decisions), phase)


def _truth(episode: Episode, goal: str) -> tuple[dict[int, TrueThing], list[int]]:
    """Things that are there now, and the ids of those that the goal names."""
    there = [t for t in episode.sim.truth() if t.present]
    things = {t.id: TrueThing(t.label, t.box.center, t.movable) for t in there}
    named = goal_things([t.label for t in there], goal) if goal else np.zeros(len(there), bool)
    return things, [t.id for t, ok in zip(there, named, strict=True) if ok]


def _shortest_m(episode: Episode, tables: TwinTables, goal: str) -> float:
    """Shortest way from where the robot is to a place from which the goal may be declared, by the twin's tables."""
    if not goal:
        return 0.0
    wanted = goal_things(tables.labels, goal) & tables.boxes.present
    near = tables.sees_things.any(axis=1) & (tables.range_m <= DECLARE_M)
    good = near[:, wanted].any(axis=1)
    at = int(np.argmin(np.linalg.norm(tables.nodes_xy - episode.sim.T_map_base[:2, 3], axis=1)))
    return float(tables.path_m[at, good].min()) if good.any() else float("inf")


def _edit(episode: Episode, twin: TwinWorld, count: int, seed: int) -> None:
    """Move things where the robot does not look, in the simulation and in its twin."""
    rng = np.random.default_rng(seed % 2**32)
    edits = episode.sim.sample_edits(count, rng, kinds=("move",), avoid_visible_from=episode.sim.frame())
    episode.sim.apply_edits(edits)
    twin.apply_edits(edits)


def _twin(task: ExplorationTask, config: EpisodeConfig) -> TwinWorld:
    try:
        from memory_agent_sim.twin.world import TwinWorld
    except ImportError as error:
        raise MissingExtraError(f"{error}; install the simulator: pip install ./sim (or `make setup`)") from error
    return TwinWorld(task.split, task.seed, task.placement, config.rooms)
