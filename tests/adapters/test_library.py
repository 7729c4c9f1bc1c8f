"""A folder of adapters: only what changed is made, what is forgotten is in no chunk, other processes see the change."""

from __future__ import annotations

from pathlib import Path

import pytest

from memory_agent_ros.adapters.adapter import Adapter, same_rows
from memory_agent_ros.adapters.application import AdaptedModel
from memory_agent_ros.adapters.folders import library_folder
from memory_agent_ros.adapters.library import MEMORY, AdapterLibrary
from memory_agent_ros.records.errors import BadInputError
from tests.adapters.small import RandomHypernetwork, Read

HOME = (Read("room 1", (1, 2)), Read("room 2", (3,)), Read("elsewhere", (4,)))


@pytest.fixture
def library(tmp_path: Path) -> AdapterLibrary:
    return AdapterLibrary(tmp_path / "home.map.adapters")


def test_only_the_touched_chunk_is_made(adapted: AdaptedModel, library: AdapterLibrary) -> None:
    maker = RandomHypernetwork(adapted)
    assert library.refresh(HOME, maker).made == ("room 1", "room 2", "elsewhere")
    before = library.get(MEMORY)
    assert library.refresh(HOME, maker).made == () and library.get(MEMORY) is before
    now = (Read("room 1", (1, 2), hour=5), Read("room 2", (3, 5), hour=5), HOME[2])
    assert library.refresh(now, maker, touched={"room 2"}).made == ("room 2",)
    after = library.get(MEMORY)
    assert after.names == before.names and after.bias is not None
    assert same_rows(after.chunks[0].rows, before.chunks[0].rows)
    assert not same_rows(after.chunks[1].rows, before.chunks[1].rows)
    assert library.refresh(now, maker).made == ("room 1",), "seen again, and nobody said what was touched"


def test_after_forgetting_it_is_the_adapter_of_a_map_that_never_held_it(adapted: AdaptedModel, tmp_path: Path) -> None:
    library, maker = AdapterLibrary(tmp_path / "one"), RandomHypernetwork(adapted)
    library.refresh(HOME, maker)
    assert library.forgotten({1, 3, 4}) == ["room 1"] and library.forgotten({1, 2, 3, 4, 5}) == []
    now = (Read("room 1", (1,)), *HOME[1:])
    assert library.refresh(now, maker, touched=()).made == (), "nothing was touched, and nothing is missing"
    library.without(library.forgotten({1, 3, 4}))
    assert library.get(MEMORY).names == ("room 2", "elsewhere")
    assert library.refresh(now, maker, touched=()).made == ("room 1",)
    never = AdapterLibrary(tmp_path / "other")
    never.refresh(now, RandomHypernetwork(adapted))
    assert same_rows(library.get(MEMORY).rows(), never.get(MEMORY).rows())
    assert [c.source for c in library.get(MEMORY).chunks] == [c.source for c in never.get(MEMORY).chunks]


def test_empty_rooms_go_and_other_weights_make_everything_anew(adapted: AdaptedModel, library: AdapterLibrary) -> None:
    library.refresh(HOME, RandomHypernetwork(adapted))
    done = library.refresh(HOME[1:], RandomHypernetwork(adapted))
    assert (done.made, done.dropped) == ((), ("room 1",))
    done = library.refresh(HOME[1:], RandomHypernetwork(adapted, "random 1"), touched=())
    assert done.made == ("room 2", "elsewhere")
    assert library.refresh(HOME[1:], RandomHypernetwork(adapted, "random 1", "another")).made == ("room 2", "elsewhere")
    library.refresh((), RandomHypernetwork(adapted, "random 1", "another"))
    assert library.names() == [] and not any(library.folder.iterdir())


def test_listing_dropping_and_what_another_process_wrote(adapted: AdaptedModel, library: AdapterLibrary) -> None:
    assert library.names() == [] and library.adapters() == {}
    maker = RandomHypernetwork(adapted)
    library.refresh(HOME, maker)
    library.put("manual.md", Adapter((maker.chunk(Read("1/1", ())),), None, "tiny"))
    assert library.names() == ["manual.md", "memory"]
    other = AdapterLibrary(library.folder)
    other.drop(MEMORY, "room 2")
    assert library.get(MEMORY).names == ("room 1", "elsewhere"), "seen by who had read it before"
    other.drop("manual.md")
    assert library.names() == ["memory"]
    for name, chunk, reason in (("manual.md", "", "no_such_adapter"), (MEMORY, "attic", "no_such_chunk")):
        with pytest.raises(BadInputError) as caught:
            library.drop(name, chunk)
        assert caught.value.reason == reason


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "x" * 101])
def test_names_that_are_no_folders_are_refused(library: AdapterLibrary, name: str) -> None:
    with pytest.raises(BadInputError) as caught:
        library.get(name)
    assert caught.value.reason == "adapter_name"


def test_adapters_lie_beside_their_map() -> None:
    assert library_folder(Path("maps/home.map")) == Path("maps/home.map.adapters")
    with pytest.raises(BadInputError) as caught:
        library_folder("postgresql://host/database?map=home")
    assert caught.value.reason == "adapters_folder"


@pytest.mark.parametrize(
    "damage", [b"\xff\xfe", b"[1]", b"null", b"{}", b'{"format": "memory_agent_ros.adapter.1"}', b""]
)
def test_an_adapter_that_is_damaged_is_refused(tmp_path, damage):
    """The first two once ended the node; found by fuzzing."""
    folder = tmp_path / "memory"
    folder.mkdir()
    (folder / "chunks.json").write_bytes(damage)
    with pytest.raises(BadInputError, match=r"cannot be read|no adapter"):
        AdapterLibrary(tmp_path).get("memory")
