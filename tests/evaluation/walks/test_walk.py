"""A recorded walk visits the whole apartment and comes back from the cache as it was."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from memory_agent_ros.evaluation.walks.noise import PoseNoise
from memory_agent_ros.evaluation.walks.replay import Detections
from memory_agent_ros.evaluation.walks.walk import Walk, WalkConfig, record_walk

CONFIG = WalkConfig(width=160, height=120, rooms=3, passes=2, edits=2, spacing_m=0.6, turn_deg=60.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def walk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Walk:
    monkeypatch.setattr("memory_agent_ros.evaluation.walks.walk.cache_folder", lambda: folder)
    return record_walk("val", 1, CONFIG)


def test_the_walk_enters_every_room_in_both_passes(walk: Walk) -> None:
    for number in range(2):
        xy = walk.T_map_base[walk.passes == number, :2, 3]
        for low, high in walk.rooms.values():
            assert ((xy > low) & (xy < high)).all(axis=1).any()
    assert (np.diff(walk.stamps_ns) > 0).all()
    assert len(walk.edits[0]) == 0 and len(walk.edits[1]) == 2


def test_the_cache_gives_the_same_walk(walk: Walk) -> None:
    again = record_walk("val", 1, CONFIG)
    assert (again.T_map_camera == walk.T_map_camera).all()
    one, other = walk.frame(3), again.frame(3)
    assert (one.depth_m == other.depth_m).all() and (one.rgb == other.rgb).all()
    assert [t.id for t in again.truth[1]] == [t.id for t in walk.truth[1]]
    assert again.labels == walk.labels


def test_a_replay_places_observations_by_the_told_pose(walk: Walk) -> None:
    detections = Detections(walk, seed=3)
    clean, noisy = list(detections.replay()), list(detections.replay(PoseNoise(0.2, 5.0), miss=0.4))
    assert sum(len(s.observations) for s in noisy) < 0.75 * sum(len(s.observations) for s in clean)
    assert [s.frame.stamp_ns for s in clean] == [s.frame.stamp_ns for s in noisy]
    truth = {t.id: t for t in walk.truth[0]}
    right = [
        np.linalg.norm(o.box.center - truth[i].box.center) < 0.5 * np.linalg.norm(truth[i].box.size) + 0.1
        for s in clean[: (walk.passes == 0).sum()] for o, i in zip(s.observations, s.true_ids, strict=True) if i
    ]  # fmt: skip
    assert np.mean(right) > 0.95
    assert noisy[0].frame.pose_covariance is not None and clean[0].frame.pose_covariance is None


def test_a_walk_among_tipped_things_tells_how_they_lie(folder: Path, walk: Walk) -> None:
    config = dataclasses.replace(CONFIG, passes=1, edits=0, tipped=0.3)
    tipped = [record_walk("val", 1, config) for _ in range(2)]
    states = [[t.state for t in w.truth[0]] for w in tipped]
    assert states[0] == states[1] and len(set(states[0])) == 4
    assert all(t.state is None for t in walk.truth[0] if not t.movable)
    assert len(list(folder.iterdir())) == 2
