"""What the situations of an environment were made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from memory_agent_ros.exploration.candidates import KINDS, Choices, Indices, Places, Things
from memory_agent_ros.records.decision import CandidateKind


@dataclass(frozen=True, eq=False)
class Scene:
    """What the last situations were made of; for what is not a policy: texts, privileged ceilings, reports.

    Attributes:
        rows: (b,) the episodes that go on; the rest has b rows for them.
    """

    rows: Indices
    places: Places
    things: Things
    choices: Choices

    def text(self, row: int, choice: int, rooms: Sequence[str], labels: Sequence[str]) -> str:
        """A candidate of an episode in words, with the names of its apartment's rooms and things."""
        at = int(np.searchsorted(self.rows, row))
        kind = KINDS[self.choices.kind[choice]]
        if kind is CandidateKind.STOP or at >= len(self.rows) or self.rows[at] != row:
            return "stop here"
        place, thing = self.choices.place[at, choice], self.choices.thing[at, choice]
        what = f"look at the {labels[thing]} in" if thing >= 0 else f"{kind} in"
        return f"{what} the {rooms[self.places.room[at, place]]}, {self.places.path_m[at, place]:.1f} m away"
