from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from memory_agent_ros.geometry.se3 import inverse, planar, transform_points, yaw_of
from memory_agent_ros.memory.association.appearance import AppearanceModel
from memory_agent_ros.memory.presence.looks import HEIGHT, WIDTH, LookRecord
from memory_agent_ros.memory.sessions.relocalisation import RelocalisationConfig, relocalise
from memory_agent_ros.memory.sessions.surfaces import Surfaces, agreement
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.map_object import MapObject, ObjectState

LABELS = ("mug", "book", "chair", "lamp", "bottle", "bowl", "table", "plant")


def thing(
    object_id: int,
    label: str,
    center: NDArray[np.float64],
    size: tuple[float, float, float] = (0.2, 0.15, 0.2),
    state: ObjectState = ObjectState.PRESENT,
    look: int | None = None,
) -> MapObject:
    center = np.asarray(center, dtype=np.float64)
    embedding = None
    if look is not None:
        vector = np.random.default_rng(look).standard_normal(16)
        embedding = (vector / np.linalg.norm(vector)).astype(np.float32)
    corner = np.random.default_rng(object_id).uniform(-0.5, 0.5, (20, 3)) * size
    return MapObject(
        id=object_id, label=label, label_probs={label: 0.9, "thing": 0.1}, state=state, presence=0.9, confirmed=True,
        centroid_map=center, covariance=np.eye(3) * 1e-4, box=OrientedBox(center, np.array(size), 0.0),
        points_map=(center + corner).astype(np.float32), embedding=embedding, observations=9, first_seen_ns=1,
        last_seen_ns=2, last_looked_ns=2,
    )  # fmt: skip


def room(seed: int, count: int = 16, first_id: int = 1) -> list[MapObject]:
    rng = np.random.default_rng(seed)
    places = rng.uniform([0.0, 0.0, 0.1], [6.0, 5.0, 1.3], (count, 3))
    sizes = rng.uniform(0.08, 0.5, (count, 3))
    labels = rng.choice(LABELS, count)
    return [thing(first_id + n, str(labels[n]), places[n], tuple(sizes[n]), look=1000 * seed + n) for n in range(count)]


def seen_from(objects: list[MapObject], T: NDArray[np.float64], first_id: int = 500) -> list[MapObject]:
    """The same things in another frame, renumbered."""
    out = []
    for n, o in enumerate(objects):
        center = transform_points(T, o.box.center[None])[0]
        size = (float(o.box.size[0]), float(o.box.size[1]), float(o.box.size[2]))
        moved = thing(first_id + n, o.label, center, size)
        out.append(MapObject(**{**vars(moved), "embedding": o.embedding}))
    return out


POSE = planar(3.0, -7.0, 2.1, 0.4)


def test_finds_the_pose_and_the_pairs() -> None:
    stored = room(1)
    found = relocalise(stored, seen_from(stored[:10], inverse(POSE)), appearance=AppearanceModel())
    assert found is not None
    np.testing.assert_allclose(found.T_map_local, POSE, atol=1e-6)
    assert sorted(found.pairs) == [(n + 1, 500 + n) for n in range(10)]
    assert found.residual_m < 1e-6 and found.probability > 0.9 and np.isnan(found.surfaces)


def test_survives_changed_objects() -> None:
    stored = room(2)
    local = seen_from(stored[:13], inverse(POSE))
    rng = np.random.default_rng(0)
    for n in range(4):  # 30 % moved elsewhere
        shift = rng.uniform(0.8, 2.0, 2)
        local[n] = thing(
            local[n].id, local[n].label, local[n].box.center + np.array([*shift, 0.0]), tuple(local[n].box.size)
        )
    found = relocalise(stored, local, appearance=AppearanceModel())
    assert found is not None
    np.testing.assert_allclose(found.T_map_local, POSE, atol=0.05)
    assert {a for a, _ in found.pairs} >= set(range(5, 14))


def test_another_room_is_refused() -> None:
    for seed in range(12):
        assert relocalise(room(seed), room(seed + 50), appearance=AppearanceModel()) is None


def test_two_equal_rooms_are_ambiguous() -> None:
    one = room(3, 8)
    twin = [MapObject(**{**vars(o), "id": o.id + 100}) for o in seen_from(one, planar(9.0, 0.0, 0.0))]
    local = seen_from(one, inverse(POSE))
    assert relocalise(one, local, appearance=AppearanceModel()) is not None
    assert relocalise([*one, *twin], local, appearance=AppearanceModel()) is None


def test_too_little_is_refused() -> None:
    stored = room(4)
    local = seen_from(stored[:2], inverse(POSE))
    assert relocalise(stored, local) is None
    assert relocalise(stored, []) is None
    assert relocalise([], local) is None


