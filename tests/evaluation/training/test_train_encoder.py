"""Training writes weights, a card and a checkpoint, and goes on where it was broken off."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from memory_agent_ros.evaluation.training import train_encoder as training  # noqa: E402
from memory_agent_ros.evaluation.training.covisibility import pictures  # noqa: E402
from memory_agent_ros.evaluation.views.view_set import ViewSet  # noqa: E402
from memory_agent_ros.memory.encoder import Encoder  # noqa: E402
from memory_agent_ros.memory.encoder_network import EncoderConfig  # noqa: E402

CONFIG = training.TrainConfig(steps=6, apartments=1, val_apartments=0, queries=3, candidates=8, association_weight=0.0)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, room: ViewSet) -> None:
    source = [pictures(room, np.arange(0, len(room), 3), pairs=True)]
    monkeypatch.setattr(training, "training_pictures", lambda *a, **k: source)
    monkeypatch.setattr(training, "EncoderConfig", lambda: EncoderConfig(dim=16, layers=1, heads=2))
    monkeypatch.setattr(training, "_CHECKPOINT_EVERY", 3)


def weights(path: Path) -> dict[str, object]:
    return dict(Encoder.load(path).network.state_dict())


def test_weights_and_card_are_written(tmp_path: Path) -> None:
    out = tmp_path / "w" / "encoder.safetensors"
    training.train_encoder(CONFIG, out)
    about = Encoder.load(out).about
    assert about["steps"] == "6" and '"seed": 0' in about["training"] and about["commit"]
    card = out.with_suffix(".md").read_text()
    assert "memory-agent train encoder --seed 0" in card and "Licence" in card
    assert not list(tmp_path.rglob("*.pt"))


def test_a_broken_training_goes_on_to_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, broken = tmp_path / "whole.safetensors", tmp_path / "broken.safetensors"
    training.train_encoder(CONFIG, whole)
    original, calls = training._view_loss, []

    def breaking(*args: object) -> object:
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return original(*args)

    monkeypatch.setattr(training, "_view_loss", breaking)
    with pytest.raises(KeyboardInterrupt):
        training.train_encoder(CONFIG, broken)
    training.train_encoder(CONFIG, broken)
    assert len(calls) == 5 + 3, "it must go on from step 3"
    a, b = weights(whole), weights(broken)
    for name, value in a.items():
        torch.testing.assert_close(value, b[name], atol=2e-3, rtol=1e-2)


def test_another_configuration_starts_anew(tmp_path: Path) -> None:
    out = tmp_path / "encoder.checkpoint.pt"
    parts = torch.nn.ModuleDict({"encoder": torch.nn.Linear(1, 1)})
    optimizer = torch.optim.AdamW(parts.parameters())
    training._keep(out, CONFIG, parts, optimizer, 3, 1.0)
    assert training._restore(out, CONFIG, parts, optimizer) == (3, 1.0)
    other = training.TrainConfig(seed=1)
    assert training._restore(out, other, parts, optimizer) == (0, 0.0)
