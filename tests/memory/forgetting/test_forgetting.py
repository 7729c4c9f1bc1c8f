"""Forgetting on request: by name, look, place and time; refused from now on; told to others; receipts."""

import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parents[1]))

from driving import TABLE, at_desk, at_table, only, present, watch
from synthetic import World, kitchen

from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.memory.storage.object_keys import KEYFRAME
from memory_agent_ros.records.errors import BadInputError, StoreError
from memory_agent_ros.records.forgetting import ForgetRequest, Forgotten

AROUND_TABLE = np.array([[1.5, -1.0], [3.5, -1.0], [3.5, 1.0], [1.5, 1.0]])


def seen(memory: SpatialMemory, desk: bool = False) -> World:
    world = kitchen()
    world.add("letter", "xyzzyletter", (2.3, -0.1, 0.8), (0.2, 0.2, 0.1), 9)
    watch(memory, world, at_table(5))
    if desk:
        watch(memory, world, at_desk(5))
    return world


def test_a_category_forgotten_for_good_is_never_taken_in_again(tmp_path: Path) -> None:
    path = tmp_path / "home.map"
    with SpatialMemory.open(path) as memory:
        world = seen(memory)
        gone = memory.forget(ForgetRequest(label="Xyzzyletters", never_again=True, author="anna", reason="private"))
        assert len(gone) == 1
        watch(memory, world, at_table(5))
        assert not memory.find("xyzzyletter") and memory.stats["observation.never_again"] == 5
    with SpatialMemory.open(path) as memory:
        frame, observations = world.look(at_table(5)[2])
        letter = next(o for o in observations if o.label == "xyzzyletter")
        screened, wanted = memory.forgetting.refusals.screen(frame, observations)
        x0, y0, x1, y1 = letter.box_xyxy.astype(int)
        assert (screened.rgb[y0:y1, x0:x1] == 128).all() and (screened.depth_m[y0:y1, x0:x1] == 0).all()
        assert len(wanted) == len(observations) - 1 and (frame.rgb[y0:y1, x0:x1] != 128).any()
        receipt = memory.receipts()[-1]
        assert receipt.never_again and receipt.author == "anna" and receipt.object_ids == tuple(gone)
        assert receipt.counts["objects"] == 1 and receipt.counts["observations"] > 0 and receipt.counts["words"] == 1
        assert memory.verify() == []
        memory.forgetting.refusals.drop(1)
        watch(memory, world, at_table(5))
        assert memory.find("xyzzyletter")
        assert memory.forget(label="xyzzyletter")
    assert b"xyzzyletter" not in path.read_bytes()


def test_a_room_that_is_none_or_several_leaves_no_rule_for_everywhere() -> None:
    with SpatialMemory.open(None) as memory:
        seen(memory, desk=True)
        rooms = memory.rooms()
        assert len(rooms) == 2
        with pytest.raises(BadInputError) as caught:
            memory.forget(ForgetRequest(label="nothing of this", room="bathroom", never_again=True))
        assert caught.value.reason == "unknown_room"
        for room in rooms:
            memory.name_room(room.id, "study")
        with pytest.raises(BadInputError, match="by its id") as caught:
            memory.forget(ForgetRequest(label="xyzzyletter", room="study", never_again=True))
        assert caught.value.reason == "refusal_unspecific" and memory.find("xyzzyletter")
        memory.forget(ForgetRequest(label="xyzzyletter", room=rooms[0].id, never_again=True))
        (rule,) = memory.forgetting.refusals.rules()
        assert rule.zone is not None and np.array_equal(rule.zone.polygon, rooms[0].polygon)


def test_from_a_privacy_zone_nothing_is_kept(tmp_path: Path) -> None:
    with SpatialMemory.open(tmp_path / "home.map") as memory:
        world = seen(memory, desk=True)
        at = {o.label for o in memory.objects()}
        memory.forget(ForgetRequest(polygon=AROUND_TABLE, never_again=True))
        left = {o.label for o in memory.objects()}
        assert left < at and "xyzzyletter" not in left and "desk" in left
        pictures = set(memory.keyframe_ids())
        frame, _ = world.look(at_table(5)[0])
        watch(memory, world, at_table(5))
        assert {o.label for o in memory.objects(include_tentative=True)} == left
        shown, _ = memory.forgetting.refusals.screen(*world.look(at_table(5)[0]))
        distance = np.abs(shown.rgb.astype(int) - frame.rgb).max(axis=2)
        u, v = 80, 60  # the camera looks at the table
        assert distance[v, u] > 0 and (shown.rgb[v - 5 : v + 5, u - 5 : u + 5] == 128).all()
        for keyframe_id in set(memory.keyframe_ids()) - pictures:
            image = cv2.imdecode(np.frombuffer(memory.keyframe(keyframe_id).jpeg, np.uint8), cv2.IMREAD_COLOR)
            assert np.abs(image[v - 5 : v + 5, u - 5 : u + 5].astype(int) - 128).max() < 12
        assert np.allclose(TABLE[:2], AROUND_TABLE.mean(axis=0))


