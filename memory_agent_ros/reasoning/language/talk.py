"""What was said in a dialogue, as a language model keeps it: a stream in a cache of constant size. Needs torch.

The stream holds the latest questions and answers; the model reads each once. Rules stay in front, and the facts that
the answer to the question of the moment rests on are pinned behind them. Wording an answer costs the tokens of what is
new, whether the dialogue lasts minutes or days; what was dropped is gone from here, and the memory itself holds what
was seen.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from memory_agent_ros.attention.dialogue import StreamingDialogue, StreamState
from memory_agent_ros.attention.sink_cache import SinkConfig
from memory_agent_ros.reasoning.language.model import LanguageModelError

#: Room for facts and for what was said: some ten exchanges. The sinks are the rules, whole.
TALK = SinkConfig(pinned=128, recent=360, chunk=64)
#: First text of the stream, kept for ever; it says how the rest is to be read.
RULES = "A robot answers what people ask about the things that it remembers. It says only what its memory says.\n"
#: Fewest tokens of an exchange: as many as fit the stream may wait to be read.
_EXCHANGE = 8


class StreamedTalk:
    """A :class:`~memory_agent_ros.reasoning.language.model.Talk` of a model on this machine.

    Args:
        model: a causal language model of transformers that places keys as Llama does.
        tokenizer: its tokenizer.
        lock: held while the model reads and writes, since threads take turns.
        config: sizes of what is kept; sinks are as many as the rules take.
        tokens: most that are written for an answer, at most ``config.chunk``.
        seconds: longest time for one.

    Raises:
        BadInputError: the cache does not know how the model places its keys.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        lock: threading.Lock | None = None,
        config: SinkConfig = TALK,
        tokens: int = 32,
        seconds: float = 30.0,
    ) -> None:
        self._lock = lock or threading.Lock()
        rules = len(tokenizer.encode(RULES, add_special_tokens=False))
        self._stream = StreamingDialogue(model, tokenizer, dataclasses.replace(config, sink=rules), RULES)
        self._tokens, self._seconds, self._recent = tokens, seconds, config.recent
        self._waiting: deque[str] = deque(maxlen=max(1, config.recent // _EXCHANGE))
        self._open = ""

    @property
    def state(self) -> StreamState:
        """How much of the dialogue the stream holds."""
        return self._stream.state

    def words(self, facts: Sequence[str], question: str) -> str:
        """What the model would answer, from facts; it becomes part of the dialogue only by :meth:`add`.

        Raises:
            LanguageModelError: it took too long.
        """
        with self._lock:
            until = time.monotonic() + self._seconds
            if self._open:
                self._waiting.append("\n")
            self._stream.pin(self._facts(facts))
            self._open = question
            self._waiting.append(_asked(question))
            self._stream.append(self._unread())

            def check(_: Tensor, scores: Tensor) -> Tensor:
                if time.monotonic() > until:
                    raise LanguageModelError(f"wording took over {self._seconds:g} s")
                return scores

            return self._stream.draft(self._tokens, check).strip()

    def add(self, question: str, answer: str) -> None:
        """A question and what was answered to it; they are read when the model next writes."""
        lead = "" if self._open == question else ("\n" if self._open else "") + _asked(question)
        self._open = ""
        self._waiting.append(f"{lead} {' '.join(answer.split())}\n")

    def _unread(self) -> str:
        """What waits to be read, without what it would push out at once: a wording never reads more than the stream."""
        kept, room = [self._waiting.pop()], self._recent
        while self._waiting and (room := room - self._stream.length(self._waiting[-1])) >= 0:
            kept.append(self._waiting.pop())
        self._waiting.clear()
        return "".join(reversed(kept))

    def _facts(self, facts: Sequence[str]) -> str:
        """As many of the facts, from the first one on, as there is room for."""
        lines = ["Memory:\n", *(f"- {' '.join(fact.split())}\n" for fact in facts)]
        while len(lines) > 1 and self._stream.length("".join(lines)) > self._stream.pinnable:
            lines.pop()
        return "".join(lines) if len(lines) > 1 else ""


def _asked(question: str) -> str:
    return f"Question: {' '.join(question.split())}\nAnswer:"
