from __future__ import annotations

import numpy as np

from memory_agent_ros.evaluation.exploration.apartments import apartment, recognised
from memory_agent_ros.evaluation.exploration.counting import count
from memory_agent_ros.evaluation.exploration.generator_prior import GeneratorPrior
from memory_agent_ros.evaluation.exploration.rollout import roll_out
from memory_agent_ros.evaluation.exploration.twin_environment import TwinEnvironment
from memory_agent_ros.exploration.policies.frontiers import Random


def test_small_things_are_recognised_from_near_only(searches) -> None:
    task = searches[0]
    tables = apartment(task.split, task.seed, task.placement)
    strict = recognised(tables, 2000)
    assert strict.sees_things.sum() < tables.sees_things.sum()
    np.testing.assert_array_equal(strict.sees_things[..., ~tables.movable], tables.sees_things[..., ~tables.movable])
    seen = strict.sees_things.any(axis=1)[:, tables.movable]
    assert (tables.pixels[:, tables.movable][seen] >= 2000).all()


def test_the_ceiling_believes_what_the_generator_does(search: TwinEnvironment) -> None:
    search.reset([0])
    prior = GeneratorPrior(search)
    mass, shows = prior._tables(0)
    assert abs(mass.sum() - 1.0) < 1e-6 and shows.any()
    assert mass[: search.slots.things][~search.memory.furniture[0]].sum() == 0


def test_the_ceiling_is_above_chance(search: TwinEnvironment) -> None:
    ceiling = np.mean([o.spl for o in roll_out(search, GeneratorPrior(search))])
    assert ceiling > np.mean([o.spl for o in roll_out(search, Random())]) + 0.1


def test_counts_are_shares_and_follow_habits(own_cache) -> None:
    counts = count(range(20))
    shares = [p for table in (counts.near, counts.room) for row in table.values() for p in row.values()]
    assert min(shares) > 0 and max(shares) <= 1
    room = counts.room["dish rack"]
    assert room["refrigerator"] > 2 * room.get("bed", 0.0)
    assert counts.card["split"] == "train"
