"""Tips at run time: read before each choice, written after each run into the map's store."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from memory_agent_ros.exploration.codes import Mode, StopReason
from memory_agent_ros.exploration.run_state import Experience, RunState
from memory_agent_ros.exploration.situation import Array
from memory_agent_ros.exploration.tips import Retrieved, TipMemory, tip_text
from memory_agent_ros.memory.storage.tip_book import TipBook
from memory_agent_ros.records.decision import Candidate, CandidateKind
from memory_agent_ros.records.tip import Tip, TipSource


class MapTips:
    """A :class:`~memory_agent_ros.exploration.tips.TipStore` over the tips of a map.

    Tips of other widths (of another version of the features) are left alone and not read.

    Args:
        book: ``SpatialMemory.tips``.
    """

    def __init__(self, book: TipBook) -> None:
        self._book = book
        self._read: dict[tuple[str, int], TipMemory] = {}

    def add(self, tips: Sequence[Tip]) -> None:
        """Keep tips in the map."""
        self._book.remember(tips)
        self._read.clear()

    def retrieve(self, domain: str, keys: Array) -> Retrieved:
        """(B, K) unit keys -> the tips for each."""
        width = keys.shape[1]
        if (domain, width) not in self._read:
            memory = TipMemory()
            fitting = [t for t in self._book.of(domain) if len(t.situation) == width]
            newest = len(fitting[-1].choice) if fitting else 0
            memory.add([t for t in fitting if len(t.choice) == newest])
            self._read[domain, width] = memory
        return self._read[domain, width].retrieve(domain, keys)

    def tips(self, domain: str) -> list[Tip]:
        """All tips of a domain, oldest first."""
        return self._book.of(domain)


def domain_of(mode: Mode) -> str:
    """Name under which tips of a mode are kept."""
    return str(mode)


def own_score(run: RunState) -> float:
    """What the robot itself makes of a run, 0 to 1: whether it found what it searched for, else the floor it saw."""
    if run.request.mode is Mode.SEARCH:
        return float(run.stop_reason is StopReason.GOAL_FOUND)
    return float(np.clip(run.coverage, 0.0, 1.0))


def tips_of(run: RunState, score: float, *, episode: str, world: str, stamp_ns: int) -> list[Tip]:
    """One tip for each choice of a run.

    Args:
        run: that has ended.
        score: of the run, 0 to 1; see :func:`own_score`.
        episode: name of the run, unique within the map.
        world: name of the map.
        stamp_ns: when it ended.
    """
    domain, goal = domain_of(run.request.mode), run.request.goal
    return [
        Tip(
            domain,
            goal,
            one.key,
            one.choice,
            one.kind,
            score,
            tip_text(goal, one.text, score, len(run.experience)),
            TipSource(episode, step, run.decisions[step].policy, stamp_ns, world),
            one.objects,
        )
        for step, one in enumerate(run.experience)
    ]


def experience_of(candidate: Candidate, key: Array, choice: Array) -> Experience:
    """What a choice leaves for a tip: (K,) key of its situation, (F,) features of what was chosen."""
    where = f" in the {candidate.room}" if candidate.room else ""
    if candidate.kind is CandidateKind.STOP:
        text = f"stop at the {candidate.label}" if candidate.label else "stop here"
    elif candidate.label:
        text = f"{candidate.kind} on the {candidate.label}{where}"
    else:
        text = f"{candidate.kind}{where}"
    objects = () if candidate.object_id is None else (candidate.object_id,)
    return Experience(key.astype(np.float32), choice.astype(np.float32), str(candidate.kind), text, objects)
