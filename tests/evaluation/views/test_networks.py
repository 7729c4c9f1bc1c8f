"""The learned arms learn, and the ray code fails where it must."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from memory_agent_ros.evaluation.benches import views as bench_views  # noqa: E402
from memory_agent_ros.evaluation.training.covisibility import Pictures, draw_batch, pictures  # noqa: E402
from memory_agent_ros.evaluation.views import networks, trained  # noqa: E402
from memory_agent_ros.evaluation.views.scaling import costs, slope  # noqa: E402
from memory_agent_ros.evaluation.views.task import RecallTask, of_views, recall_at_5  # noqa: E402
from memory_agent_ros.evaluation.views.view_set import ViewSet  # noqa: E402
from memory_agent_ros.evaluation.walks.noise import PoseNoise  # noqa: E402


@pytest.fixture(scope="module")
def task(room: ViewSet) -> RecallTask:
    return of_views(room, PoseNoise(0.5, 15.0), 0)


@pytest.fixture(scope="module")
def source(room: ViewSet) -> Pictures:
    return pictures(room, np.arange(len(room)), pairs=True)


def test_batches_are_drawn_alike_for_every_arm(source: Pictures) -> None:
    a, b = (draw_batch(source, np.random.default_rng(4), 6, 20) for _ in range(2))
    assert torch.equal(a.queries.points, b.queries.points) and torch.equal(a.covisible, b.covisible)
    assert a.covisible.shape == (6, 20) == a.allowed.shape
    assert not torch.equal(draw_batch(source, np.random.default_rng(5), 6, 20).covisible, a.covisible)


def test_point_code_sees_a_translation_that_the_ray_code_cannot(task: RecallTask) -> None:
    torch.manual_seed(0)
    assert networks.told_apart(networks.ArmNetwork("ray"), task, 2.0, 0) == pytest.approx(0.5)
    assert networks.told_apart(networks.ArmNetwork("ray_point"), task, 2.0, 0) > 0.9


def test_training_improves_recall(task: RecallTask, source: Pictures) -> None:
    torch.manual_seed(0)
    before = recall_at_5(task, networks.scores(networks.ArmNetwork("no_code"), task))
    network, best = networks.train_arm("no_code", 0, [source], [task], 12)
    assert best > before
    assert recall_at_5(task, networks.scores(network, task)) == pytest.approx(best)


def test_relative_pose_enters_its_arm_only(task: RecallTask) -> None:
    torch.manual_seed(0)
    poses = torch.tensor(task.T_told[:3], dtype=torch.float32)
    assert networks.ArmNetwork("no_code").pose_term(poses, poses) == 0.0
    term = networks.ArmNetwork("mlp_relative_pose").pose_term(poses, poses)
    assert term.shape == (3, 3)
    torch.testing.assert_close(term.diagonal(), term.diagonal()[:1].expand(3))


def test_dense_attention_shares_itself_out_among_allowed_pictures(task: RecallTask) -> None:
    torch.manual_seed(0)
    scores = networks.dense_scores(networks.ArmNetwork("ray_point"), task, 10.0)
    some = task.allowed.any(axis=1)
    np.testing.assert_allclose(scores[some].sum(axis=1), 1.0, atol=1e-4)
    assert not scores[~task.allowed].any()
    assert recall_at_5(task, scores) > 0.5


def test_the_whole_benchmark_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, room: ViewSet, task: RecallTask
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    source = [pictures(room, np.arange(0, len(room), 2), pairs=True)]
    monkeypatch.setattr(trained, "training_pictures", lambda *a, **k: source)
    monkeypatch.setattr(trained, "recall_task", lambda *a, **k: task)
    monkeypatch.setattr(bench_views, "recall_task", lambda *a, **k: task)
    monkeypatch.setattr("memory_agent_ros.evaluation.views.scaling.COUNTS", (8, 16))
    monkeypatch.setattr(
        "memory_agent_ros.evaluation.views.networks.draw_batch", lambda s, rng: draw_batch(s, rng, 4, 12)
    )
    options = {"arms_config": trained.ArmsConfig(seeds=2, steps=4, val_apartments=1)}
    outcome = bench_views.bench("val", range(2), 1, options)
    wanted = "recency appearance_cosine pose_distance frustum_overlap no_code mlp_relative_pose ray ray_point dense"
    assert set(wanted.split()) | {"random_frames", "selected_excluded"} <= set(outcome.arms)
    for arm, figures in outcome.arms.items():
        assert set(figures) == {"recall_at_5", "revisit_gain", "downstream_error"}, arm
        assert 0.0 <= figures["recall_at_5"].value <= 1.0
    assert outcome.figures["recall_gain@no_code"].value == pytest.approx(
        outcome.arms["ray_point"]["recall_at_5"].value - outcome.arms["no_code"]["recall_at_5"].value
    )
    assert len(list(tmp_path.rglob("*.pt"))) == 8
    again = bench_views.bench("val", range(2), 1, options)
    assert again.arms["ray_point"]["recall_at_5"].value == outcome.arms["ray_point"]["recall_at_5"].value


def test_cost_counts_bytes(task: RecallTask) -> None:
    small, large = costs(networks.ArmNetwork("ray_point"), (8, 32))
    assert large.key_bytes == 4 * small.key_bytes and large.dense_bytes == 4 * small.dense_bytes
    assert large.sparse_bytes == small.sparse_bytes
    assert slope([1, 2, 4], [3, 6, 12]) == pytest.approx(1.0) and slope([1, 2, 4], [1, 4, 16]) == pytest.approx(2.0)
