from __future__ import annotations

import numpy as np
import pytest

from memory_agent_ros.evaluation.exploration.lifelong import Chain, draw_chains, run_chains
from memory_agent_ros.evaluation.exploration.twin_environment import MemoryMode, TwinEnvironment
from memory_agent_ros.exploration.policies.frontiers import InformationGain


@pytest.fixture(scope="module")
def chains(own_cache) -> list[Chain]:
    return draw_chains("train", range(6), goals=4)


def run(chains: list[Chain], words, memory: MemoryMode):
    return run_chains(TwinEnvironment([c.task for c in chains], words), InformationGain(), chains, memory)


def test_chains_are_the_same_each_time_and_the_world_changes(chains) -> None:
    again = draw_chains("train", range(6), goals=4)
    assert [c.task for c in chains] == [c.task for c in again]
    for chain in chains:
        assert len(chain.task.goals) == len(chain.tables) == 4
        for before, after in zip(chain.tables, chain.tables[1:], strict=False):
            moved = (before.boxes.center != after.boxes.center).any(axis=1)
            assert 1 <= moved.sum() <= 4 and not moved[~before.movable].any()
        for goal, tables in zip(chain.task.goals, chain.tables, strict=True):
            there = np.array(tables.labels)[tables.boxes.present]
            assert goal in there


def test_a_kept_memory_shortens_the_way_and_the_map_more(chains, words) -> None:
    spl = {}
    for mode in MemoryMode:
        outcomes = run(chains, words, mode)
        assert all(len(o) == 4 for o in outcomes)
        spl[mode] = np.mean([o.spl for chain in outcomes for o in chain[1:]])
    assert spl[MemoryMode.ORACLE] > spl[MemoryMode.KEPT] > spl[MemoryMode.RESET]
    assert spl[MemoryMode.ORACLE] > 0.8


def test_first_goals_are_alike_whatever_becomes_of_the_memory(chains, words) -> None:
    kept, reset = (run(chains, words, mode) for mode in (MemoryMode.KEPT, MemoryMode.RESET))
    assert [c[0] for c in kept] == [c[0] for c in reset]


def test_what_is_not_where_it_was_is_believed_gone(chains, words) -> None:
    """Drive to places from which the old place of a thing was in sight and the thing no longer is."""
    environment = TwinEnvironment([c.task for c in chains], words)
    environment.reset(range(len(chains)))
    environment.tell_all()
    memory, checked = environment.memory, 0
    environment.next_goal([c.task.goals[1] for c in chains], [c.tables[1] for c in chains], MemoryMode.KEPT)
    for row, chain in enumerate(chains):
        before, after = chain.tables[:2]
        moved = before.boxes.present & (before.boxes.center != after.boxes.center).any(axis=1)
        for thing in np.flatnonzero(moved & (memory.presence[row, : len(moved)] == np.float32(0.9))):
            was = before.sees_things.any(axis=1)[:, thing] & (before.range_m[:, thing] < 2.9)
            places = np.flatnonzero(was & ~after.sees_things.any(axis=1)[:, thing])
            if len(places) and memory.presence[row, thing] == np.float32(0.9):
                alone = np.arange(len(chains)) == row
                drive = environment.slots.drive(np.full(len(chains), places[0]), active=alone)
                memory.observe(drive, alone)
                seen_elsewhere = np.isfinite(drive.nearest_m[row, thing])
                assert seen_elsewhere or memory.presence[row, thing] == 0.0
                checked += not seen_elsewhere
    assert checked > 0
