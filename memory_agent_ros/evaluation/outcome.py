"""What a benchmark measured, before it becomes a result file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from memory_agent_ros.evaluation.statistics import Figure


@dataclass(frozen=True)
class Outcome:
    """What a benchmark measured.

    Attributes:
        figures: name -> figure of what ships.
        arms: arm -> such figures of ablations and baselines.
        details: per-scene numbers for people who look closer, JSON-ready; not part of the result file.
    """

    figures: Mapping[str, Figure]
    arms: Mapping[str, Mapping[str, Figure]] = field(default_factory=dict)
    details: list[dict[str, Any]] = field(default_factory=list)


#: (split, seeds, jobs, options) -> outcome.
Benchmark = Callable[[str, range, int, Mapping[str, Any]], Outcome]
