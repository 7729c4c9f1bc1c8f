from __future__ import annotations

import numpy as np
import pytest
from memory_agent_sim.edits import Edit
from memory_agent_sim.simulation import Simulation, SimulationConfig
from memory_agent_sim.twin.frames import TwinCamera
from memory_agent_sim.twin.world import TwinWorld

from memory_agent_ros.records.errors import BadInputError

SIZE = (160, 120)


@pytest.fixture(scope="module")
def world() -> TwinWorld:
    return TwinWorld("train", 4, "habitual", 3)


@pytest.fixture(scope="module")
def camera(world: TwinWorld) -> TwinCamera:
    return TwinCamera(world, *SIZE)


def test_frames_are_those_of_the_simulation_but_for_the_shape_of_things(world: TwinWorld, camera: TwinCamera) -> None:
    simulation = Simulation("train", 4, SimulationConfig(*SIZE, rooms=3, placement="habitual"))
    assert camera.labels == simulation.labels
    rng = np.random.default_rng(0)
    depth_alike, ids_alike = [], []
    for k in range(4):
        xy, yaw = world.tables.nodes_xy[rng.integers(len(world.tables.nodes_xy))], float(rng.uniform(-3, 3))
        simulation.place(float(xy[0]), float(xy[1]), yaw)
        mine, theirs = camera.frame(xy, yaw, k), simulation.frame()
        assert np.allclose(mine.T_map_camera, theirs.T_map_camera)
        depth_alike.append((np.abs(mine.depth_m - theirs.depth_m) < 0.03).mean())
        assert mine.instances is not None and theirs.instances is not None
        ids_alike.append((mine.instances == theirs.instances).mean())
    simulation.close()
    assert min(depth_alike) > 0.93 and np.mean(depth_alike) > 0.95
    assert min(ids_alike) > 0.93 and np.mean(ids_alike) > 0.96


def test_what_is_removed_is_no_longer_shown(world: TwinWorld, camera: TwinCamera) -> None:
    world.reset()
    seen = world.tables.pixels * (world.tables.movable & (world.tables.range_m > 1.2))
    node, thing = np.unravel_index(np.argmax(seen), seen.shape)
    headings = np.flatnonzero(world.tables.sees_things[node, :, thing])
    heading = int(headings[len(headings) // 2])
    pose = world.tables.nodes_xy[node], 2 * np.pi * heading / 16
    before = camera.frame(*pose, 0).instances
    assert before is not None and (before == thing + 1).any()
    world.apply_edits([Edit("remove", int(thing) + 1)])
    after = camera.frame(*pose, 1).instances
    world.reset()
    assert after is not None and not (after == thing + 1).any()


def test_a_pose_that_is_no_number_is_refused(camera: TwinCamera) -> None:
    with pytest.raises(BadInputError, match="NaN"):
        camera.frame(np.array([np.nan, 0.0]), 0.0, 0)
