"""train recognition, unlearn, and its audit, over a folder of drawn pictures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")

from memory_agent_ros.cli import main
from memory_agent_ros.evaluation.unlearning import audit, heads
from memory_agent_ros.perception.recognition.recogniser import read_recogniser, save_recogniser

HUES = {"cup": 0, "book": 40, "milk": 80, "tray": 130}


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """``trained`` and ``unseen``: things of one hue each, in any light."""
    rng = np.random.default_rng(0)
    for folder in ("trained", "unseen"):
        for label, hue in HUES.items():
            (tmp_path / folder / label).mkdir(parents=True)
            for number in range(8):
                hsv = np.empty((24, 20, 3), dtype=np.uint8)
                hsv[..., 0] = (hue + rng.integers(-6, 7, hsv.shape[:2])) % 180
                hsv[..., 1] = rng.integers(150, 255, hsv.shape[:2])
                hsv[..., 2] = rng.integers(90, 255)
                cv2.imwrite(str(tmp_path / folder / label / f"{number}.png"), cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR))
    return tmp_path


@pytest.fixture
def head(pictures: Path) -> Path:
    out = pictures / "head.safetensors"
    words = ["train", "recognition", "--crops", str(pictures / "trained"), "--steps", "60", "--out", str(out)]
    assert main([*words]) == 0
    return out


def right(head: Path, folder: Path, label: str) -> float:
    made = read_recogniser(head)
    crops = [cv2.imread(str(p))[..., ::-1].copy() for p in sorted((folder / label).iterdir())]
    return float((made.recognise(crops).argmax(axis=1) == made.labels.index(label)).mean())


def test_a_class_leaves_the_file_with_its_name_and_the_others_stay(
    pictures: Path, head: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert right(head, pictures / "unseen", "book") == 1.0
    words = ["unlearn", str(head), "--label", "book", "--crops", str(pictures / "trained"), "--json"]
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["labels"] == ["cup", "milk", "tray"]
    assert b"book" not in head.read_bytes()
    assert read_recogniser(head).about["unlearnt"] == 1
    assert all(right(head, pictures / "unseen", label) > 0.8 for label in ("cup", "milk", "tray"))
    assert main(words) == 2, "it is not known any more"
    shutil.rmtree(pictures / "trained" / "cup")
    assert main(["unlearn", str(head), "--label", "milk", "--crops", str(pictures / "trained")]) == 2
    assert "cup" in capsys.readouterr().err, "a class without crops would be lost"


def test_the_audit_of_a_file_measures_before_after_and_retrained(
    pictures: Path, head: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heads, "RETRAINED", 2)
    real = heads.train
    monkeypatch.setattr(heads, "train", lambda e, k, t: real(e, k, heads.replace(t, steps=60)))
    monkeypatch.setattr(audit.AuditSettings.__init__, "__defaults__", (8, 3, 0.01, 3, 0.05, 5, 0.5))
    out = pictures / "other.safetensors"
    words = ["unlearn", str(head), "--label", "book", "--crops", str(pictures / "trained"), "--out", str(out), "--json"]
    assert main([*words, "--audit", str(pictures / "unseen")]) in (0, 1)
    told = json.loads(capsys.readouterr().out)["audit"]
    assert told["before"]["forget_accuracy"] == 1.0 and told["after"]["forget_accuracy"] == 0.0
    assert told["retrained"]["forget_accuracy"] == 0.0 and 0.0 <= told["after"]["probe_recovery"] <= 1.0
    assert "book" in read_recogniser(head).labels and "book" not in read_recogniser(out).labels


def test_a_head_is_widened_by_what_it_never_answers(head: Path, pictures: Path) -> None:
    made = read_recogniser(head)
    network = heads.widened(made, ("new", *made.labels))
    crops = heads.examples_for(made.labels, heads.LabelledCrops(*_described(pictures)))
    told = network(crops.vectors[0]).detach()
    assert float(told.softmax(dim=1)[:, 0].max()) == 0.0
    assert told[:, 1:].argmax(dim=1).tolist() == crops.labels.tolist()


def _described(pictures: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    from memory_agent_ros.perception.recognition.labelled_crops import read_crops

    found = read_crops(pictures / "unseen")
    assert found.counts() == dict.fromkeys(HUES, 8)
    return found.vectors, found.labels


def test_folders_that_hold_no_pictures_are_refused(pictures: Path, head: Path, tmp_path: Path) -> None:
    words = ["unlearn", str(head), "--label", "book", "--crops"]
    (tmp_path / "empty").mkdir()
    assert main([*words, str(tmp_path / "empty")]) == 2
    assert main([*words, str(tmp_path / "nowhere")]) == 2
    (pictures / "trained" / "cup" / "9.png").write_bytes(b"no picture")
    assert main([*words, str(pictures / "trained")]) == 2
    save_recogniser(head, read_recogniser(head))
    assert "book" in read_recogniser(head).labels, "nothing was written"
