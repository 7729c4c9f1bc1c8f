from __future__ import annotations

import pytest

from memory_agent_ros.evaluation.exploration.task_sets import discover_tasks, search_tasks
from memory_agent_ros.evaluation.exploration.twin_environment import TwinEnvironment
from memory_agent_ros.exploration.labels import LabelVectors

pytest.importorskip("memory_agent_sim.twin.tables")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """A user's cache folder that is empty but for the meshes: tables are made anew, by the code as it is."""
    from memory_agent_sim.assets import cache_folder

    folder = tmp_path_factory.mktemp("cache")
    (folder / "memory_agent_ros").mkdir()
    (folder / "memory_agent_ros" / "assets").symlink_to(cache_folder().parent)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield


@pytest.fixture(scope="session")
def words() -> LabelVectors:
    return LabelVectors()


@pytest.fixture(scope="session")
def searches(own_cache):
    return search_tasks("train", range(4), goals=3)


@pytest.fixture
def search(searches, words) -> TwinEnvironment:
    return TwinEnvironment(searches, words)


@pytest.fixture
def discover(own_cache, words) -> TwinEnvironment:
    return TwinEnvironment(discover_tasks("train", range(4)), words)
