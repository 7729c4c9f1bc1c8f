"""Makes the synthetic world importable from the tests of this folder, and maps in every kind of store."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parent))

from postgres_server import drop_maps, running_server

Place = Callable[[str], str]


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """URL of a database on a PostgreSQL server; skips where there is none."""
    with running_server() as url:
        yield url


@pytest.fixture(params=["file", "server"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Gives for a name where a map of that name goes: into a file, and onto a server if one can be had."""
    if request.param == "file":
        yield lambda name: str(tmp_path / f"{name}.map")
        return
    url, names = request.getfixturevalue("server"), list[str]()

    def on_server(name: str) -> str:
        names.append(f"test_{tmp_path.name.lower()}_{name}"[-50:])
        return f"{url}&map={names[-1]}"

    yield on_server
    drop_maps(url, names)
