"""The recall task: true co-visibility, what may be recalled, and its scores."""

import dataclasses

import numpy as np
import pytest

from memory_agent_ros.evaluation.views import hand_built
from memory_agent_ros.evaluation.views.downstream import downstream_error, random_frames, selected_excluded
from memory_agent_ros.evaluation.views.task import (
    EXCLUDED,
    RecallTask,
    best,
    of_views,
    recall_at_5,
    revisit_gain,
)
from memory_agent_ros.evaluation.views.two_way import holm, two_way_figure
from memory_agent_ros.evaluation.views.view_set import ViewSet, covisibility, thinned
from memory_agent_ros.evaluation.walks.noise import PoseNoise


@pytest.fixture(scope="module")
def task(room: ViewSet) -> RecallTask:
    return of_views(room, PoseNoise(0.5, 15.0), 0)


def test_a_picture_shows_all_of_itself_and_nothing_behind_it(room: ViewSet) -> None:
    every = np.arange(20)
    share = covisibility(room, every, every)
    assert share.diagonal().min() > 0.97
    facing = room.T_map_camera[:20, :3, 2]
    assert share[facing @ facing.T < -0.95].max(initial=0.0) < 0.3
    assert 0.02 < share.mean() < 0.7


def test_co_visibility_knows_occlusion(room: ViewSet) -> None:
    """A wall put before half of the second picture hides the first one's surface there."""
    blocked = room.depth_mm.copy()
    blocked[1] = blocked[0]
    blocked[1, :, :40] = 300
    twins = dataclasses.replace(room, depth_mm=blocked, T_map_camera=room.T_map_camera[[0, 0, *range(2, len(room))]])
    assert covisibility(twins, np.array([0]), np.array([1]))[0, 0] == pytest.approx(0.5, abs=0.05)


def test_keyframes_are_fewer_and_cover(room: ViewSet) -> None:
    kept = thinned(room)
    assert kept[0] == 0 and len(kept) < len(room)
    left = np.setdiff1d(np.arange(len(room)), kept)
    assert covisibility(room, left, kept).max(axis=1).min() > 0.5


def test_the_last_keyframes_may_not_be_recalled(task: RecallTask) -> None:
    for q, query in enumerate(task.queries):
        allowed = task.keyframes[task.allowed[q]]
        assert ((task.keyframes < query).sum() - len(allowed)) in (EXCLUDED, (task.keyframes < query).sum())
        assert (allowed < query).all()
    assert (task.views.passes[task.queries] == 1).all()


def test_truth_recalls_everything_and_its_opposite_little(task: RecallTask) -> None:
    assert recall_at_5(task, task.covisible) == 1.0
    assert recall_at_5(task, -task.covisible) < 0.3


def test_recall_divides_by_what_there_is(task: RecallTask) -> None:
    """With one relevant picture found, recall is 1 though four of the five are not relevant."""
    lone = np.zeros_like(task.covisible)
    first = [np.flatnonzero(row)[0] for row in task.allowed if row.any()]
    for q, column in zip(np.flatnonzero(task.allowed.any(axis=1)), first, strict=True):
        lone[q, column] = 0.9
    assert recall_at_5(dataclasses.replace(task, covisible=lone), lone) == 1.0


def test_time_alone_gains_nothing_by_revisits(task: RecallTask) -> None:
    assert abs(revisit_gain(task, hand_built.recency(task))) < 0.1
    assert revisit_gain(task, task.covisible) > 0.4


def test_baselines_know_something(task: RecallTask) -> None:
    chance = np.mean([recall_at_5(task, np.random.default_rng(n).random(task.allowed.shape)) for n in range(5)])
    for scores in (
        hand_built.pose_distance(task, 2.0),
        hand_built.frustum_overlap(task, 4.0),
        hand_built.depth_reprojection(task),
    ):
        assert recall_at_5(task, scores) > chance + 0.1


def test_an_exact_pose_makes_reprojection_exact(room: ViewSet) -> None:
    exact = of_views(room, PoseNoise(0.0, 0.0), 0)
    assert recall_at_5(exact, hand_built.depth_reprojection(exact)) > 0.9


def test_views_are_predicted_from_pictures_that_show_them(task: RecallTask) -> None:
    good = downstream_error(task, best(task, task.covisible))
    chance = np.mean([downstream_error(task, random_frames(task, n)) for n in range(3)])
    without = np.mean([downstream_error(task, selected_excluded(task, task.covisible, n)) for n in range(3)])
    assert good < 0.6 * chance
    assert without > good
    for picked, selected in zip(selected_excluded(task, task.covisible, 0), best(task, task.covisible), strict=True):
        if len(picked) == 5 and task.allowed.sum(axis=1).min() > 10:
            assert not set(picked) & set(selected)


def test_intervals_draw_apartments_and_training_seeds() -> None:
    rng = np.random.default_rng(0)
    values = 0.5 + 0.1 * rng.standard_normal((12, 1)) + 0.05 * rng.standard_normal((12, 3))
    figure = two_way_figure(values)
    assert figure.low < figure.value < figure.high and 0.05 < figure.high - figure.low < 0.3
    assert np.isnan(two_way_figure(values[:1]).low)
    p = holm({"much": values, "none": values - values.mean(), "also": values})
    assert p["much"] < 0.01 and p["also"] < 0.01 and p["none"] > 0.5
