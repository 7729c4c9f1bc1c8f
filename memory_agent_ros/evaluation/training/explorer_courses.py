"""What the explorer learns and practises: lessons, searches and discovery in apartments of ``train``. Needs torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from memory_agent_ros.evaluation.exploration.apartments import apartment, recognised
from memory_agent_ros.evaluation.exploration.task_sets import discover_tasks, search_tasks, searchable
from memory_agent_ros.evaluation.exploration.twin_environment import TwinEnvironment
from memory_agent_ros.evaluation.training.explorer_school import Schooling
from memory_agent_ros.exploration.empo2 import Course, Empo2Config
from memory_agent_ros.exploration.features import SHAPE
from memory_agent_ros.exploration.labels import LabelVectors
from memory_agent_ros.exploration.learned_policy import LearnedPolicy
from memory_agent_ros.exploration.policy_network import PolicyConfig
from memory_agent_ros.exploration.rollout import rollout
from memory_agent_ros.exploration.situation import Shape
from memory_agent_ros.records.exploration_task import ExplorationTask

if TYPE_CHECKING:
    from memory_agent_sim.twin.tables import TwinTables
    from memory_agent_sim.twin.world import TwinWorld


#: For long trainings: slower and with larger batches than in the comparison of EMPO2's parts, whose runs are short.
LONG = Empo2Config(
    decisions=200_000,
    tasks=16,
    off_policy=0.25,
    tips_on_policy=0.15,
    distillation=0.1,
    rate=1e-3,
    averaging=0.97,
)


@dataclass(frozen=True)
class ExplorerTraining:
    """How the explorer is trained.

    Attributes:
        empo2: settings of the algorithm, with the seed and the environment steps.
        apartments: seeds of ``train`` from 0; those with too few rooms are left out.
        goals: searches in each apartment, and in each of its variants.
        variants: how often each apartment is furnished anew with movable things, by the same habits: with few
            apartments the policy would otherwise learn by heart where things are in each.
        discover: share of the updates that practise discovery instead of search.
        guide: rule that the policy starts from and corrects, or empty.
        dim, layers: of the network.
        school: lessons before EMPO2, or None to begin with random weights.
        text_vectors: labels by the embedded text encoder; otherwise by hash.
    """

    empo2: Empo2Config = field(default_factory=lambda: LONG)
    apartments: int = 200
    goals: int = 4
    variants: int = 3
    discover: float = 0.2
    guide: str = "information_gain"
    dim: int = 48
    layers: int = 2
    text_vectors: bool = True
    school: Schooling | None = None


#: The explorer that ships: the school alone. EMPO2 goes on from there if it is given environment steps, slowly.
SHIPPED = ExplorerTraining(replace(LONG, decisions=0, rate=2e-4), apartments=240, dim=32, layers=1, school=Schooling())


@cache
def label_vectors(text: bool) -> LabelVectors:
    """Vectors of labels by the embedded text encoder, or by hash.

    Raises:
        MissingExtraError: the text encoder is asked for and not installed.
    """
    if not text:
        return LabelVectors()
    from memory_agent_ros.perception.embedders.minilm import MiniLmEmbedder

    return LabelVectors(MiniLmEmbedder.from_package())


def make_courses(training: ExplorerTraining) -> list[Course]:
    """Search first, then, if it has a share, discovery."""
    words, seeds = label_vectors(training.text_vectors), range(training.apartments)
    search = TwinEnvironment(practice(seeds, training.goals, training.variants), words, _rearranged)
    courses = [Course(search, range(len(search.tasks)), 1.0 - training.discover)]
    if training.discover > 0:
        discover = TwinEnvironment(discover_tasks("train", seeds), words)
        courses.append(Course(discover, range(len(discover.tasks)), training.discover))
    return courses


def practice(seeds: Sequence[int], goals: int, variants: int) -> list[ExplorationTask]:
    """Searches in the large apartments of ``train`` and in variants of them; ``edits`` is the number of the variant."""
    tasks = search_tasks("train", seeds, goals=goals)
    for seed in tqdm(sorted({task.seed for task in tasks}), desc="variants", leave=False, disable=None):
        one = next(task for task in tasks if task.seed == seed)
        for variant in range(1, variants + 1):
            names = searchable(_rearranged(replace(one, edits=variant)))
            order = np.random.default_rng([seed, variant, 78]).permutation(len(names))[:goals]
            tasks += [replace(one, goals=(names[i],), edits=variant) for i in order.tolist()]
    return tasks


def _rearranged(task: ExplorationTask) -> TwinTables:
    if task.edits == 0:
        return apartment(task.split, task.seed, task.placement)
    return _variant(task.split, task.seed, task.placement, task.edits)


@lru_cache(maxsize=2048)
def _variant(split: str, seed: int, placement: str, variant: int) -> TwinTables:
    """An apartment after most of its things were put elsewhere, where the habits say."""
    world = _world(split, seed, placement)
    world.reset()
    rng = np.random.default_rng([seed, variant, 79])
    world.apply_edits(world.sample_edits(int(0.8 * world.tables.movable.sum()), rng, kinds=("move",)))
    return recognised(world.tables)


@lru_cache(maxsize=1)
def _world(split: str, seed: int, placement: str) -> TwinWorld:
    from memory_agent_sim.twin.world import TwinWorld

    return TwinWorld(split, seed, placement)


def make_policy(training: ExplorerTraining, shape: Shape = SHAPE) -> LearnedPolicy:
    """An untrained policy, for apartments unless another shape is given."""
    config = PolicyConfig(shape, training.dim, layers=training.layers)
    policy = LearnedPolicy.new(config, training.empo2.seed, f"learned-{label_vectors(training.text_vectors).kind}")
    policy.about.update({"guide": training.guide} if training.guide else {})
    return policy


def standardise(policy: LearnedPolicy, courses: Sequence[Course], episodes: int = 64) -> int:
    """Fit the scale of the policy's inputs to situations that it meets untrained; returns how many decisions that took.

    The first course decides: it is where the goals are.
    """
    tasks = courses[0].tasks
    some = [tasks[i * len(tasks) // episodes] for i in range(episodes)]
    played = rollout(courses[0].environment, policy, some, words=False)
    policy.standardise(played.situations)
    return len(played.choice)
