"""What happened in the demo, as plain records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from memory_agent_ros.nodes.demo.questions import DemoQuestion
from memory_agent_ros.nodes.demo.world import World, WorldEdit
from memory_agent_ros.records.answer import Answer


@dataclass(frozen=True)
class Asked:
    """A question, its answer, and whether that was right."""

    question: DemoQuestion
    answer: Answer
    ok: bool


@dataclass
class Story:
    """What happened, for the report.

    Attributes:
        phases: name, start and end in simulated nanoseconds.
        rounds: result of each Explore action: stop reason, coverage, metres.
        wall_s: seconds by part of the demo.
        explored_by: the policy that chose where to explore, or why it was the nearest frontier.
    """

    world: World
    edits: list[WorldEdit] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    phases: list[tuple[str, int, int]] = field(default_factory=list)
    rounds: dict[str, dict[str, float | str]] = field(default_factory=dict)
    wall_s: dict[str, float] = field(default_factory=dict)
    explored_by: str = ""


@dataclass(frozen=True)
class DemoResult:
    """Where everything lies and how it went."""

    paths: dict[str, str]
    questions: list[dict[str, Any]]
    edits: list[dict[str, Any]]
    rounds: dict[str, dict[str, float | str]]
    wall_s: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "right": sum(bool(q["ok"]) for q in self.questions),
            "asked": len(self.questions),
            "noticed": sum(bool(e["noticed"]) for e in self.edits),
            "changed": len(self.edits),
            "questions": self.questions,
            "edits": self.edits,
            "rounds": self.rounds,
            "wall_s": {name: round(seconds, 1) for name, seconds in self.wall_s.items()},
            "paths": self.paths,
        }
