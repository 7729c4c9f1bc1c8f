"""What adapters answered, without a look into the memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from memory_agent_ros.records.source import Source


@dataclass(frozen=True)
class Recall:
    """An answer from internalised memory.

    Attributes:
        text: the answer: one of the choices, or what was written freely.
        share: how sure that is: its probability among the choices, by likelihood or by how much the adapter made them
            likelier, whichever is smaller; of a free text, how much likelier the adapter made a token of it.
        relevance: probability that what was asked of the adapter is in it, [0, 1].
        sources: what the chunks were made from that were asked, most relevant first.
        probabilities: of the choices, by likelihood, by choice; empty of a free text.
    """

    text: str
    share: float
    relevance: float
    sources: tuple[Source, ...]
    probabilities: Mapping[str, float] = field(default_factory=dict)

    @property
    def confidence(self) -> float:
        """That the answer is right: the adapter holds it, and reads it out as it is."""
        return self.relevance * self.share
