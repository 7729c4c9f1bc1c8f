"""Corrections by hand, forgetting, and bad input."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from driving import at_table, mapped_kitchen, only, present, watch
from synthetic import kitchen

from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.region import Region


def test_a_label_given_by_hand_outlives_detections() -> None:
    memory = SpatialMemory.open(None)
    world = mapped_kitchen(memory)
    mug = only(memory.find("mug"))
    event = memory.relabel(mug.id, "grail", "the owner says so")
    assert event.object_id == mug.id and "the owner says so" in event.detail
    watch(memory, world, at_table())
    assert only(memory.find("grail")).id == mug.id and memory.find("mug") == []
    with pytest.raises(BadInputError, match="letter"):
        memory.relabel(mug.id, "  ", "")


def test_move_by_hand() -> None:
    memory = SpatialMemory.open(None)
    mapped_kitchen(memory)
    mug = only(memory.find("mug"))
    event = memory.move(mug.id, np.array([1.0, 2.0, 0.5]), "drift")
    assert np.allclose(event.previous_position_m, mug.box.center)
    assert np.allclose(memory.get(mug.id).box.center, (1.0, 2.0, 0.5), atol=0.03)
    with pytest.raises(BadInputError, match="NaN"):
        memory.move(mug.id, np.array([np.nan, 0, 0]), "")


def test_merge_by_hand() -> None:
    memory = SpatialMemory.open(None)
    mapped_kitchen(memory)
    mug, bowl = only(memory.find("mug")), only(memory.find("bowl"))
    event = memory.merge_objects(mug.id, bowl.id, "one set")
    assert (event.object_id, event.other_id) == (mug.id, bowl.id)
    assert memory.get(bowl.id).id == mug.id
    assert memory.get(mug.id).observations == mug.observations + bowl.observations
    with pytest.raises(BadInputError, match="already"):
        memory.merge_objects(mug.id, bowl.id, "")
    assert memory.verify() == []


def test_forgetting_erases_rows_points_and_pixels(tmp_path: Path) -> None:
    path = tmp_path / "private.map"
    with SpatialMemory.open(path) as memory:
        world = kitchen()
        world.add("letter", "xyzzyletter", (2.3, -0.1, 0.8), (0.2, 0.2, 0.1), 9)
        watch(memory, world, at_table())
        letter = only(memory.find("xyzzyletter"))
        pictures = {k: memory.keyframe(k) for k in memory.keyframe_ids()}
        boxes = {e.keyframe_id: e.box_xyxy.astype(int) for e in letter.evidence}
        points = letter.points_map[:8].tobytes()
        memory.save()
        assert b"xyzzyletter" not in path.read_bytes() and points not in path.read_bytes()  # sealed
        others = {o.id: o.observations for o in memory.objects() if o.id != letter.id}
        assert memory.forget([letter.id]) == [letter.id]
        assert {o.id: o.observations for o in memory.objects()} == others
        with pytest.raises(BadInputError, match="no object"):
            memory.get(letter.id)
        for keyframe_id, (x0, y0, x1, y1) in boxes.items():
            image = cv2.imdecode(np.frombuffer(memory.keyframe(keyframe_id).jpeg, np.uint8), cv2.IMREAD_COLOR)
            assert np.abs(image[y0:y1, x0:x1].astype(int) - 128).max() < 12
            assert memory.keyframe(keyframe_id).jpeg != pictures[keyframe_id].jpeg
        tombstone = memory.changes()[-1]
        assert tombstone.kind == "forgotten" and tombstone.label == "" and np.isnan(tombstone.position_m).all()
        assert not any(e.label == "xyzzyletter" for e in memory.changes())
        assert memory.verify() == []
    for file in tmp_path.iterdir():
        content = file.read_bytes()
        assert b"xyzzyletter" not in content and points not in content, file.name


def test_a_forgotten_id_is_not_given_out_again(tmp_path: Path) -> None:
    with SpatialMemory.open(tmp_path / "ids.map") as memory:
        world = mapped_kitchen(memory)
        last = max(o.id for o in memory.objects(include_tentative=True))
        assert memory.forget(label="cupboards") != []
        erased = memory.forget(region=Region(np.array([-9.0, -9.0, -9.0]), np.array([9.0, 9.0, 9.0])))
        assert len(erased) == 5 and memory.objects(include_tentative=True) == []
    with SpatialMemory.open(tmp_path / "ids.map") as memory:
        watch(memory, world, at_table())
        assert min(o.id for o in memory.objects()) > last


def test_a_stamp_that_runs_back_is_refused_and_stores_nothing() -> None:
    memory, world = SpatialMemory.open(None), kitchen()
    watch(memory, world, at_table())
    before = [(o.id, o.observations) for o in memory.objects()]
    world.stamp_ns -= 3_000_000_000
    for _ in range(2):
        frame, observations = world.look(at_table(1)[0])
        with pytest.raises(BadInputError) as caught:
            memory.observe(frame, observations)
        assert caught.value.reason == "stamp_runs_back"
    assert [(o.id, o.observations) for o in memory.objects()] == before
    assert memory.stats["refused.stamp_runs_back"] == 2 and memory.stats["frames_accepted"] == 8


def test_frames_of_another_world_or_without_a_pose_are_refused() -> None:
    memory, world = SpatialMemory.open(None), kitchen()
    watch(memory, world, at_table(3))
    frame, observations = world.look(at_table(1)[0])
    broken = replace(frame)
    broken.T_map_camera[0, 3] = np.nan
    unsure = np.diag([4.0, 4.0, 0.1, 0.1, 0.1, 0.1])
    good, _ = world.frame(at_table(1)[0])
    for bad, reason in [
        (replace(good, frame_id="odom"), "frame_id_mismatch"),
        (replace(good, pose_covariance=unsure), "pose_uncertain"),
        (broken, "pose_not_finite"),
    ]:
        with pytest.raises(BadInputError) as caught:
            memory.observe(bad, observations)
        assert caught.value.reason == reason
        assert memory.stats[f"refused.{reason}"] == 1


def test_unusable_observations_are_left_out_and_counted() -> None:
    memory, world = SpatialMemory.open(None), kitchen()
    for pose in at_table(4):
        frame, observations = world.look(pose)
        nan = replace(observations[0], points_map=np.full((5, 3), np.nan, np.float32))
        empty = replace(observations[0], points_map=np.zeros((0, 3), np.float32))
        late = replace(observations[0], stamp_ns=frame.stamp_ns + 1)
        memory.observe(frame, [*observations, nan, empty, late])
    assert present(memory) == ["bowl", "box", "mug", "table"]
    assert [memory.stats[f"observation.{r}"] for r in ("not_finite", "no_points", "other_stamp")] == [4, 4, 4]


def test_an_embedder_of_another_size_does_not_break_the_map() -> None:
    memory = SpatialMemory.open(None)
    world = mapped_kitchen(memory)
    for pose in at_table(4):
        frame, observations = world.look(pose)
        memory.observe(frame, [replace(o, embedding=np.ones(5, np.float32) / np.sqrt(5)) for o in observations])
    assert only(memory.find("mug")).embedding.shape == (32,)  # type: ignore[union-attr]
