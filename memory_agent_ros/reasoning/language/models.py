"""Language models by name."""

from __future__ import annotations

from memory_agent_ros.reasoning.language.model import LanguageModel
from memory_agent_ros.records.errors import BadInputError, MissingExtraError

_OPENAI = "openai"


def language_model(
    name: str = "embedded", *, refuses: bool = True, device: str = "cpu", threads: int = 1, progress: bool = False
) -> LanguageModel | None:
    """A model by name; None for ``none``.

    Args:
        name: ``none``; ``auto``: the embedded one where it and the reader that it needs are installed, else none;
            ``embedded``; ``openai`` or ``openai:MODEL``, a server that the environment names; ``URL#MODEL``, a server
            by its base URL; else an id or folder of transformers.
        refuses: whether the embedded model refuses unsafe requests; the others are as their makers made them.
        device: where a model of transformers runs: cpu, cuda, cuda:1; "auto" takes a GPU if there is one.
        threads: CPU threads of the embedded model.
        progress: show a bar while it is converted.

    Raises:
        BadInputError: ``language_model``, ``chat_unconfigured``, ``language_model_unavailable``.
        MissingExtraError: a package is not installed.
    """
    name = model_name(name)
    if name == "none":
        return None
    if not name.strip():
        raise BadInputError("language_model", "name a model: none, auto, embedded, openai:MODEL, URL#MODEL, or an id")
    kind, _, model = name.partition(":")
    if kind in (_OPENAI, "http", "https"):
        from memory_agent_ros.reasoning.language.chat import ChatConfig
        from memory_agent_ros.reasoning.language.endpoint import EndpointModel

        url, _, served = ("", "", model) if kind == _OPENAI else name.partition("#")
        return EndpointModel(ChatConfig.from_environment(url, served))
    try:
        from memory_agent_ros.reasoning.language.local import LocalModel
    except ImportError as error:
        raise MissingExtraError(
            f"language models need {error.name}: pip install 'memory_agent_ros[language]'"
        ) from error
    if name == "embedded":
        return LocalModel.embedded(refuses=refuses, threads=threads, progress=progress)
    return LocalModel.from_pretrained(name, device=_device(device))


def model_name(name: str) -> str:
    """The name itself; for ``auto`` ``embedded`` where it and the reader that it needs are installed, else ``none``."""
    from memory_agent_ros.reasoning.language.embedded import embedded_installed, reader_adapter

    if name != "auto":
        return name
    return "embedded" if reader_adapter() is not None and embedded_installed() else "none"


def _device(name: str) -> str:
    if name != "auto":
        return name
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
