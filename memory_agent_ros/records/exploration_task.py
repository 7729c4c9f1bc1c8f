"""One record for all tasks of exploration, and how an episode of one ended."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class TaskKind(enum.StrEnum):
    """What exploration is for."""

    DISCOVER = "discover"
    SEARCH = "search"
    LIFELONG = "lifelong"
    VERIFY = "verify"


@dataclass(frozen=True)
class ExplorationTask:
    """A task in an apartment.

    Attributes:
        kind: ``discover`` (find as many objects per metre as possible), ``search`` (go to one object and stop there),
            ``lifelong`` (a chain of searches with one memory, the world edited between), ``verify`` (look again at
            what is stale).
        goals: what to search for, one text for ``search``, several for ``lifelong``, none else. A category, an
            attribute with a category ("red mug"), or free text.
        split, seed: the apartment.
        placement: how things were put there: ``uniform``, ``habitual``, ``shifted``, or a named kind of apartment.
        budget_m: metres that may be driven for each goal.
        max_decisions: choices that may be made for each goal.
        edits: how many things are moved between two goals of ``lifelong``.
    """

    kind: TaskKind
    split: str
    seed: int
    goals: tuple[str, ...] = ()
    placement: str = "habitual"
    budget_m: float = 30.0
    max_decisions: int = 40
    edits: int = 0


@dataclass(frozen=True)
class EpisodeOutcome:
    """How an episode of one goal ended.

    Attributes:
        success: search: the robot stopped within sight of such an object (2.5 m or less).
        spl: success weighted by path length (Anderson et al., arXiv 1807.06757): success times the shortest path over
            the longer of driven and shortest path, 0 to 1.
        metres: driven.
        decisions: choices made.
        wrong_declarations: stops where there was no such object.
        found: share of the apartment's movable objects that were seen.
        auc: mean of ``found`` over the budget in metres, 0 to 1.
        stop_reason: reason code.
    """

    success: bool
    spl: float
    metres: float
    decisions: int
    wrong_declarations: int
    found: float
    auc: float
    stop_reason: str
