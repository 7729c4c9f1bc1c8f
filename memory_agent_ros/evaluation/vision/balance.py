"""Questions of which no answer is right too often, so that one answer for all of them is a poor guess."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from memory_agent_ros.records.looks import COLOUR, MATERIAL, STATE

#: An answer is right of at most this share of the questions about an aspect, where there are enough others.
MOST = {COLOUR: 0.25, MATERIAL: 0.25, STATE: 0.34}


def balanced(answers: Sequence[str], most: float, rng: np.random.Generator) -> list[int]:
    """Rows of as many answers as leave none more than a share ``most`` of them; which, is drawn."""
    groups: dict[str, list[int]] = {}
    for row in rng.permutation(len(answers)).tolist():
        groups.setdefault(answers[row], []).append(row)
    limit = max((len(g) for g in groups.values()), default=0)
    while limit > 1 and limit > most * sum(min(limit, len(g)) for g in groups.values()):
        limit -= 1
    return sorted(row for group in groups.values() for row in group[:limit])
