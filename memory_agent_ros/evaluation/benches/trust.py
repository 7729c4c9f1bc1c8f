"""The ``trust`` benchmark: what a memory withstands, and what is left of what it forgets; one part a module.

``--arms`` names the parts to run, all by default.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from memory_agent_ros.evaluation.outcome import Outcome
from memory_agent_ros.evaluation.statistics import Figure
from memory_agent_ros.records.errors import BadInputError

#: Part -> (module, function); each function gives figures and details for (seeds, jobs, options).
PARTS = {
    "tampering": ("memory_agent_ros.evaluation.trust.tampering", "tampering"),
    "forgetting": ("memory_agent_ros.evaluation.trust.forgetting", "forgetting"),
    "crashes": ("memory_agent_ros.evaluation.trust.crashes", "crashes"),
    "overhead": ("memory_agent_ros.evaluation.trust.overhead", "overhead"),
    "poison": ("memory_agent_ros.evaluation.trust.poison", "poison"),
}


def bench(split: str, seeds: range, jobs: int, options: Mapping[str, Any]) -> Outcome:
    """Run the benchmark.

    Args:
        split: of the apartments of ``poison``, ``crashes`` and ``overhead``; to the other parts all splits are alike.
        seeds: worlds of each part.
        jobs: processes.
        options: ``progress`` (bool), ``arms`` (parts), and those of the parts.

    Raises:
        BadInputError: ``trust_part``: there is no such part.
    """
    given = {**options, "split": split}
    figures, details = dict[str, Figure](), list[dict[str, Any]]()
    for name in options.get("arms") or PARTS:
        if name not in PARTS:
            raise BadInputError("trust_part", f"there is no part {name!r}; there are: {', '.join(PARTS)}")
        module, function = PARTS[name]
        found, told = getattr(importlib.import_module(module), function)(seeds, jobs, given)
        figures |= found
        details += [{"part": name, **one} for one in told]
    return Outcome(figures, {}, details)
