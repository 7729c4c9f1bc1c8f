"""The real detector on real Kinect pictures: the chair and the table stand where they stand."""

import importlib.util

import numpy as np
import pytest

from memory_agent_ros.perception.factory import make_detector, make_image_embedder
from memory_agent_ros.perception.pipeline import PerceptionPipeline
from memory_agent_ros.perception.recordings.recording import RecordingOptions
from memory_agent_ros.perception.recordings.seven_scenes import open_seven_scenes
from memory_agent_ros.records.errors import MissingExtraError

NEEDED = ("ai_edge_litert", "torch", "efficientnet_lite_pytorch")


@pytest.fixture(scope="module")
def results(rgbd_data_dir):
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"extra not installed: {missing}")
    try:
        detector = make_detector("ssd+segmenter")
    except MissingExtraError as error:
        pytest.skip(str(error))
    pipeline = PerceptionPipeline(detector, make_image_embedder("color_histogram"))
    return [pipeline.process(frame) for frame in open_seven_scenes(rgbd_data_dir, RecordingOptions(stride=10))]


def centres(results, *labels):
    return np.array([o.box.center for r in results for o in r.observations if o.label in labels])


def test_the_table_is_one_flat_top_at_table_height(results):
    found = centres(results, "table", "desk")
    assert len(found) >= 12
    assert np.std(found[:, 2]) < 0.05
    assert 0.6 < np.median(found[:, 2]) < 0.8


def test_the_first_chair_stands_still_while_the_camera_moves(results):
    """Frames 0, 30, 60, 90 see the same chair from four places."""
    first = np.concatenate([centres([result], "chair")[:1] for result in results[:4]])
    assert len(first) == 4
    assert np.linalg.norm(first - first.mean(axis=0), axis=1).max() < 0.08
    assert 0.3 < first[:, 2].mean() < 0.6


def test_chairs_stand_around_the_table(results):
    chairs, tables = centres(results, "chair"), centres(results, "table", "desk")
    gap = np.linalg.norm(chairs[:, None, :2] - tables[None, :, :2], axis=2).min(axis=1)
    assert len(chairs) >= 8
    assert gap.max() < 1.0


def test_little_else_is_claimed(results):
    expected = {"chair", "table", "desk", "coffee cup", "mug", "book", "computer monitor", "box", "counter", "bottle"}
    labels = [o.label for r in results for o in r.observations]
    assert sum(label in expected for label in labels) >= 0.9 * len(labels)


def test_every_observation_is_sound(results):
    for result in results:
        assert sum(result.refused.values()) + len(result.observations) == len(result.detections)
        for o in result.observations:
            assert np.isfinite(o.points_map).all()
            assert (np.linalg.eigvalsh(o.covariance) > 0).all()
            assert np.linalg.norm(o.embedding) == pytest.approx(1.0, abs=1e-4)
