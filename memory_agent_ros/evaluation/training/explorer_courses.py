"""What the explorer practises: searches and discovery in apartments of the split ``train``. Needs torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from memory_agent_ros.evaluation.exploration.task_sets import discover_tasks, search_tasks
from memory_agent_ros.evaluation.exploration.twin_environment import TwinEnvironment
from memory_agent_ros.exploration.empo2 import Course, Empo2Config
from memory_agent_ros.exploration.features import SHAPE
from memory_agent_ros.exploration.labels import LabelVectors
from memory_agent_ros.exploration.learned_policy import LearnedPolicy
from memory_agent_ros.exploration.policy_network import PolicyConfig
from memory_agent_ros.exploration.rollout import rollout
from memory_agent_ros.exploration.situation import Shape


@dataclass(frozen=True)
class ExplorerTraining:
    """How the explorer is trained.

    Attributes:
        empo2: settings of the algorithm, with the seed and the environment steps.
        apartments: seeds of ``train`` from 0; those with too few rooms are left out.
        goals: searches in each apartment.
        discover: share of the updates that practise discovery instead of search.
        dim, layers: of the network.
        text_vectors: labels by the embedded text encoder; otherwise by hash.
    """

    empo2: Empo2Config = field(default_factory=Empo2Config)
    apartments: int = 200
    goals: int = 8
    discover: float = 0.2
    dim: int = 48
    layers: int = 2
    text_vectors: bool = True


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
    search = TwinEnvironment(search_tasks("train", seeds, goals=training.goals), words)
    courses = [Course(search, range(len(search.tasks)), 1.0 - training.discover)]
    if training.discover > 0:
        discover = TwinEnvironment(discover_tasks("train", seeds), words)
        courses.append(Course(discover, range(len(discover.tasks)), training.discover))
    return courses


def make_policy(training: ExplorerTraining, shape: Shape = SHAPE) -> LearnedPolicy:
    """An untrained policy, for apartments unless another shape is given."""
    config = PolicyConfig(shape, training.dim, layers=training.layers)
    return LearnedPolicy.new(config, training.empo2.seed, f"learned-{label_vectors(training.text_vectors).kind}")


def standardise(policy: LearnedPolicy, courses: Sequence[Course], episodes: int = 64) -> int:
    """Fit the scale of the policy's inputs to situations that it meets untrained; returns how many decisions that took.

    The first course decides: it is where the goals are.
    """
    tasks = courses[0].tasks
    some = [tasks[i * len(tasks) // episodes] for i in range(episodes)]
    played = rollout(courses[0].environment, policy, some, words=False)
    policy.standardise(played.situations)
    return len(played.choice)
