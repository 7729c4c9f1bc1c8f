"""Keys of what a map remembers: made once, stored with the step, gone for good when destroyed."""

from pathlib import Path

import pytest

from memory_agent_ros.memory.storage.object_keys import KEYFRAME, OBJECT
from memory_agent_ros.memory.storage.stores import open_store
from memory_agent_ros.records.errors import StoreError


def test_a_key_is_made_once_and_found_again_after_opening(tmp_path: Path) -> None:
    store = open_store(tmp_path / "home.map")
    key = store.keys.key(OBJECT, 7)
    assert len(key) == 32 and store.keys.key(OBJECT, 7) == key and store.keys.key(OBJECT, 8) != key
    with store.transaction():
        pass
    store.close()
    store = open_store(tmp_path / "home.map", read_only=True)
    assert store.keys.find(OBJECT, 7) == key
    assert store.keys.find(KEYFRAME, 7) is None
    store.close()


def test_sealed_bytes_open_with_their_key_at_their_place_only() -> None:
    store = open_store(None)
    sealed = store.keys.seal(OBJECT, 1, "objects.body/1", b"a green mug")
    assert b"mug" not in sealed
    assert store.keys.open(OBJECT, 1, "objects.body/1", sealed) == b"a green mug"
    store.keys.key(OBJECT, 2)
    for owner, place, data in ((1, "objects.body/2", sealed), (2, "objects.body/1", sealed), (3, "x", sealed)):
        with pytest.raises(StoreError):
            store.keys.open(OBJECT, owner, place, data)
    with pytest.raises(StoreError, match="damaged"):
        store.keys.open(OBJECT, 1, "objects.body/1", sealed[:-1] + bytes([sealed[-1] ^ 1]))


def test_a_destroyed_key_is_gone_unless_the_transaction_is_taken_back() -> None:
    store = open_store(None)
    sealed = store.keys.seal(OBJECT, 1, "objects.body/1", b"a green mug")
    with store.transaction():
        pass
    for change in (store.keys.destroy, store.keys.renew):
        with pytest.raises(KeyError), store.transaction() as cursor:
            change(cursor, [(OBJECT, 1)])
            raise KeyError
        assert store.keys.open(OBJECT, 1, "objects.body/1", sealed) == b"a green mug"
    with store.transaction() as cursor:
        store.keys.destroy(cursor, [(OBJECT, 1)])
    with pytest.raises(StoreError, match="key"):
        store.keys.open(OBJECT, 1, "objects.body/1", sealed)


def test_a_key_made_after_a_destruction_that_is_taken_back_is_forgotten() -> None:
    store = open_store(None)
    sealed = store.keys.seal(OBJECT, 1, "objects.body/1", b"a green mug")
    with store.transaction():
        pass
    with pytest.raises(RuntimeError), store.transaction() as cursor:
        store.keys.destroy(cursor, [(OBJECT, 1)])
        store.keys.seal(OBJECT, 1, "events.detail/9", b"forgotten")  # what is told of it afterwards
        raise RuntimeError("the disk is full")
    assert store.keys.open(OBJECT, 1, "objects.body/1", sealed) == b"a green mug"


def test_another_key_opens_only_what_it_sealed() -> None:
    store = open_store(None)
    old = store.keys.seal(KEYFRAME, 1, "keyframes.jpeg/1", b"picture")
    with store.transaction() as cursor:
        store.keys.renew(cursor, [(KEYFRAME, 1)])
        new = store.keys.seal(KEYFRAME, 1, "keyframes.jpeg/1", b"blanked")
    assert store.keys.open(KEYFRAME, 1, "keyframes.jpeg/1", new) == b"blanked"
    with pytest.raises(StoreError):
        store.keys.open(KEYFRAME, 1, "keyframes.jpeg/1", old)
