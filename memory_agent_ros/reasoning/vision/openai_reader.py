"""Pictures read by any server that speaks the chat protocol of OpenAI: vLLM, llama.cpp, Ollama, or hosted."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.reasoning.language.chat import ChatConfig, ChatEndpoint
from memory_agent_ros.reasoning.language.model import LanguageModelError
from memory_agent_ros.reasoning.vision.prompts import chosen, picture_question, without_thoughts
from memory_agent_ros.reasoning.vision.reader import VisionError, VisionReading, require_choices, require_crops

#: Longest edge of a picture that is sent, pixels, and longest reply, thoughts included, tokens.
LONGEST_EDGE, MOST_TOKENS = 1024, 512


class OpenAIVisionReader:
    """Reads pictures through a server, which does not tell how sure it is.

    Args:
        config: where it is and how long it may take.

    Raises:
        MissingExtraError: httpx is not installed.
    """

    reads_text = True

    def __init__(self, config: ChatConfig) -> None:
        self._chat = ChatEndpoint(config)
        self.name = f"openai:{config.model}"

    @classmethod
    def from_environment(cls, model: str = "") -> OpenAIVisionReader:
        """A model of the server that the environment names; see :mod:`memory_agent_ros.reasoning.language.chat`.

        Raises:
            BadInputError: ``chat_unconfigured``.
            MissingExtraError: httpx is not installed.
        """
        return cls(ChatConfig.from_environment(model=model))

    def close(self) -> None:
        """Close the connections."""
        self._chat.close()

    def read(self, crops: Sequence[NDArray[np.uint8]], question: str, choices: Sequence[str] = ()) -> VisionReading:
        """See :class:`~memory_agent_ros.reasoning.vision.reader.VisionReader`; all crops go into one request."""
        kept, answers = require_crops(crops), require_choices(choices)
        content = [
            *({"type": "image_url", "image_url": {"url": data_url(c)}} for c in kept),
            {"type": "text", "text": picture_question(question, answers, len(kept))},
        ]
        try:
            reply = self._chat.complete([{"role": "user", "content": content}], tokens=MOST_TOKENS)
        except LanguageModelError as error:
            raise VisionError(str(error)) from error
        found = chosen(reply, answers) if answers else without_thoughts(reply)
        if not found:
            wanted = f"none of {', '.join(answers)}" if answers else "nothing"
            raise VisionError(f"{self.name} answered {wanted}: {reply[:120]!r}")
        return VisionReading(found, {}, np.zeros((0, 0)), self.name)


def data_url(crop: NDArray[np.uint8], longest_edge: int = LONGEST_EDGE) -> str:
    """An (H, W, 3) RGB picture as PNG inside a URL, made smaller if an edge is longer than allowed."""
    factor = longest_edge / max(crop.shape[:2])
    if factor < 1:
        size = (max(1, round(crop.shape[1] * factor)), max(1, round(crop.shape[0] * factor)))
        crop = cv2.resize(crop, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    _, png = cv2.imencode(".png", np.ascontiguousarray(crop[..., ::-1]))
    return "data:image/png;base64," + base64.b64encode(png.tobytes()).decode()
