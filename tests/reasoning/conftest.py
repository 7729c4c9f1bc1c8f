"""Memories that several tests read; none of them changes one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from memory_agent_ros.memory.spatial_memory import SpatialMemory
from tests.reasoning.room import Room
from tests.reasoning.worlds import changed, seen_once

World = tuple[SpatialMemory, Room]


@pytest.fixture(scope="session")
def before() -> Iterator[World]:
    """A room as it was first seen."""
    with seen_once() as world:
        yield world


@pytest.fixture(scope="session")
def after() -> Iterator[World]:
    """The same after a minute: a book gone, a chair moved, a bowl new."""
    with changed() as world:
        yield world
