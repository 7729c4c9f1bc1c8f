from __future__ import annotations

import dataclasses

import mujoco
import numpy as np
import pytest
from memory_agent_sim.freespace import rasterize
from memory_agent_sim.simulation import Edit, Simulation, SimulationConfig
from memory_agent_sim.truth import box_of

from memory_agent_ros.geometry.boxes import corners
from memory_agent_ros.geometry.pinhole import project_map, unproject_depth
from memory_agent_ros.geometry.se3 import transform_points
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.frame import Frame


def look_at(simulation: Simulation, object_id: int) -> Frame:
    """Put the robot where it sees the object best among standing places 1 to 2 m away."""
    target = next(t.box.center for t in simulation.truth() if t.id == object_id)
    grid = rasterize(simulation.layout.plan, simulation._footprints(), 0.1)
    rows, columns = np.nonzero(grid.centers(0.22))
    places = grid.origin + (np.stack([columns, rows], axis=1) + 0.5) * 0.1
    away = np.linalg.norm(places - target[:2], axis=1)
    best, most = None, -1
    for x, y in places[(away > 1.0) & (away < 2.2)][::9]:
        simulation.data.qpos[:3] = [x, y, np.arctan2(target[1] - y, target[0] - x)]
        frame = simulation.frame()
        pixels = int((frame.instances == object_id).sum())
        if pixels > most:
            best, most = frame, pixels
    assert best is not None and most > 0
    return best


def tour(simulation: Simulation, count: int, seed: int = 0) -> list[Frame]:
    """Frames from random standing places."""
    rng = np.random.default_rng(seed)
    grid = rasterize(simulation.layout.plan, simulation._footprints(), 0.1)
    rows, columns = np.nonzero(grid.reachable_centers(np.array(simulation.layout.start[:2]), 0.25))
    frames = []
    for i in rng.integers(len(rows), size=count):
        x, y = grid.origin + (np.array([columns[i], rows[i]]) + 0.5) * 0.1
        simulation.data.qpos[:3] = [x, y, rng.uniform(-np.pi, np.pi)]
        frames.append(simulation.frame())
    return frames


def test_same_seed_same_pictures(apartment: Simulation) -> None:
    def run(simulation: Simulation) -> Frame:
        for _ in range(3):
            simulation.step(0.3, 0.6)
        return simulation.frame()

    first = run(apartment)
    other = Simulation("test", 1, apartment.config)
    second = run(other)
    other.close()
    assert np.array_equal(first.rgb, second.rgb)
    assert np.array_equal(first.depth_m, second.depth_m)
    assert np.array_equal(first.instances, second.instances)
    assert np.allclose(first.T_map_camera, second.T_map_camera, atol=1e-12)
    assert first.stamp_ns == second.stamp_ns == 600_000_000


def test_depth_points_lie_on_their_objects(apartment: Simulation) -> None:
    """K and pose are exact: pixels of an instance unproject into its true box."""
    boxes = {t.id: t.box for t in apartment.truth()}
    checked = 0
    for frame in tour(apartment, 12):
        points = unproject_depth(frame.camera.K, frame.depth_m)
        for object_id in np.unique(frame.instances)[1:].tolist():
            box, mine = boxes[object_id], frame.instances == object_id
            world = transform_points(frame.T_map_camera, points[mine].astype(np.float64)) - box.center
            c, s = np.cos(box.yaw), np.sin(box.yaw)
            local = np.abs(world @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])) - box.size / 2
            assert local.max() < 0.004
            checked += 1
    assert checked > 20


def test_corner_of_a_box_shows_up_where_the_matrix_says(apartment: Simulation) -> None:
    """The silhouette of a piece of furniture made of boxes reaches its projected corners within a pixel."""
    desk = next(t for t in apartment.truth() if t.label in ("counter", "cabinet", "refrigerator"))
    frame = look_at(apartment, desk.id)
    rows, columns = np.nonzero(frame.instances == desk.id)
    uv, z = project_map(frame.camera.K, frame.T_map_camera, corners(desk.box.center, desk.box.size, desk.box.yaw))
    assert (z > 0).all()
    left, top = uv[:, 0].min(), uv[:, 1].min()
    if left > 1:
        assert columns.min() >= left - 1.0
    assert rows.min() >= top - 1.0


