"""Any server that speaks the chat protocol of OpenAI: hosted, or llama.cpp, vLLM, Ollama on the robot's network."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from memory_agent_ros.reasoning.language.model import LanguageModelError
from memory_agent_ros.records.errors import BadInputError, MissingExtraError

#: Environment variables that say where and what, for whatever is not given.
URL_VARIABLE, MODEL_VARIABLE, KEY_VARIABLE = (f"MEMORY_AGENT_CHAT_{n}" for n in ("URL", "MODEL", "KEY"))
#: Answers that mean: again, later.
_LATER = frozenset({408, 409, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class ChatConfig:
    """Where a model is and how it is asked.

    Attributes:
        url: base of the server, as ``https://host/v1``.
        model: its name there.
        key: sent as bearer token if not empty; never shown.
        seconds: longest wait for one answer, all attempts included.
        attempts: how often a question is sent while the server is busy or cannot be reached.
        pause_s: before the second attempt; doubled before each further one.
    """

    url: str
    model: str
    key: str = field(default="", repr=False)
    seconds: float = 30.0
    attempts: int = 3
    pause_s: float = 0.5

    @staticmethod
    def from_environment(url: str = "", model: str = "", **more: Any) -> ChatConfig:
        """What is not given, from the environment; the key always.

        Raises:
            BadInputError: ``chat_unconfigured``.
        """
        url, model = url or os.environ.get(URL_VARIABLE, ""), model or os.environ.get(MODEL_VARIABLE, "")
        if not url.startswith(("http://", "https://")) or not model:
            raise BadInputError(
                "chat_unconfigured",
                f"give the server's base URL (http...) and a model, or set {URL_VARIABLE} and {MODEL_VARIABLE}",
            )
        return ChatConfig(url.rstrip("/"), model, os.environ.get(KEY_VARIABLE, ""), **more)


class ChatEndpoint:
    """A chat model on a server.

    Args:
        config: where and how.

    Raises:
        MissingExtraError: httpx is not installed.
    """

    def __init__(self, config: ChatConfig) -> None:
        try:
            import httpx
        except ImportError as error:
            raise MissingExtraError("chat servers need httpx: pip install 'memory_agent_ros[language]'") from error
        self.config = config
        self._httpx = httpx
        headers = {"Authorization": f"Bearer {config.key}"} if config.key else {}
        self._client = httpx.Client(headers=headers)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def complete(self, messages: Sequence[Mapping[str, Any]], *, tokens: int = 64, stop: Sequence[str] = ()) -> str:
        """The text that the model adds to a conversation, least random.

        Args:
            messages: with ``role`` and ``content``; content may hold pictures, as the protocol has it.
            tokens: most that it writes.
            stop: texts that end it.

        Raises:
            LanguageModelError: the server cannot be reached, refuses, or answers nothing that can be used, in time.
        """
        body: dict[str, Any] = {
            "model": self.config.model, "messages": list(messages), "temperature": 0, "max_tokens": tokens,
        }  # fmt: skip
        if stop:
            body["stop"] = list(stop)
        until, pause, trouble = time.monotonic() + self.config.seconds, self.config.pause_s, "no time was left"
        for attempt in range(self.config.attempts):
            left = until - time.monotonic()
            if attempt:
                if left <= pause:
                    break
                time.sleep(pause)
                left, pause = left - pause, 2 * pause
            try:
                answer = self._client.post(f"{self.config.url}/chat/completions", json=body, timeout=left)
            except self._httpx.TransportError as error:
                trouble = f"{type(error).__name__}: {error}"
                continue
            if answer.status_code in _LATER:
                trouble = f"it answers {answer.status_code}"
                continue
            if answer.status_code != 200:
                raise LanguageModelError(f"{self._who} refuses with {answer.status_code}: {answer.text[:200]}")
            return self._content(answer)
        raise LanguageModelError(f"{self._who} gave no answer in {self.config.seconds:g} s: {trouble}")

    @property
    def _who(self) -> str:
        return f"{self.config.model} at {self.config.url}"

    def _content(self, answer: Any) -> str:
        try:
            content = answer.json()["choices"][0]["message"]["content"]
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise LanguageModelError(
                f"{self._who} does not answer as the protocol says: {answer.text[:200]}"
            ) from error
        if not isinstance(content, str):
            raise LanguageModelError(f"{self._who} answered without text")
        return content