def test_gone_objects_take_no_part() -> None:
    stored = room(5)
    gone = [MapObject(**{**vars(o), "state": ObjectState.GONE}) for o in stored]
    assert relocalise(gone, seen_from(stored, inverse(POSE))) is None


def test_without_verification_other_rooms_are_taken_for_this_one() -> None:
    stored = room(6)
    local = seen_from(stored[:5], inverse(POSE)) + room(60, 9, first_id=600)
    careless = RelocalisationConfig(verify=False, min_pairs=3)
    assert relocalise(stored, local, appearance=AppearanceModel(), config=careless) is not None
    pairs = [(room(k, 30), room(k + 50, 20)) for k in range(8)]
    assert any(relocalise(*pair, config=careless) is not None for pair in pairs)
    assert all(relocalise(*pair) is None for pair in pairs)


@settings(max_examples=25, deadline=None)
@given(
    st.floats(-30.0, 30.0), st.floats(-30.0, 30.0), st.floats(-3.0, 3.0), st.floats(-np.pi, np.pi), st.integers(0, 5)
)
def test_equivariant_under_a_rigid_transform(x: float, y: float, z: float, yaw: float, seed: int) -> None:
    """Moving the local map by G moves the answer by the inverse of G, and changes nothing else."""
    stored = room(seed)
    local = seen_from(stored[2:12], inverse(POSE))
    rng = np.random.default_rng(seed)
    local = [
        MapObject(**{**vars(o), "box": OrientedBox(o.box.center + rng.normal(0, 0.03, 3), o.box.size, 0.0)})
        for o in local
    ]
    G = planar(x, y, yaw, z)
    moved = [MapObject(**{**vars(m), "id": o.id}) for o, m in zip(local, seen_from(local, G), strict=True)]
    before = relocalise(stored, local, appearance=AppearanceModel())
    after = relocalise(stored, moved, appearance=AppearanceModel())
    assert before is not None and after is not None
    np.testing.assert_allclose(after.T_map_local @ G, before.T_map_local, atol=1e-6)
    assert sorted(after.pairs) == sorted(before.pairs)
    assert after.residual_m == pytest.approx(before.residual_m, abs=1e-6)
    assert after.probability == pytest.approx(before.probability, abs=1e-6)


def look(stamp: int, T: NDArray[np.float64], walls: tuple[float, float]) -> LookRecord:
    """A thumbnail from the middle of a room of +-``walls`` metres, floor 1.2 m below, ceiling 1.3 m above."""
    K = np.array([[40.0, 0.0, 39.5], [0.0, 40.0, 29.5], [0.0, 0.0, 1.0]])
    v, u = np.mgrid[0:HEIGHT, 0:WIDTH]
    rays = np.stack([(u - 39.5) / 40.0, (v - 29.5) / 40.0, np.ones(u.shape)], 2) @ T[:3, :3].T + 1e-9
    far = np.where(rays > 0, [walls[0], walls[1], 1.3], [-walls[0], -walls[1], -1.2])
    depth = ((far - T[:3, 3]) / rays).min(axis=2)
    return LookRecord(stamp, stamp, T, K, (depth * 1000).astype(np.uint16))


def looks(walls: tuple[float, float], T_local_map: NDArray[np.float64]) -> Surfaces:
    from memory_agent_ros.geometry.se3 import R_BODY_OPTICAL

    records = []
    for n in range(8):
        T = planar(0.3, -0.2, n * np.pi / 4)
        T[:3, :3] = T[:3, :3] @ R_BODY_OPTICAL
        record = look(n, T, walls)
        records.append(LookRecord(n, n, T_local_map @ T, record.K, record.depth_mm))
    return Surfaces(records)


def test_surfaces_agree_only_under_the_right_pose() -> None:
    stored, local = looks((2.0, 3.0), np.eye(4)), looks((2.0, 3.0), inverse(POSE))
    share, judged = agreement(stored, local, POSE)
    assert share > 0.95 and judged > 500
    quarter = planar(0.0, 0.0, np.pi / 2) @ POSE
    assert agreement(stored, local, quarter)[0] < 0.75
    other, _ = agreement(looks((3.2, 2.2), np.eye(4)), local, POSE)
    assert other < 0.7


def test_surfaces_decide_against_a_room_with_other_walls() -> None:
    stored = room(8)
    local = seen_from(stored[:5], inverse(POSE)) + room(61, 3, first_id=600)
    right = looks((2.0, 3.0), np.eye(4)), looks((2.0, 3.0), inverse(POSE))
    wrong = looks((3.5, 1.5), np.eye(4)), right[1]
    assert yaw_of(POSE) == pytest.approx(2.1)
    for pair, accepted in ((right, True), (wrong, False)):
        found = relocalise(stored, local, appearance=AppearanceModel(), stored_surfaces=pair[0], local_surfaces=pair[1])
        assert (found is not None) == accepted