def test_depth_equals_a_ray(apartment: Simulation) -> None:
    frame = tour(apartment, 1, seed=5)[0]
    groups = np.array([0, 1, 1, 0, 0, 0], dtype=np.uint8)
    geom = np.zeros(1, dtype=np.int32)
    apartment.model.geom_group[:] = apartment._sensor._culling._home
    checked = 0
    for v in range(10, 240, 24):
        for u in range(10, 320, 24):
            near = frame.depth_m[v - 1 : v + 2, u - 1 : u + 2]
            if np.ptp(near) > 0.03:
                continue
            ray = np.linalg.solve(frame.camera.K, np.array([u, v, 1.0]))
            direction = frame.T_map_camera[:3, :3] @ ray
            z = mujoco.mj_ray(
                apartment.model, apartment.data, frame.T_map_camera[:3, 3], direction, groups, 1, -1, geom, None
            )
            assert z == pytest.approx(float(frame.depth_m[v, u]), abs=2e-3)
            assert apartment.scene.geom_instance[geom[0]] == frame.instances[v, u]
            checked += 1
    assert checked > 60


def test_raycast_agrees_with_rendering(apartment: Simulation) -> None:
    small = {"width": 160, "height": 120, "rooms": 3}
    rendered = Simulation("test", 1, SimulationConfig(**small))
    cast = Simulation("test", 1, SimulationConfig(**small, sensor="raycast"))
    for a, b in zip(tour(rendered, 5), tour(cast, 5), strict=True):
        assert np.allclose(a.T_map_camera, b.T_map_camera)
        assert (np.abs(a.depth_m - b.depth_m) < 0.02).mean() >= 0.95
        assert (a.instances == b.instances).mean() >= 0.95
        assert b.rgb.dtype == np.uint8 and b.rgb.std() > 5
    rendered.close()


def test_culling_hides_nothing_visible(apartment: Simulation) -> None:
    apartment.frame()
    culling = apartment._sensor._culling
    fewer = 0
    for frame in tour(apartment, 6, seed=3):
        inside = culling.visible(frame.T_map_camera)
        fewer += int((~inside).sum())
        whole = np.ones_like(inside)
        culling.visible = lambda _T, whole=whole: whole
        again = apartment_frame_at(apartment, frame)
        del culling.visible
        assert np.array_equal(again.instances, frame.instances)
        assert np.array_equal(again.rgb, frame.rgb)
    assert fewer > 0


def apartment_frame_at(simulation: Simulation, frame: Frame) -> Frame:
    T = frame.T_map_camera @ np.linalg.inv(simulation.T_base_camera)
    simulation.data.qpos[:3] = [T[0, 3], T[1, 3], np.arctan2(T[1, 0], T[0, 0])]
    return simulation.frame()


def test_everything_rests_on_something(apartment: Simulation) -> None:
    """Undersides stand on the height of their support: neither floating nor sunk, and upright."""
    for place, object_id in zip(apartment.layout.objects, range(1, 100), strict=False):
        T = apartment._poses[object_id]
        assert T[2, 3] == pytest.approx(place.z, abs=0.004)
        assert T[2, 2] > 0.999
        assert np.hypot(T[0, 3] - place.x, T[1, 3] - place.y) < 0.02


def test_edits_change_world_and_truth(apartment: Simulation) -> None:
    edits = apartment.sample_edits(6, np.random.default_rng(0), kinds=("move", "remove", "add"))
    assert sorted({e.kind for e in edits}) == ["add", "move", "remove"]
    before = {t.id: t for t in apartment.truth()}
    apartment.apply_edits(edits)
    after = {t.id: t for t in apartment.truth()}
    for edit in edits:
        thing = after[edit.object_id]
        assert thing.present == (edit.kind != "remove")
        if edit.kind == "move":
            assert np.linalg.norm(thing.box.center[:2] - before[edit.object_id].box.center[:2]) >= 0.75
            assert not np.allclose(thing.box.center, before[edit.object_id].box.center)
        if edit.position_m is not None:
            low = thing.box.center[2] - thing.box.size[2] / 2
            assert low == pytest.approx(edit.position_m[2], abs=0.005)
    untouched = set(before) - {e.object_id for e in edits}
    for object_id in untouched:
        assert np.array_equal(before[object_id].box.center, after[object_id].box.center)


def test_moved_thing_settles_without_penetration(apartment: Simulation) -> None:
    """Dropped from a hand's breadth above a table, it comes to rest on it."""
    edit = next(e for e in apartment.sample_edits(1, np.random.default_rng(4), kinds=("move",)))
    assert edit.position_m is not None
    dropped = Edit("move", edit.object_id, edit.position_m + np.array([0, 0, 0.1]), edit.yaw)
    apartment.apply_edits([dropped])
    box = next(t.box for t in apartment.truth() if t.id == edit.object_id)
    assert box.center[2] - box.size[2] / 2 == pytest.approx(edit.position_m[2], abs=0.004)
    boxes = {t.id: t.box for t in apartment.truth() if t.movable and t.present}
    apartment.apply_edits([Edit("move", edit.object_id, np.array([*box.center[:2], edit.position_m[2]]), box.yaw)])
    again = next(t.box for t in apartment.truth() if t.id == edit.object_id)
    assert np.linalg.norm(again.center - box.center) < 0.005
    assert len(boxes) == len(apartment.layout.objects)


