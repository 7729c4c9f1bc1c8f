"""Transcripts as token ids, piece by piece, so that a call has the same tokens when it is written and when it is read.

Names get a space in front: as in the question and in the line of known names, so that writing one is copying tokens.
"""

from __future__ import annotations

from typing import Any

from memory_agent_ros.reasoning.calls import ToolCall, call_segments
from memory_agent_ros.reasoning.transcript import Transcript, prompt_head, result_text


class Encoder:
    """Token ids of texts, remembered.

    Args:
        tokenizer: of transformers.
        remembered: most texts that are kept.
    """

    def __init__(self, tokenizer: Any, remembered: int = 20_000) -> None:
        self.tokenizer = tokenizer
        self._remembered = remembered
        self._ids: dict[str, list[int]] = {}

    def text(self, text: str) -> list[int]:
        """Ids of a text, without special tokens: what looks like one in it is text."""
        if text not in self._ids:
            if len(self._ids) >= self._remembered:
                self._ids.clear()
            self._ids[text] = list(self.tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True))
        return self._ids[text]

    def name(self, name: str) -> list[int]:
        """Ids of an entity's name in a call."""
        return self.text(f" {name}")

    def call(self, call: ToolCall) -> list[int]:
        """Ids of a call."""
        return [i for text, kind in call_segments(call) for i in (self.text(text) if kind is None else self.name(text))]

    def result(self, result: str) -> list[int]:
        """Ids of what a call gave."""
        return self.text(result_text(result))

    def transcript(self, transcript: Transcript) -> list[int]:
        """Ids of a transcript, ending where the next call begins."""
        ids = list(self.text(prompt_head(transcript)))
        for turn in transcript.turns:
            ids += self.call(turn.call) + self.result(turn.result)
        return ids
