"""Episodes of a policy, many at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from memory_agent_ros.evaluation.exploration.twin_environment import TwinEnvironment
from memory_agent_ros.exploration.situation import Policy, Situations
from memory_agent_ros.records.exploration_task import EpisodeOutcome

BATCH = 64


def roll_out(
    environment: TwinEnvironment,
    policy: Policy,
    tasks: Sequence[int] | None = None,
    *,
    batch: int = BATCH,
    progress: bool = False,
) -> list[EpisodeOutcome]:
    """One episode of each task, the best-scored candidate taken each time.

    Args:
        environment: with its tasks.
        policy: what chooses.
        tasks: numbers of tasks; all by default.
        batch: episodes at a time.
        progress: show a bar.
    """
    numbers = list(range(len(environment.tasks)) if tasks is None else tasks)
    outcomes: list[EpisodeOutcome] = []
    with tqdm(total=len(numbers), desc=policy.name, unit="episode", disable=not progress, leave=False) as bar:
        for start in range(0, len(numbers), batch):
            some = numbers[start : start + batch]
            run_batch(environment, policy, some)
            outcomes += environment.outcomes()
            bar.update(len(some))
    return outcomes


def run_batch(
    environment: TwinEnvironment,
    policy: Policy,
    tasks: Sequence[int],
    watch: Callable[[Situations, NDArray[np.int64]], None] | None = None,
) -> int:
    """Run the episodes of some tasks to their end; returns how many decisions were made.

    ``watch`` sees each step's situations and choices.
    """
    return play(environment, policy, environment.reset(tasks), watch)


def play(
    environment: TwinEnvironment,
    policy: Policy,
    situations: Situations,
    watch: Callable[[Situations, NDArray[np.int64]], None] | None = None,
) -> int:
    """Go on from some situations to the end of the episodes; returns how many decisions were made."""
    done, decisions = np.zeros(len(situations), bool), 0
    while not done.all():
        choices = np.argmax(policy.logits(situations), axis=1)
        if watch is not None:
            watch(situations, choices)
        decisions += int((~done).sum())
        step = environment.step(choices)
        situations, done = step.situations, step.done
    return decisions
