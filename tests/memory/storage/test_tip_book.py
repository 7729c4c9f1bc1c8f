"""Tips in the map file and on a server: once each, bounded, with their source, erased with what they are about."""

import dataclasses
import sqlite3
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from driving import mapped_kitchen, only

from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.errors import BadInputError, StoreError
from memory_agent_ros.records.tip import Tip, TipSource

Place = Callable[[str], str]


def tip(text: str, episode: str = "search/7", step: int = 0, domain: str = "search", **more: object) -> Tip:
    rng = np.random.default_rng(zlib.crc32(f"{episode} {step}".encode()))
    situation = rng.normal(size=8)
    source = TipSource(episode, step, "policy 3", 1_000 + step, "flat 2")
    made = Tip(
        domain, "red mug", np.float32(situation / np.linalg.norm(situation)), rng.normal(size=5).astype(np.float32),
        "frontier", 0.75, text, source,
    )  # fmt: skip
    return dataclasses.replace(made, **more)  # type: ignore[arg-type]


def texts(memory: SpatialMemory, domain: str = "search") -> list[str]:
    return [t.text for t in memory.tips.of(domain)]


def test_a_tip_comes_back_from_the_store_as_it_was(place: Place) -> None:
    path, given = place("kept"), tip("the kitchen had it", objects=(3, 9))
    with SpatialMemory.open(path) as memory:
        assert memory.tips.remember([given]) == 1
    with SpatialMemory.open(path, read_only=True) as memory:
        found = memory.tips.of("search")[0]
        assert memory.verify() == []
        with pytest.raises(StoreError, match="read-only"):
            memory.tips.remember([given])
    for field in dataclasses.fields(Tip):
        assert np.array_equal(getattr(found, field.name), getattr(given, field.name)), field.name


def test_the_same_is_kept_once_with_its_newest_source(place: Place) -> None:
    with SpatialMemory.open(place("once")) as memory:
        first, second = tip("a"), tip("b", step=1)
        assert memory.tips.remember([first, second, first]) == 2
        later = dataclasses.replace(first, source=dataclasses.replace(first.source, stamp_ns=9_000))
        nearly = dataclasses.replace(later, choice=later.choice + np.float32(1e-5))
        assert memory.tips.remember([nearly]) == 0
        assert texts(memory) == ["b", "a"] and memory.tips.of("search")[1].source.stamp_ns == 9_000
        assert memory.tips.remember([dataclasses.replace(first, domain="verify")]) == 1
        assert memory.tips.domains() == {"search": 2, "verify": 1}


def test_the_oldest_make_room_in_their_own_domain(place: Place) -> None:
    with SpatialMemory.open(place("full"), MemoryConfig(tips_per_domain=3)) as memory:
        memory.tips.remember([tip("other", domain="discover")])
        for step in range(5):
            memory.tips.remember([tip(str(step), step=step)])
        memory.tips.remember([tip(str(step), step=step) for step in (5, 6)])
        assert texts(memory) == ["4", "5", "6"] and texts(memory, "discover") == ["other"]


def test_forgetting_an_object_erases_what_is_about_it_or_names_it(place: Place) -> None:
    path = place("forget")
    with SpatialMemory.open(path) as memory:
        mapped_kitchen(memory)
        mug, bowl = only(memory.find("mug")), only(memory.find("bowl"))
        given = [
            tip("about it", objects=(bowl.id,)),
            tip("two Bowls stood on the table", step=1),
            tip("go to the bowling alley", step=2),
            tip("the mug is close", step=3, objects=(mug.id,)),
        ]
        memory.tips.remember(given)
        memory.forget([bowl.id])
        assert texts(memory) == ["go to the bowling alley", "the mug is close"]
        assert memory.verify() == []
    if path.endswith(".map"):
        assert b"about it" not in Path(path).read_bytes()


def test_a_label_that_another_object_still_shows_may_be_spoken_of(place: Place) -> None:
    with SpatialMemory.open(place("label")) as memory:
        mapped_kitchen(memory)
        mug, bowl = only(memory.find("mug")), only(memory.find("bowl"))
        memory.relabel(bowl.id, "mug", "test")
        memory.tips.remember([tip("mugs are in the kitchen", goal="")])
        memory.forget([mug.id])
        assert texts(memory) == ["mugs are in the kitchen"]
        memory.forget([bowl.id])
        assert texts(memory) == []


def test_tips_can_be_let_go_by_what_they_come_from(place: Place) -> None:
    with SpatialMemory.open(place("drop")) as memory:
        memory.tips.remember([tip("a"), tip("b", step=1), tip("c", episode="search/8"), tip("d", domain="verify")])
        assert memory.tips.drop("search", episode="search/7") == 2
        assert texts(memory) == ["c"] and texts(memory, "verify") == ["d"]
        assert memory.tips.drop(world="flat 3") == 0
        with pytest.raises(BadInputError) as caught:
            memory.tips.drop()
        assert caught.value.reason == "tips_not_named"


def test_a_merged_map_brings_its_tips_and_the_new_ids_of_their_objects(place: Place) -> None:
    with SpatialMemory.open(place("here")) as here, SpatialMemory.open(place("there")) as there:
        mapped_kitchen(here)
        mapped_kitchen(there)
        mug = only(there.find("mug"))
        both = tip("known to both", goal="")
        here.tips.remember([both])
        there.tips.remember([both, tip("of its mug", step=1, goal="", objects=(mug.id,))])
        here.merge(there, np.eye(4))
        assert texts(here) == ["known to both", "of its mug"]
        here.forget(label="mug")
        assert texts(here) == ["known to both"]


@pytest.mark.parametrize(
    "bad", [{"score": 1.5}, {"situation": np.ones(8, np.float32)}, {"choice": np.full(5, np.nan, np.float32)}]
)
def test_an_unusable_tip_is_refused_with_all_that_came_with_it(bad: dict[str, object]) -> None:
    with SpatialMemory.open(None) as memory:
        with pytest.raises(BadInputError) as caught:
            memory.tips.remember([tip("good", step=1), tip("bad", **bad)])
        assert caught.value.reason == "tip_unusable"
        assert memory.tips.domains() == {}


def test_a_damaged_tip_is_found(tmp_path: Path) -> None:
    path = tmp_path / "damaged.map"
    with SpatialMemory.open(path) as memory:
        memory.tips.remember([tip("a"), tip("b", step=1), tip("c", step=2)])
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE tips SET words = 'z' WHERE id = 1")
        connection.execute("UPDATE tips SET situation = zeroblob(3) WHERE id = 3")
    connection.close()
    with SpatialMemory.open(path, read_only=True) as memory:
        found = memory.verify()
        assert found[:2] == ["tip 1 is damaged", "tip 3 is damaged"]
        assert [problem.split(" is not")[0] for problem in found[2:]] == ["the row tips 1", "the row tips 3"]
