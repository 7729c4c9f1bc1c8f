"""Calls as token ids: syntax and names are tokenised apart, as ``reasoning.language.encoding`` does for transcripts.

A name is written with a space before it, "find( mug, in= kitchen)": so it has the tokens that it has in running text,
and a model can copy it from there. What comes from the memory or from a person is plain text: what looks like a
special token of the model in it is not one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from memory_agent_ros.reasoning.calls import ToolCall, call_segments, parse_call
from memory_agent_ros.records.errors import BadInputError

#: Characters that end a name in a call.
_RESERVED = re.compile(r"[,()=$\s]+")
_LEAD = "("


class CallCodec:
    """Turns names and calls into token ids, and calls back.

    Args:
        tokenizer: a fast tokenizer of transformers.

    Raises:
        BadInputError: ``tokenizer``.
    """

    def __init__(self, tokenizer: Any) -> None:
        own = getattr(tokenizer, "backend_tokenizer", None)
        if own is None or tokenizer.eos_token_id is None:
            raise BadInputError("tokenizer", "decoding needs a fast tokenizer that has an end-of-sequence token")
        self.backend = type(own).from_str(own.to_str())
        self.backend.no_padding()
        self.backend.no_truncation()
        self.backend.encode_special_tokens = True
        self.stop: int = tokenizer.eos_token_id
        #: Ids are smaller than this; a model may have room for more.
        self.vocabulary: int = max(self.backend.get_vocab(with_added_tokens=True).values()) + 1
        self._lead = self.encode_text(_LEAD)

    def spelled(self, name: str) -> str:
        """A name as it stands in a call: characters that would end it become spaces. May be empty."""
        return " ".join(_RESERVED.sub(" ", name).split())

    def encode_text(self, text: str) -> list[int]:
        """Token ids of a piece of text."""
        ids: list[int] = self.backend.encode(text, add_special_tokens=False).ids
        return ids

    def encode_names(self, names: Sequence[str]) -> list[list[int]]:
        """Token ids of names, as they stand in a call."""
        texts = [f"{_LEAD} {name}" for name in names]
        skip, lead = len(self._lead), self._lead
        out = []
        for name, coded in zip(names, self.backend.encode_batch(texts, add_special_tokens=False), strict=True):
            ids = coded.ids
            out.append(ids[skip:] if ids[:skip] == lead else self.encode_text(f" {name}"))
        return out

    def encode_call(self, call: ToolCall) -> list[int]:
        """Token ids of a call."""
        ids: list[int] = []
        for text, kind in call_segments(call):
            ids += self.encode_text(text) if kind is None else self.encode_names([text])[0]
        return ids

    def decode_call(self, ids: Sequence[int]) -> ToolCall:
        """The call of token ids, up to the stop token if there is one.

        Raises:
            CallError: they are no call.
        """
        ids = list(ids)
        text = self.text(ids[: ids.index(self.stop)] if self.stop in ids else ids)
        return parse_call(re.sub(r"([(=]) ", r"\1", text))

    def text(self, ids: Sequence[int]) -> str:
        """The text of token ids."""
        text: str = self.backend.decode(list(ids), skip_special_tokens=False)
        return text
