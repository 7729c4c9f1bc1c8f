"""Readers of pictures by name."""

from __future__ import annotations

from memory_agent_ros.reasoning.vision.reader import VisionReader
from memory_agent_ros.records.errors import BadInputError

_OPENAI = "openai"


def reader_name(name: str) -> str:
    """The name itself; for ``auto`` ``embedded`` where all that it needs is installed, else ``none``."""
    from memory_agent_ros.reasoning.language.embedded import embedded_installed, weights_folder

    if name != "auto":
        return name
    there = embedded_installed() and (weights_folder() / "vision.safetensors").is_file()
    return "embedded" if there else "none"


def vision_reader(name: str = "embedded") -> VisionReader:
    """``embedded``, ``openai`` or ``openai:MODEL`` (the rest from the environment), or an id or folder of transformers.

    Raises:
        BadInputError: ``vision_model``, ``chat_unconfigured``, ``projector_unreadable``.
        MissingExtraError: a package is not installed.
    """
    if name == "embedded":
        from memory_agent_ros.reasoning.vision.embedded import EmbeddedVisionReader

        return EmbeddedVisionReader.load()
    kind, _, model = name.partition(":")
    if kind == _OPENAI:
        from memory_agent_ros.reasoning.vision.openai_reader import OpenAIVisionReader

        return OpenAIVisionReader.from_environment(model)
    if not name.strip():
        raise BadInputError("vision_model", "name a vision model: embedded, openai:MODEL, or an id of transformers")
    from memory_agent_ros.reasoning.vision.transformers_reader import TransformersVisionReader

    return TransformersVisionReader.load(name)
