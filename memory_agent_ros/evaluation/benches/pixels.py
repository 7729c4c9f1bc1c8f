"""The ``pixels`` benchmark: colour, material and state of remembered things, read from their evidence pictures.

Closed sets of answers, none of them right of more than a quarter of the questions about its aspect (state: a third).
The question never names the thing. Primary contrast, named beforehand: ``accuracy`` of the reader less that of the
same reader on the pictures of other things. A colour histogram fitted on train crops is the reader without a network.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memory_agent_ros.evaluation.outcome import Outcome
from memory_agent_ros.evaluation.vision.pixels import pixel_accuracy


def bench(split: str, seeds: range, jobs: int, options: Mapping[str, Any]) -> Outcome:
    """Run the benchmark.

    Args:
        split: split of the apartments.
        seeds: apartments.
        jobs: processes that remember apartments.
        options: ``progress`` (bool), ``reader`` (a name for
            :func:`~memory_agent_ros.reasoning.vision.readers.vision_reader`, or a reader).
    """
    reader = options.get("reader") or "embedded"
    return pixel_accuracy(split, seeds, reader=reader, jobs=jobs, progress=bool(options.get("progress", False)))