def test_removed_thing_vanishes_from_pictures_and_physics(apartment: Simulation) -> None:
    target = next(i for i, o in enumerate(apartment.layout.objects, start=1) if o.furniture is None)
    place = apartment.layout.objects[target - 1]
    frame = look_at(apartment, target)
    assert apartment.visibility(frame)[target].pixels > 50
    free_before, origin = apartment.free_floor(0.05)
    apartment.apply_edits([Edit("remove", target)])
    gone = apartment_frame_at(apartment, frame)
    assert not (gone.instances == target).any()
    free_after, _ = apartment.free_floor(0.05)
    column, row = ((np.array([place.x, place.y]) - origin) / 0.05).astype(int)
    assert free_after[row, column] and not free_before[row, column]
    apartment.data.qpos[:3] = [place.x, place.y, 0.0]
    apartment.step(0.0, 0.0)
    assert not apartment.collided
    with pytest.raises(BadInputError, match="not there"):
        apartment.apply_edits([Edit("remove", target)])


def test_swap_exchanges_places(apartment: Simulation) -> None:
    edits = apartment.sample_edits(1, np.random.default_rng(1), kinds=("swap",))
    before = {t.id: t.box.center for t in apartment.truth()}
    apartment.apply_edits(edits)
    after = {t.id: t.box.center for t in apartment.truth()}
    a, b = edits[0].object_id, edits[0].other_id
    assert np.linalg.norm(after[a][:2] - before[b][:2]) < 0.03
    assert np.linalg.norm(after[b][:2] - before[a][:2]) < 0.03


def test_edits_keep_out_of_sight(apartment: Simulation) -> None:
    frame = max(tour(apartment, 20), key=lambda f: len(np.unique(f.instances)))
    edits = apartment.sample_edits(40, np.random.default_rng(2), kinds=("move", "remove"), avoid_visible_from=frame)
    assert edits
    assert not {e.object_id for e in edits} & set(np.unique(frame.instances).tolist())
    apartment.apply_edits(edits)
    again = apartment_frame_at(apartment, frame)
    changed = {e.object_id for e in edits}
    # The place is out of sight; a tall thing may still peep out from behind what hides it.
    shown = [i for i in changed if (again.instances == i).sum() > 60]
    assert len(shown) <= 0.1 * len(changed)


@pytest.mark.parametrize(
    "edit", [Edit("paint", 1), Edit("move", 1), Edit("move", 10**6, np.zeros(3)), Edit("add", 1, np.zeros(3))]
)
def test_bad_edits_are_refused(apartment: Simulation, edit: Edit) -> None:
    before = [t.box.center for t in apartment.truth()]
    with pytest.raises(BadInputError):
        apartment.apply_edits([Edit("remove", 2), edit])
    assert all(t.present for t in apartment.truth() if t.movable and t.id <= len(apartment.layout.objects))
    assert np.array_equal(before, [t.box.center for t in apartment.truth()])


def test_base_stops_at_a_wall_and_says_so(apartment: Simulation) -> None:
    apartment.data.qpos[2] = np.pi / 2
    touched = False
    for _ in range(80):
        apartment.step(0.7, 0.0)
        touched |= apartment.collided
    assert touched and apartment.collided
    x, y = apartment.T_map_base[:2, 3]
    grid = rasterize(apartment.layout.plan, apartment._footprints(), 0.02)
    assert grid.centers(0.15)[grid.cell(np.array([x, y]))], "the base went into something"


def test_speed_and_acceleration_are_limited(apartment: Simulation) -> None:
    apartment.data.qpos[:3] = apartment.layout.start
    speeds, turns = [], []
    for _ in range(10):
        before = apartment.T_map_base
        apartment.step(0.0, 9.0)
        after = apartment.T_map_base
        turn = np.linalg.inv(before) @ after
        turns.append(np.arctan2(turn[1, 0], turn[0, 0]) * 5)
        speeds.append(np.linalg.norm(after[:2, 3] - before[:2, 3]) * 5)
    assert turns[0] < turns[3] <= 1.52
    assert turns[-1] == pytest.approx(1.5, abs=0.05)
    assert max(speeds) < 1e-3
    with pytest.raises(BadInputError):
        apartment.step(float("nan"), 0.0)


