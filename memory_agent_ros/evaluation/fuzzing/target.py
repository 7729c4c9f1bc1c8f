"""What is fuzzed: a border of the package that takes one hostile input after another."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from memory_agent_ros.evaluation.fuzzing.hostile import Hostile


class PartialWriteError(Exception):
    """A refused input has changed what it should have left alone."""


class UnsoundError(Exception):
    """An input was accepted that leaves unusable what took it in."""


class Subject(Protocol):
    """A border made ready."""

    def case(self, hostile: Hostile) -> bool:
        """Try one input; whether it was accepted.

        False: it was refused by an error of our own and changed nothing. Everything that is raised is a find.
        """
        ...

    def close(self) -> None:
        """Put away what was made ready."""
        ...


@dataclass(frozen=True)
class Target:
    """A border by name.

    Attributes:
        name: of the border.
        ready: makes it ready in an empty folder of its own; takes seconds at most.
        share: weight of its cases among all; of all targets together 100, less for those that take long.
        limit_s: a case that takes longer hangs, wall seconds; wide, since other processes may keep the cores busy.
    """

    name: str
    ready: Callable[[Path], Subject]
    share: float = 1.0
    limit_s: float = 30.0


def targets(modules: Sequence[str]) -> Mapping[str, Target]:
    """The targets of modules that have a list ``TARGETS``, by name."""
    return {target.name: target for name in modules for target in importlib.import_module(name).TARGETS}
