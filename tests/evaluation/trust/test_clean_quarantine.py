"""On a clean run the quarantine costs no answer and ends up empty."""

import dataclasses

import pytest

pytest.importorskip("memory_agent_sim")

from memory_agent_ros.evaluation.trust.attacks import honest
from memory_agent_ros.evaluation.trust.poison import answered, replayed
from memory_agent_ros.evaluation.trust.poison_world import poison_world
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.trust.config import QuarantineConfig


@pytest.mark.slow
def test_in_a_clean_apartment_nothing_stays_held_and_no_answer_is_lost() -> None:
    world = poison_world("train", 3)
    stream = honest(world)
    config = MemoryConfig()
    with replayed(stream, config) as memory:
        assert memory.quarantine() == [] and memory.stats["frames_accepted"] == len(stream.frames)
        with_it = answered(world, memory), sorted(o.label for o in memory.objects())
    with replayed(stream, dataclasses.replace(config, quarantine=QuarantineConfig(hold=False))) as memory:
        without = answered(world, memory), sorted(o.label for o in memory.objects())
    assert with_it[0] >= without[0] > 0.9 * len(world.questions)
    assert with_it[1] == without[1]