def test_what_resembles_an_appearance_goes_and_is_refused(tmp_path: Path) -> None:
    with SpatialMemory.open(tmp_path / "home.map") as memory:
        world = seen(memory)
        letter, others = only(memory.find("xyzzyletter")), present(memory)
        vector = letter.embedding
        assert vector is not None
        erased = memory.forget(ForgetRequest(like=vector, similarity=0.8, never_again=True))
        assert erased == [letter.id] and len(present(memory)) == len(others) - 1
        world.add("letter", "another name", (2.3, -0.1, 0.8), (0.2, 0.2, 0.1), 9)
        watch(memory, world, at_table(5))
        assert not memory.find("another name") and memory.stats["observation.never_again"] == 5
        (sealed,) = memory._store.rows("SELECT body FROM refusals")[0]
        assert vector[:4].tobytes().hex() not in sealed and "another" not in sealed
        with pytest.raises(BadInputError, match="label, an appearance or a place"):
            memory.forget(ForgetRequest(since_ns=0, never_again=True))


def test_a_time_is_forgotten_with_all_that_was_seen_in_it(tmp_path: Path) -> None:
    with SpatialMemory.open(tmp_path / "home.map") as memory:
        world = seen(memory)
        middle = world.stamp_ns
        before = present(memory)
        watch(memory, world, at_desk(5))
        assert len(present(memory)) > len(before)
        memory.forget(ForgetRequest(since_ns=middle))
        assert present(memory) == before and memory.verify() == []
        assert all(e.stamp_ns < middle or e.kind == "forgotten" for e in memory.changes())
        assert all(memory.keyframe(k).stamp_ns < middle for k in memory.keyframe_ids())
        (late,) = memory._store.rows("SELECT COUNT(*) FROM frames WHERE look IS NOT NULL AND stamp_ns >= ?", (middle,))[
            0
        ]
        assert late == 0
        watch(memory, world, at_desk(5))
        assert len(present(memory)) > len(before) and memory.verify() == []


def test_old_copies_of_pictures_open_no_more(tmp_path: Path) -> None:
    with SpatialMemory.open(tmp_path / "home.map") as memory:
        seen(memory)
        keyframe_id = only(memory.find("xyzzyletter")).evidence[0].keyframe_id
        keys, place = memory._store.keys, f"keyframes.jpeg/{keyframe_id}"
        (old,) = memory._store.rows("SELECT jpeg FROM keyframes WHERE id=?", (keyframe_id,))[0]
        assert keys.open(KEYFRAME, keyframe_id, place, old)[:2] == b"\xff\xd8"
        memory.forget(label="xyzzyletter")
        with pytest.raises(StoreError):
            keys.open(KEYFRAME, keyframe_id, place, old)
        assert memory.keyframe(keyframe_id).jpeg[:2] == b"\xff\xd8"


def test_those_who_keep_copies_are_told(tmp_path: Path) -> None:
    with SpatialMemory.open(tmp_path / "home.map") as memory:
        seen(memory)
        told: list[Forgotten] = []
        memory.forgetting.tell(lambda f: told.append(f) or {"adapter_chunks": 2})  # type: ignore[func-returns-value]
        (gone,) = memory.forget(label="xyzzyletter")
        assert gone in told[0].object_ids and told[0].labels == ("xyzzyletter",)
        assert memory.receipts()[-1].counts["adapter_chunks"] == 2
        assert memory.forget(label="xyzzyletter") == [] and len(told) == 1


def test_ids_and_events_go_on_after_forgetting(tmp_path: Path) -> None:
    with SpatialMemory.open(tmp_path / "home.map") as memory:
        world = seen(memory)
        memory.forget(label="xyzzyletter")
        last = max(e.id for e in memory.changes())
        watch(memory, world, at_table(5))
        again = only(memory.find("xyzzyletter"))
        assert min(e.id for e in memory.history(again.id)) > last


def test_what_is_refused_does_not_come_in_with_another_map(tmp_path: Path) -> None:
    with SpatialMemory.open(tmp_path / "home.map") as memory, SpatialMemory.open(tmp_path / "other.map") as other:
        seen(other)
        world = kitchen()
        watch(memory, world, at_table(5))
        memory.forget(ForgetRequest(label="xyzzyletter", never_again=True))
        memory.merge(other, np.eye(4))
        assert only(other.find("xyzzyletter")) and not memory.find("xyzzyletter") and memory.find("mug")
        assert memory.verify() == []


def test_a_copy_without_keys_cannot_be_read(tmp_path: Path) -> None:
    with SpatialMemory.open(tmp_path / "home.map") as memory:
        seen(memory)
        memory.save(tmp_path / "copy.map", keys=False)
        memory.save(tmp_path / "whole.map")
        labels = memory.labels()
    with pytest.raises(StoreError, match="key"):
        SpatialMemory.open(tmp_path / "copy.map", read_only=True)
    with SpatialMemory.open(tmp_path / "whole.map", read_only=True) as whole:
        assert whole.labels() == labels


def test_a_map_in_any_store_forgets(place: Callable[[str], str]) -> None:
    with SpatialMemory.open(place("home")) as memory:
        world = seen(memory)
        before, middle = present(memory), world.stamp_ns
        watch(memory, world, at_desk(4))
        memory.forget(ForgetRequest(since_ns=middle))
        assert present(memory) == before
        assert len(memory.forget(ForgetRequest(label="xyzzyletter", never_again=True))) == 1
        watch(memory, world, at_table(4))
        assert not memory.find("xyzzyletter") and memory.verify() == []
    with SpatialMemory.open(place("home")) as memory:
        assert [r.never_again for r in memory.receipts()] == [False, True] and memory.find("mug")
