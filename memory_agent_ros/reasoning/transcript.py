"""What the language model reads: a question, names that may be meant, what was called so far and what it gave.

Training and answering write it with the same functions, so that the model meets nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from memory_agent_ros.reasoning.calls import ToolCall, format_call

#: Names of the ``Known:`` line.
KNOWN = 12
#: Longest result that is shown, characters; the model needs its kind and size, code keeps the rest.
RESULT_CHARS = 72


@dataclass(frozen=True)
class Turn:
    """A call and what it gave, shortened to a line."""

    call: ToolCall
    result: str


@dataclass(frozen=True)
class Transcript:
    """A question on its way to an answer.

    Attributes:
        question: as it was asked.
        known: entity names of the memory retrieved for it, likeliest first; the answer may lie elsewhere or nowhere.
        earlier: the previous question of the dialogue with its answer in a few words, or None.
        turns: calls so far.
    """

    question: str
    known: tuple[str, ...] = ()
    earlier: tuple[str, str] | None = None
    turns: tuple[Turn, ...] = ()

    def after(self, call: ToolCall, result: str) -> Transcript:
        """With one more call."""
        return Transcript(self.question, self.known, self.earlier, (*self.turns, Turn(call, shortened(result))))


def shortened(result: str) -> str:
    """One line of at most :data:`RESULT_CHARS` characters."""
    line = " ".join(result.split())
    return line if len(line) <= RESULT_CHARS else line[: RESULT_CHARS - 3].rstrip() + "..."


def prompt_head(transcript: Transcript) -> str:
    """The text before the first call."""
    lines = [f"Known: {', '.join(transcript.known[:KNOWN])}"]
    if transcript.earlier is not None:
        question, answer = transcript.earlier
        lines.append(f"Before: {' '.join(question.split())} {shortened(answer)}")
    lines.append(f"Question: {' '.join(transcript.question.split())}")
    return "\n".join(lines) + "\n"


def result_text(result: str) -> str:
    """What follows a call: its result, on a line of its own, ready for the next call."""
    return f"\n= {shortened(result)}\n"


def prompt_text(transcript: Transcript) -> str:
    """All of it, ending where the next call begins."""
    turns = "".join(format_call(turn.call) + result_text(turn.result) for turn in transcript.turns)
    return prompt_head(transcript) + turns


def context_text(facts: Sequence[str], question: str) -> str:
    """What the reader reads to answer from rendered memory: facts, then the question; the answer follows."""
    return "Memory:\n" + "".join(f"- {fact}\n" for fact in facts) + f"Question: {' '.join(question.split())}\nAnswer:"
