"""Language models that write what a test tells them to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from memory_agent_ros.reasoning.calls import parse_call
from memory_agent_ros.reasoning.language.model import Emission, EntityNames, LanguageModelError, Reading
from memory_agent_ros.reasoning.transcript import Transcript


class Scripted:
    """Writes its lines one after another, then fails."""

    name = "scripted"

    def __init__(self, *lines: str, log_prob: float = 0.0, mass: float = 1.0) -> None:
        self.lines = list(lines)
        self.log_prob, self.mass = log_prob, mass
        self.read_transcripts: list[Transcript] = []

    def next_call(self, transcript: Transcript, names: EntityNames) -> Emission:
        self.read_transcripts.append(transcript)
        if not self.lines:
            raise LanguageModelError("nothing is left to say")
        return Emission(parse_call(self.lines.pop(0)), self.log_prob, self.mass, tokens=7)

    def read(self, facts: Sequence[str], question: str, choices: Sequence[str] = ()) -> Reading:
        raise LanguageModelError("reads nothing")


class Answering(Scripted):
    """Decides by the transcript what it writes."""

    def __init__(self, decide: Callable[[Transcript], str]) -> None:
        super().__init__()
        self.decide = decide

    def next_call(self, transcript: Transcript, names: EntityNames) -> Emission:
        self.read_transcripts.append(transcript)
        return Emission(parse_call(self.decide(transcript)), -0.1, 1.0, tokens=7)
