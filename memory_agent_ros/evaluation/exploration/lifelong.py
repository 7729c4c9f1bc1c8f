"""Chains of searches in one apartment, the world changed between them, the memory kept, reset, or told everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from memory_agent_ros.evaluation.exploration.apartments import apartment, recognised
from memory_agent_ros.evaluation.exploration.rollout import play
from memory_agent_ros.evaluation.exploration.task_sets import MAX_DECISIONS, large_apartments, searchable
from memory_agent_ros.evaluation.exploration.twin_environment import MemoryMode, TwinEnvironment
from memory_agent_ros.exploration.situation import Policy
from memory_agent_ros.records.exploration_task import EpisodeOutcome, ExplorationTask, TaskKind

if TYPE_CHECKING:
    from memory_agent_sim.twin.tables import TwinTables

GOALS = 10
#: Metres for each goal, twice those of a single search: what is measured is the length of the way.
BUDGET_M = 26.0
#: Things moved and removed between two goals.
EDITS = 3


@dataclass(frozen=True, eq=False)
class Chain:
    """Searches one after the other.

    Attributes:
        task: the apartment and the goals.
        tables: the apartment at each goal.
    """

    task: ExplorationTask
    tables: tuple[TwinTables, ...]


def draw_chains(
    split: str, seeds: Sequence[int], placement: str = "habitual", goals: int = GOALS, edits: int = EDITS
) -> list[Chain]:
    """A chain for each large apartment among the seeds.

    The robot begins each goal where it began the first, as from a dock. Goals are things worth a search from there, no
    label twice in a row nor again before all were wanted; before each but the first the world is changed: things are
    moved by the placement's habits and taken away in turn. An apartment in which nothing worth a search is left on the
    way has no chain.
    """
    drawn = (_chain(split, seed, placement, goals, edits) for seed in large_apartments(split, seeds))
    return [chain for chain in drawn if chain is not None]


def _chain(split: str, seed: int, placement: str, goals: int, edits: int) -> Chain | None:
    from memory_agent_sim.twin.world import TwinWorld

    rng = np.random.default_rng([abs(seed), 99])
    first = apartment(split, seed, placement)
    names = [str(n) for n in rng.permutation(searchable(first))]
    world, wanted, tables = TwinWorld(split, seed, placement), [names[0]], [first]
    for _ in range(goals - 1):
        world.apply_edits(world.sample_edits(edits, rng))
        now = recognised(world.tables)
        possible = [n for n in searchable(now) if n != wanted[-1]]
        if not possible:
            return None
        fresh = [n for n in possible if n not in wanted] or possible
        wanted.append(fresh[int(rng.integers(len(fresh)))])
        tables.append(now)
    task = ExplorationTask(TaskKind.LIFELONG, split, seed, tuple(wanted), placement, BUDGET_M, 2 * MAX_DECISIONS, edits)
    return Chain(task, tuple(tables))


def run_chains(
    environment: TwinEnvironment, policy: Policy, chains: Sequence[Chain], memory: MemoryMode
) -> list[list[EpisodeOutcome]]:
    """Outcomes of each chain's goals.

    Args:
        environment: made of the chains' tasks, in their order.
        policy: what chooses.
        chains: all of one length.
        memory: what the robots know when a further goal is given; with the oracle's map also at the first.
    """
    situations = environment.reset(range(len(chains)))
    if memory is MemoryMode.ORACLE:
        situations = environment.tell_all()
    play(environment, policy, situations)
    outcomes = [[o] for o in environment.outcomes()]
    for number in range(1, len(chains[0].task.goals)):
        goals = [c.task.goals[number] for c in chains]
        situations = environment.next_goal(goals, [c.tables[number] for c in chains], memory)
        play(environment, policy, situations)
        for chain, outcome in zip(outcomes, environment.outcomes(), strict=True):
            chain.append(outcome)
    return outcomes
