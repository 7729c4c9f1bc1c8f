"""Versions of the memory's names: swapped at once, kept by who has them, narrowed by permissions."""

import threading
from dataclasses import dataclass

import pytest

pytest.importorskip("transformers")
pytest.importorskip("llguidance")

from memory_agent_ros.reasoning.calls import ANYTHING, NOTHING, Kind
from memory_agent_ros.reasoning.decoding.call_decoder import CallDecoder
from memory_agent_ros.reasoning.decoding.entities import Entities, EntityIndex
from memory_agent_ros.reasoning.decoding.grammar import CallScope
from memory_agent_ros.reasoning.decoding.trie import OUTSIDE
from tests.reasoning.decoding.small import ROOMS, THINGS, codec, grammar


def writable(entities: Entities, kind: Kind = Kind.THING) -> set[str]:
    names = entities.of[kind]
    ends = {text: names.trie.walk(codec().encode_names([text])[0]) for text in names.spelled}
    return {text for text, node in ends.items() if node != OUTSIDE and names.trie.ends[node]}


def test_names_are_swapped_and_a_call_in_progress_keeps_its_own() -> None:
    index = EntityIndex(codec())
    assert writable(index.current) == {ANYTHING, NOTHING} and index.current.kinds == {Kind.THING}
    old = index.update(THINGS, ROOMS)
    decoder = CallDecoder(grammar(), index.current, CallScope.after(0))
    for token in codec().encode_text("find("):
        decoder.advance(token)
    new = index.update(("lamp",), ())
    assert new.version == old.version + 1 and index.current is new
    assert writable(new) == {"lamp", ANYTHING, NOTHING} and new.kinds == {Kind.THING}
    assert writable(old) == {*THINGS, ANYTHING, NOTHING} and writable(old, Kind.ROOM) == set(ROOMS)
    for token in [*codec().encode_names(["coffee table"])[0], *codec().encode_text(")")]:
        decoder.advance(token)
    assert str(decoder.call()) == "find(coffee table)"


def test_forbidden_names_stay_out_until_they_are_permitted_again() -> None:
    index = EntityIndex(codec())
    index.update(THINGS, ROOMS)
    now = index.forbid({"red mug", "kitchen", NOTHING})
    assert writable(now) == {ANYTHING, NOTHING, "mug", "red mug holder", "coffee table", "chair", "chair 2"}
    assert writable(now, Kind.ROOM) == {"living room"}
    assert "red mug" not in writable(index.update((*THINGS, "lamp"), ROOMS))
    assert "lamp" in writable(index.current)
    assert "red mug" in writable(index.forbid(()))
    serials = [now.serial, index.current.serial]
    assert serials == sorted(set(serials))


@dataclass
class Source:
    things: tuple[str, ...]
    rooms: tuple[str, ...]
    version: int


def test_a_source_is_read_again_only_when_its_names_change() -> None:
    index, source = EntityIndex(codec()), Source(("mug",), (), 5)
    first = index.at(source)
    assert first.version == 5 and index.at(source) is first
    source.things, source.version = ("mug", "chair"), 6
    assert writable(index.at(source)) == {"mug", "chair", ANYTHING, NOTHING}
    assert writable(index.at(Source(("lamp",), (), 6))) == {"lamp", ANYTHING, NOTHING}


def test_updates_beside_readers_never_show_half_of_a_change() -> None:
    index, torn, stop = EntityIndex(codec()), [], threading.Event()
    pairs = [(("mug",), ("kitchen",)), (("chair", "coffee table"), ("living room", "kitchen"))]
    index.update(*pairs[0])

    def watch() -> None:
        while not stop.is_set():
            now = index.current
            if (tuple(now.things), tuple(now.rooms)) not in pairs or len(now.of[Kind.THING].trie) != len(
                now.things
            ) + 2:
                torn.append(now)

    reader = threading.Thread(target=watch)
    reader.start()
    done = [index.update_later(*pairs[k % 2]) for k in range(40)]
    last = done[-1].result(timeout=30)
    stop.set()
    reader.join()
    index.close()
    assert not torn
    assert tuple(last.things) == tuple(index.current.things) == pairs[1][0]
    assert index.current.version <= 41


def test_the_last_of_waiting_updates_wins() -> None:
    index = EntityIndex(codec())
    futures = [index.update_later([f"thing {n}"], []) for n in range(30)]
    assert all(future.result(timeout=30) for future in futures)
    assert tuple(index.current.things) == ("thing 29",)
    index.close()
