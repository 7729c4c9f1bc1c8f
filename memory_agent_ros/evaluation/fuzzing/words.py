"""Questions, tool calls and command lines made of hostile words."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import shutil
import signal
from pathlib import Path

from memory_agent_ros.evaluation.fuzzing import sample
from memory_agent_ros.evaluation.fuzzing.hostile import Hostile
from memory_agent_ros.evaluation.fuzzing.maps import folder_digest
from memory_agent_ros.evaluation.fuzzing.target import PartialWriteError, Target
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.reasoning.calls import parse_call
from memory_agent_ros.reasoning.dialogue import Dialogue
from memory_agent_ros.reasoning.reasoner import Reasoner
from memory_agent_ros.reasoning.toolbox import Toolbox
from memory_agent_ros.records.errors import MemoryAgentError

QUESTIONS = (
    "where is the red mug", "how many chairs are there", "when did you last see the desk", "what is near the chair",
    "is there a mug in room 1", "what has changed in the last 2 hours", "which chair is closest to the desk",
    "what was moved since yesterday", "is the mug on the desk", "what is the colour of the mug",
    "list all things in the kitchen", "how far is the mug from the desk", "where was the chair before",
    "are there more chairs than mugs", "where is it",
)  # fmt: skip
CALLS = (
    "find(chair)", "find(red mug, in=room 1)", "find(desk, state=gone)", "rooms()", "near($1, 1.5)",
    "near($1, 2, thing=chair)", "relation(on, $1)", "keep($1, $2)", "pick(nearest, $1, $2)", "pick(largest, $1)",
    "count($1)", "last_seen($1)", "history($1)", "changes(since=100, kind=moved)", "describe_view($1, colour)",
    "measure(distance, $1, $2)", "compare(more, $1, $2)", "find(anything)",
)  # fmt: skip
ANSWERS = (
    "answer(where, $1)", "answer(number, $2)", "answer(list, $1)", "answer(when, $3)", "answer(describe, $0)",
    "answer(yes_no, $3)", "answer(room, $2)", "answer(attribute, $3)", "answer(changes, $3)",
    "answer(where_before, $1)",
)  # fmt: skip
#: Command lines on a map M; each runs in well under a second.
COMMANDS = (
    "ask --map M --model none --vision none --embedder none where is the mug", "map info --map M",
    "map verify --map M --json", "map rooms --map M", "map relations --map M --object 1 --kind on",
    "map name-room --map M --room 1 --name kitchen", "merge M M --out O", "ingest M --map O",
    "show --map M --out O", "doctor --map M", "bench nothing --seeds 0:1", "--quiet map info --map M",
)  # fmt: skip


class Questions:
    """Questions to a small map, answered by rules and tools."""

    def __init__(self, folder: Path) -> None:
        self._memory = SpatialMemory.open(sample.write_sample_map(folder / "home.map"), sample.CONFIG, read_only=True)
        self._reasoner = Reasoner(self._memory)
        self._dialogue = Dialogue()

    def case(self, hostile: Hostile) -> bool:
        """Ask one."""
        question = hostile.damaged_text(hostile.pick(QUESTIONS))
        now_ns = hostile.pick([self._memory.last_stamp_ns, hostile.whole(-(2**63), 2**63 - 1), None])
        try:
            answer = self._reasoner.answer(question, now_ns, self._dialogue if hostile.chance(0.3) else None)
        except MemoryAgentError:
            return False
        answer.to_dict()
        return True

    def close(self) -> None:
        """Close the map."""
        self._memory.close()


class Calls:
    """Lists of tool calls, as a language model may write them, executed over a small map."""

    def __init__(self, folder: Path) -> None:
        self._memory = SpatialMemory.open(sample.write_sample_map(folder / "home.map"), sample.CONFIG, read_only=True)

    def case(self, hostile: Hostile) -> bool:
        """Execute one list."""
        lines = [*CALLS[:2], *(hostile.pick(CALLS) for _ in range(hostile.count(4))), hostile.pick(ANSWERS)]
        if hostile.chance(0.7):
            at = int(hostile.rng.integers(len(lines)))
            lines[at] = hostile.damaged_text(lines[at]) if hostile.chance(0.5) else _other_character(lines[at], hostile)
        box = Toolbox(
            self._memory, hostile.pick([None, hostile.whole(0, 2**63 - 1)]), before=hostile.pick([None, [1, 2], [99]])
        )
        try:
            answer, _ = box.run([parse_call(line) for line in lines])
        except MemoryAgentError:
            return False
        answer.to_dict()
        return True

    def close(self) -> None:
        """Close the map."""
        self._memory.close()


def _other_character(line: str, hostile: Hostile) -> str:
    at = int(hostile.rng.integers(len(line)))
    return line[:at] + hostile.pick([hostile.text(), "$", "9" * 30, ",", "=", ")", "("]) + line[at + hostile.count(3) :]


class CommandLines:
    """Command lines run in this process; the map must stay as it is where they are refused."""

    def __init__(self, folder: Path) -> None:
        self._sound = sample.write_sample_map(folder / "sound.map")
        self._home = folder / "home"
        self._main = importlib.import_module("memory_agent_ros.cli").main  # above this room: found by its name

    def case(self, hostile: Hostile) -> bool:
        """Run one; accepted if it ends with 0 or 1."""
        shutil.rmtree(self._home, ignore_errors=True)
        self._home.mkdir()
        path = Path(shutil.copy(self._sound, self._home / "home.map"))
        before = folder_digest(self._home)
        words = hostile.pick(COMMANDS).split(" ")
        for _ in range(hostile.count(3)):
            at = int(hostile.rng.integers(len(words)))
            words[at : at + hostile.pick([0, 1])] = [hostile.text().replace("/", "|")]
        arguments = [{"M": str(path), "O": str(self._home / "out")}.get(word, word) for word in words]
        here = os.getcwd()
        os.chdir(self._home)
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                code = self._main(arguments)
        except SystemExit as end:  # argparse
            code = 2 if end.code is None else int(end.code)
        finally:
            os.chdir(here)
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if code == 2 and path.exists() and folder_digest(self._home) != before:
            raise PartialWriteError(f"refused, but changed: {arguments} {sorted(p.name for p in self._home.iterdir())}")
        return bool(code != 2)

    def close(self) -> None:
        """Nothing is open."""


TARGETS = (
    Target("questions", Questions, share=6.0),
    Target("calls", Calls, share=6.0),
    Target("command_lines", CommandLines, share=1.5, limit_s=120.0),
)