def test_commands_are_followed(apartment: Simulation) -> None:
    room = max(apartment.rooms, key=lambda r: float((r.maximum - r.minimum).prod()))
    grid = rasterize(apartment.layout.plan, apartment._footprints(), 0.05)
    clear = np.argwhere(grid.centers(0.45))
    y, x = (clear[np.argmin(np.abs(clear - grid.cell(room.center)[::1]).sum(axis=1))] + 0.5) * 0.05
    apartment.data.qpos[:3] = [x + grid.origin[0], y + grid.origin[1], 0.3]
    start = apartment.T_map_base[:2, 3]
    for _ in range(4):
        apartment.step(0.2, 0.0)
    moved = apartment.T_map_base[:2, 3] - start
    assert np.arctan2(moved[1], moved[0]) == pytest.approx(0.3, abs=0.02)
    assert 0.1 < np.linalg.norm(moved) < 0.16
    for _ in range(3):
        apartment.step(0.0, 0.0)
    still = apartment.T_map_base
    apartment.step(0.0, 0.0)
    assert np.linalg.norm(apartment.T_map_base[:2, 3] - still[:2, 3]) < 1e-3


def test_truth_boxes_hold_the_meshes(apartment: Simulation) -> None:
    for thing, truth in zip(apartment.scene.things, apartment.truth(), strict=False):
        if thing.id == truth.id:
            again = box_of(thing.vertices, apartment._poses[thing.id])
            assert np.allclose(again.size, truth.box.size)
            assert (truth.box.size > 0.02).all()
    assert {t.room for t in apartment.truth()} == {r.name for r in apartment.rooms}
    assert apartment.labels.keys() >= {t.id for t in apartment.truth()}


def test_visibility_tells_open_from_occluded(apartment: Simulation) -> None:
    shares = []
    for frame in tour(apartment, 25):
        shown = apartment.visibility(frame)
        for object_id, seen in shown.items():
            assert seen.pixels == (frame.instances == object_id).sum()
            assert 0.0 <= seen.unoccluded <= 1.0
            rows, columns = np.nonzero(frame.instances == object_id)
            whole = rows.min() > 0 and columns.min() > 0 and rows.max() < 239 and columns.max() < 319
            if whole and seen.pixels > 400 and apartment.scene.things[object_id - 1].movable:
                shares.append(seen.unoccluded)
            if seen.pixels < 3:
                assert seen.unoccluded < 0.5
    assert np.median(shares) > 0.7


def test_floor_objects_and_walls_are_not_free_floor(apartment: Simulation) -> None:
    free, origin = apartment.free_floor(0.05)
    assert 8.0 < free.sum() * 0.05**2 < sum(float((r.maximum - r.minimum).prod()) for r in apartment.rooms)
    for piece in apartment.layout.furniture:
        column, row = ((np.array([piece.x, piece.y]) - origin) / 0.05).astype(int)
        assert not free[row, column]


@pytest.mark.parametrize(
    "field", [{"width": 8}, {"rooms": 2}, {"depth_noise": "fog"}, {"sensor": "lidar"}, {"rate_hz": 0.0}]
)
def test_bad_config_is_refused(field: dict[str, object]) -> None:
    with pytest.raises(BadInputError):
        SimulationConfig(**field)  # type: ignore[arg-type]


def test_rays_meet_turned_furniture_as_pictures_do() -> None:
    simulations = [
        Simulation("train", 4, SimulationConfig(96, 72, rooms=3, placement="habitual", sensor=sensor))
        for sensor in ("render", "raycast")
    ]
    for x, y, yaw in ((6.18, 2.53, -1.6), (6.18, 2.53, 2.0), (3.2, 4.8, -1.9)):
        frames = []
        for simulation in simulations:
            simulation.place(x, y, yaw)
            frames.append(simulation.frame())
        a, b = (frame.instances for frame in frames)
        assert a is not None and b is not None
        assert (a == b).mean() > 0.97
    for simulation in simulations:
        simulation.close()


def test_things_are_tipped_only_where_it_is_asked_for() -> None:
    config = SimulationConfig(width=64, height=48, rooms=3, sensor="raycast")
    plain = Simulation("val", 3, config)
    tipped = Simulation("val", 3, dataclasses.replace(config, tipped=0.35))
    try:
        told = {t.id: t for t in tipped.truth()}
        states = [t.state for t in told.values() if t.state]
        assert {"upright", "on its side", "upside down"} == set(states)
        for before in plain.truth():
            assert before.state in (None, "upright")
            if told[before.id].state in (None, "upright"):
                assert np.linalg.norm(told[before.id].box.center - before.box.center) < 0.03, before.label
        assert max(t.box.center[2] - t.box.size[2] / 2 for t in told.values()) < 1.5
    finally:
        plain.close()
        tipped.close()
    with pytest.raises(BadInputError):
        SimulationConfig(tipped=0.6)
