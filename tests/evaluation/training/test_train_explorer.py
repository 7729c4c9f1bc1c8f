"""Training of the explorer on the toy search: files, logs, going on after a break."""

import json
from dataclasses import replace

import pytest

from tests.exploration.hidden_places import HiddenPlaces

torch = pytest.importorskip("torch")

from memory_agent_ros.evaluation.training import train_explorer as module  # noqa: E402
from memory_agent_ros.evaluation.training.explorer_courses import ExplorerTraining  # noqa: E402
from memory_agent_ros.exploration.empo2 import Course, Empo2Config  # noqa: E402
from memory_agent_ros.exploration.learned_policy import LearnedPolicy  # noqa: E402

SMALL = ExplorerTraining(
    Empo2Config(decisions=700, tasks=4, group=4, epochs=1, seed=1),
    apartments=3,
    dim=16,
    layers=1,
    text_vectors=False,
    guide="",
)


def courses(training):
    return [Course(HiddenPlaces(), range(40))]


def train(out, **more):
    settings = {"courses": courses, "examine": lambda policy, training: {"val_success": 0.25}}
    return module.train_explorer(SMALL, out, **settings | more)


def state(path):
    return LearnedPolicy.load(path).module.state_dict()


def test_it_leaves_weights_card_and_logs(tmp_path):
    out = tmp_path / "explorer.safetensors"
    assert train(out) == {"val_success": 0.25}
    policy = LearnedPolicy.load(out)
    assert json.loads(policy.about["training"])["empo2"]["seed"] == 1
    assert int(policy.about["decisions"]) >= 700 and policy.name == "learned-hash"
    lines = [json.loads(line) for line in (tmp_path / "explorer.logs" / "figures.jsonl").read_text().splitlines()]
    assert {"decisions", "score", "loss_ratio"} <= set(lines[0]) and lines[-1]["val_success"] == 0.25
    assert "| val_success | 0.250 |" in out.with_suffix(".md").read_text()
    assert not out.with_suffix(".checkpoint.pt").exists()


def test_a_break_changes_nothing(tmp_path, monkeypatch):
    train(tmp_path / "through.safetensors")
    monkeypatch.setattr(module, "CHECKPOINT_EVERY", 2)
    monkeypatch.setattr(module, "VAL_EVERY", 5)
    broken = tmp_path / "broken.safetensors"

    def fails(policy, training):
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        train(broken, examine=fails)
    assert torch.load(broken.with_suffix(".checkpoint.pt"), weights_only=True)["algorithm"]["updates"] == 4
    train(broken)
    through, again = state(tmp_path / "through.safetensors"), state(broken)
    assert all(torch.allclose(through[name], again[name], atol=1e-6) for name in through)


def test_a_checkpoint_of_other_settings_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CHECKPOINT_EVERY", 1)
    out = tmp_path / "p.safetensors"

    def fails(policy, training):
        raise RuntimeError

    monkeypatch.setattr(module, "VAL_EVERY", 2)
    with pytest.raises(RuntimeError):
        train(out, examine=fails)
    other = replace(SMALL, empo2=replace(SMALL.empo2, decisions=60))
    module.train_explorer(other, out, courses=courses, examine=lambda policy, training: {})
    assert int(LearnedPolicy.load(out).about["updates"]) <= 2


def test_rollouts_in_processes_learn_too(tmp_path):
    out = tmp_path / "p.safetensors"
    train(out, engine="processes", jobs=2)
    assert int(LearnedPolicy.load(out).about["decisions"]) >= 700


def test_tensorboard_reads_the_logs(tmp_path):
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    train(tmp_path / "p.safetensors")
    events = reader.EventAccumulator(str(tmp_path / "p.logs"))
    events.Reload()
    assert "explorer/score" in events.Tags()["scalars"]
