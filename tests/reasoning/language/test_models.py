"""Models by name; none of them is loaded here."""

from __future__ import annotations

import pytest

from memory_agent_ros.reasoning.language import embedded
from memory_agent_ros.reasoning.language.models import language_model
from memory_agent_ros.records.errors import BadInputError


def test_none_and_auto_without_a_reader_are_no_model(monkeypatch):
    monkeypatch.setattr(embedded, "reader_adapter", lambda: None)
    assert language_model("none") is None and language_model("auto") is None


def test_servers_are_named_by_url_or_by_the_environment(monkeypatch):
    pytest.importorskip("httpx")
    served = language_model("http://localhost:8000/v1#small")
    assert served.name == "small"
    monkeypatch.setenv("MEMORY_AGENT_CHAT_URL", "http://localhost:8000/v1")
    assert language_model("openai:large").name == "large"
    monkeypatch.delenv("MEMORY_AGENT_CHAT_URL")
    with pytest.raises(BadInputError, match="base URL"):
        language_model("openai:large")


def test_what_cannot_be_loaded_says_so(tmp_path):
    with pytest.raises(BadInputError, match="name a model"):
        language_model("  ")
    pytest.importorskip("transformers")
    with pytest.raises(BadInputError, match="cannot be loaded"):
        language_model(str(tmp_path))
