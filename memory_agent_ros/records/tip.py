"""Tips: what an agent wrote down after an episode, for itself later."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class TipSource:
    """Where a tip comes from.

    Attributes:
        episode: name of the episode, unique within the store.
        step: decision within it, from 0.
        policy: name and version of the policy that acted.
        stamp_ns: when the episode ended.
        world: map or environment it was lived in.
    """

    episode: str
    step: int
    policy: str
    stamp_ns: int
    world: str


@dataclass(frozen=True, eq=False)
class Tip:
    """One decision of an episode: the situation, what was chosen, how the episode ended.

    Attributes:
        domain: kind of task; tips are looked up within one domain only.
        goal: what was looked for or asked, as text; may be empty.
        situation: (K,) float32 unit vector, the key of this decision's situation.
        choice: (F,) float32 features of the candidate that was chosen.
        kind: kind of that candidate.
        score: of the whole episode, 0 (failed) to 1.
        text: the tip in words, written from the fields above and what was learned.
        source: provenance.
        objects: ids of the map's objects it is about; forgetting one of them erases the tip.
    """

    domain: str
    goal: str
    situation: NDArray[np.float32]
    choice: NDArray[np.float32]
    kind: str
    score: float
    text: str
    source: TipSource
    objects: tuple[int, ...] = ()
