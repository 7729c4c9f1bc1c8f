"""The latency benchmark: its scene, its arithmetic, and a short run with real nodes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from memory_agent_ros.nodes import latency, latency_camera
from memory_agent_ros.nodes.latency import LatencySettings


def test_scene_has_every_object_come_and_go():
    views, labels = latency_camera.make_views(objects=5, seed=1, count=6)
    seen = [set(np.unique(view.instances)) - {0} for view in views]
    assert set.union(*seen) == set(labels)
    assert all(any(i not in s for s in seen) for i in labels)
    for view in views:
        assert view.depth_m.shape == (480, 640) and np.isfinite(view.depth_m).all() and view.depth_m.min() > 0.3


def test_depth_of_a_box_matches_its_distance():
    low, high = np.array([[-2.0, -4.0, 0.0], [2.0, -0.3, 0.0]]), np.array([[6.0, 4.0, 3.0], [2.5, 0.3, 2.0]])
    T = latency_camera._pose(0.0)
    view = latency_camera._render(T, low, high, np.zeros((2, 3), np.uint8), np.array([0, 1]))
    v, u = 240, 320
    assert view.instances[v, u] == 1
    K = latency_camera.CAMERA.K
    point = np.array([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], 1.0]) * view.depth_m[v, u]
    assert (T[:3, :3] @ point + T[:3, 3])[0] == pytest.approx(2.0, abs=1e-4)


def test_summary_counts_and_times():
    sent = {str(i): i * 0.1 for i in range(11)}
    done = {str(i): i * 0.1 + 0.02 for i in range(10)} | {"999": 5.0}
    result, events = latency.summary(10.0, {"sent": sent, "done": done, "events": {"3": 0.35}})
    assert (result.published, result.processed, result.frames_with_events) == (11, 10, 1)
    assert result.achieved_hz == pytest.approx(10.0)
    assert result.frame_p50_ms == pytest.approx(20.0) and events == pytest.approx([50.0])
    assert not result.sustained  # 10 of 11


@pytest.mark.parametrize(("lost", "sustained"), [(0, True), (1, True), (2, False)])
def test_sustained_means_99_percent(lost, sustained):
    sent = {str(i): i * 0.2 for i in range(100)}
    done = {str(i): i * 0.2 for i in range(lost, 100)}
    assert latency.summary(5.0, {"sent": sent, "done": done, "events": {}})[0].sustained is sustained


def test_a_camera_that_cannot_keep_its_rate_sustains_nothing():
    sent = {str(i): i * 0.25 for i in range(100)}
    result, _ = latency.summary(5.0, {"sent": sent, "done": sent, "events": {}})
    assert result.processed == 100 and not result.sustained
    assert math.isnan(result.event_p50_ms)


@pytest.mark.slow
def test_short_run_with_real_nodes(tmp_path):
    settings = LatencySettings(duration_s=4.0, rates_hz=(2.0,), latency_rate_hz=2.0, objects=6)
    outcome = latency.run_latency(settings, tmp_path)
    figures = {name: figure.to_dict() for name, figure in outcome.figures.items()}
    assert set(figures) == {"event_p50_ms", "event_p95_ms", "sustained_hz"}
    assert all(set(figure) == {"value", "ci95", "unit", "goal", "met"} for figure in figures.values())
    (rate,) = outcome.details
    assert rate["processed"] > 0 and 0 < rate["frame_p50_ms"] < 5000
