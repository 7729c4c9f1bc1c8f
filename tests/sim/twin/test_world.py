from __future__ import annotations

import numpy as np
import pytest
from memory_agent_sim.edits import Edit
from memory_agent_sim.twin.world import TwinWorld

from memory_agent_ros.records.errors import BadInputError


@pytest.fixture(scope="module")
def _world() -> TwinWorld:
    return TwinWorld("train", 4, "habitual", 3)


@pytest.fixture
def world(_world: TwinWorld) -> TwinWorld:
    _world.reset()
    return _world


def test_drawn_edits_are_out_of_sight_and_change_the_tables(world: TwinWorld) -> None:
    before = world.tables
    node = before.start
    edits = world.sample_edits(4, np.random.default_rng(0), ("move", "remove"), node=node)
    assert [e.kind for e in edits] == ["move", "remove", "move", "remove"]
    seen = before.sees_things[node].any(axis=0)
    assert not any(seen[e.object_id - 1] for e in edits)
    world.apply_edits(edits)
    for e in edits:
        i = e.object_id - 1
        if e.kind == "remove":
            assert not world.tables.boxes.present[i] and not world.tables.sees_things[:, :, i].any()
        else:
            assert e.position_m is not None
            assert np.allclose(world.tables.boxes.center[i, :2], e.position_m[:2])
            assert np.linalg.norm(world.tables.boxes.center[i, :2] - before.boxes.center[i, :2]) >= 0.8
    assert world.tables.sees_cells is before.sees_cells
    world.reset()
    assert world.tables is before


def test_swap_and_add(world: TwinWorld) -> None:
    before = world.tables.boxes
    rng = np.random.default_rng(1)
    [swap] = world.sample_edits(1, rng, ("swap",))
    [add] = world.sample_edits(1, rng, ("add",))
    assert swap.other_id is not None
    world.apply_edits([swap, add])
    a, b = swap.object_id - 1, swap.other_id - 1
    assert np.allclose(world.tables.boxes.center[a, :2], before.center[b, :2])
    assert np.allclose(world.tables.boxes.center[b, :2], before.center[a, :2])
    assert world.tables.boxes.present[add.object_id - 1] and not before.present[add.object_id - 1]


def test_edits_that_cannot_be_made_change_nothing(world: TwinWorld) -> None:
    before = world.tables
    for edit, why in (
        (Edit("paint", 1), "kind"),
        (Edit("remove", 999), "not movable"),
        (Edit("move", 1), "finite"),
        (Edit("add", 1, np.zeros(3)), "not there"),
        (Edit("swap", 1, other_id=len(world.layout.objects) + 1), "swap"),
    ):
        with pytest.raises(BadInputError, match=why):
            world.apply_edits([Edit("remove", 2), edit])
    assert world.tables is before
    with pytest.raises(BadInputError, match="kind"):
        world.sample_edits(1, np.random.default_rng(0), ("paint",))
