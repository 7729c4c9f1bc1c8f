"""One apartment shared by the tests of the simulator."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from memory_agent_sim.simulation import Simulation, SimulationConfig

SMALL = SimulationConfig(width=320, height=240, rooms=3)


@pytest.fixture(scope="session")
def _shared_apartment() -> Iterator[Simulation]:
    simulation = Simulation("test", 1, SMALL)
    yield simulation
    simulation.close()


@pytest.fixture
def apartment(_shared_apartment: Simulation) -> Simulation:
    """Three rooms of the test split at 320 x 240, as new."""
    _shared_apartment.reset()
    return _shared_apartment
