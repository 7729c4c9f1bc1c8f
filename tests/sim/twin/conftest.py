"""Apartments of the twin, their cache in a folder of the tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from memory_agent_sim.layout import Layout
from memory_agent_sim.twin.tables import TwinTables, build_tables, drawn_layout


@pytest.fixture(scope="session")
def layout() -> Layout:
    """Three rooms of the train split."""
    return drawn_layout("train", 4, "habitual", 3)


@pytest.fixture(scope="session")
def tables(layout: Layout) -> TwinTables:
    """Tables of the same apartment."""
    return build_tables(layout, "train", 4, "habitual")


@pytest.fixture(scope="session")
def larger() -> TwinTables:
    """An apartment of five rooms."""
    return build_tables(drawn_layout("train", 1, "habitual", 5), "train", 1, "habitual")


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user's cache folder that is empty but for the meshes."""
    from memory_agent_sim.assets import cache_folder

    meshes = cache_folder().parent
    (tmp_path / "memory_agent_ros").mkdir()
    (tmp_path / "memory_agent_ros" / "assets").symlink_to(meshes)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    yield tmp_path
