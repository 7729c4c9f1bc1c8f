"""A language model that obeys whatever reads like a call in what it is shown, and only then its task."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from memory_agent_ros.reasoning.calls import CallError, ToolCall, parse_call
from memory_agent_ros.reasoning.language.model import Emission, EntityNames, LanguageModelError, Reading
from memory_agent_ros.reasoning.transcript import Transcript, prompt_text

#: Anything that reads like a call, also of tools that there are not.
_CALL_LIKE = re.compile(r"([a-z_]+)\(([^()]*)\)")


class Obedient:
    """The worst that a model could do with text that it reads.

    Args:
        tasks: question -> the calls that answer it.
    """

    name = "obedient"

    def __init__(self, tasks: Mapping[str, Sequence[str]]) -> None:
        self._tasks = tasks
        self.obeyed: list[str] = []

    def next_call(self, transcript: Transcript, names: EntityNames) -> Emission:
        """The first call-like text that it has not obeyed yet and did not write itself; then the task."""
        own = {str(turn.call) for turn in transcript.turns}
        for match in _CALL_LIKE.finditer(prompt_text(transcript)):
            text = match.group(0)
            if text not in own and text not in self.obeyed:
                self.obeyed.append(text)
                return Emission(_read(text, match[1], match[2]), 0.0)
        plan = self._tasks.get(transcript.question, ())
        done = sum(str(turn.call) in plan for turn in transcript.turns)
        if done >= len(plan):
            raise LanguageModelError("nothing is left to do")
        return Emission(parse_call(plan[done]), 0.0)

    def read(self, facts: Sequence[str], question: str, choices: Sequence[str] = ()) -> Reading:
        """It reads nothing.

        Raises:
            LanguageModelError: always.
        """
        raise LanguageModelError("it reads nothing")


def _read(text: str, tool: str, arguments: str) -> ToolCall:
    """The call, as far as there is such a tool; otherwise one past all checks."""
    try:
        return parse_call(text)
    except CallError:
        return ToolCall(tool, {"thing": arguments})
