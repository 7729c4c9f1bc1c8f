"""What a camera at a pose should see, and how likely the detector says so."""

import numpy as np
from driving import TABLE, at_table, only, watch
from synthetic import World, kitchen, look_at

from memory_agent_ros.memory.presence.expected_view import ExpectedObject
from memory_agent_ros.memory.spatial_memory import SpatialMemory


def known() -> tuple[SpatialMemory, World]:
    memory, world = SpatialMemory.open(None), kitchen()
    watch(memory, world, at_table())
    return memory, world


def expected(memory: SpatialMemory, world: World, eye: tuple[float, float, float]) -> dict[str, ExpectedObject]:
    items = memory.expected_view(world.camera, look_at(eye, TABLE))
    assert [i.range_m for i in items] == sorted(i.range_m for i in items)
    return {memory.get(i.object_id).label: i for i in items}


def test_farther_is_smaller_and_less_likely() -> None:
    memory, world = known()
    near, far = expected(memory, world, (0.8, 0.0, 1.3)), expected(memory, world, (-2.5, 0.0, 1.3))
    assert near["mug"].range_m < far["mug"].range_m
    assert near["mug"].pixels > 3 * far["mug"].pixels
    assert 1.0 > near["mug"].p_detect > far["mug"].p_detect > 0.0


def test_boxes_stay_inside_the_image() -> None:
    memory, world = known()
    for item in expected(memory, world, (1.2, 0.0, 1.3)).values():
        x0, y0, x1, y1 = item.box_xyxy.tolist()
        assert 0 <= x0 < x1 <= world.camera.width and 0 <= y0 < y1 <= world.camera.height


def test_what_depth_hides_is_not_expected() -> None:
    memory, world = known()
    pose = at_table()[3]
    frame, _ = world.frame(pose)
    depth = frame.depth_m.copy()
    depth[:, : depth.shape[1] // 2] = 0.4
    seen = memory.expected_view(world.camera, pose, depth)
    assert all(i.box_xyxy[0] >= depth.shape[1] // 2 - 1 for i in seen)
    assert len(seen) < len(memory.expected_view(world.camera, pose))


def test_what_fades_is_less_likely_to_be_reported() -> None:
    memory, world = known()
    mug = only(memory.find("mug"))
    before = {i.object_id: i.p_detect for i in memory.expected_view(world.camera, at_table()[3])}
    del world.things["mug"]
    watch(memory, world, at_table(2))
    after = {i.object_id: i.p_detect for i in memory.expected_view(world.camera, at_table()[3])}
    assert after.get(mug.id, 0.0) < before[mug.id]
    assert np.isfinite(list(after.values())).all()
