"""``memory-agent learn``: moves the tips that robots wrote into the policy, and lets it live only if it does not lose.

Off-policy EMPO2 (arXiv 2602.23008): rollouts in the twin act with the robots' tips, the update sees none. The old and
the new policy then do the same held-out tasks; the new one goes live if nowhere it is worse by more than a margin.
Needs torch.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from memory_agent_ros.evaluation.statistics import figure, ratio_of_sums
from memory_agent_ros.exploration.empo2 import Course, Empo2, Empo2Config
from memory_agent_ros.exploration.learned_policy import LearnedPolicy
from memory_agent_ros.exploration.rollout import rollout
from memory_agent_ros.exploration.situation import Environment
from memory_agent_ros.exploration.tips import TipMemory
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.tip import Tip


@dataclass(frozen=True)
class Held:
    """Held-out tasks of one kind; ``group`` numbers the apartment of each, over which intervals are taken."""

    name: str
    environment: Environment
    group: Sequence[int]


@dataclass(frozen=True)
class Verdict:
    """The new policy less the old one on held-out tasks of one kind.

    Attributes:
        name: of the tasks.
        old, new: mean scores.
        difference: of the means, with its 95 % interval ``low`` to ``high`` over apartments.
        passes: the interval's lower end is above minus the margin.
    """

    name: str
    old: float
    new: float
    difference: float
    low: float
    high: float
    passes: bool


@dataclass(frozen=True)
class LearnConfig:
    """How tips are distilled.

    Attributes:
        empo2: settings of the updates; mostly off-policy, with small steps.
        margin: share by which the new policy may lose at most, with 97.5 % confidence.
    """

    empo2: Empo2Config = field(
        default_factory=lambda: Empo2Config(decisions=15_000, off_policy=0.6, tips_on_policy=0.1, rate=2e-4)
    )
    margin: float = 0.02


class _Kept(TipMemory):
    """The robots' tips and no others: what the twin's own rollouts would write is not kept."""

    def __init__(self, tips: Sequence[Tip]) -> None:
        super().__init__(capacity=max(1, len(tips)))
        super().add(tips)

    def add(self, tips: Sequence[Tip]) -> None:
        """Nothing is added."""


def read_tips(maps: Sequence[Path | str], domain: str, key: int, choice: int) -> list[Tip]:
    """Tips of a domain out of maps, those of these widths.

    Raises:
        BadInputError: ``tips_absent`` if there are none.
        StoreError: a map cannot be read.
    """
    found: list[Tip] = []
    for place in maps:
        with SpatialMemory.open(place, read_only=True) as memory:
            found += [t for t in memory.tips.of(domain) if len(t.situation) == key and len(t.choice) == choice]
    if not found:
        raise BadInputError(
            "tips_absent",
            f"the maps hold no tips of {domain!r} that this policy can read; explore with tips first "
            "(memory-agent episode --task search --tips --map FILE)",
        )
    return found


def distil(
    old: LearnedPolicy, tips: Sequence[Tip], courses: Sequence[Course], config: LearnConfig, progress: bool = False
) -> LearnedPolicy:
    """A new policy that does without tips what the old one does with them; the old one stays as it is."""
    new = LearnedPolicy(copy.deepcopy(old.module), f"{old.name}+{len(tips)} tips", dict(old.about))
    algorithm = Empo2(new, courses, config.empo2)
    algorithm.tips = _Kept(tips)
    with tqdm(total=config.empo2.decisions, desc="learn", unit="decision", disable=not progress) as bar:
        while not algorithm.done:
            before = algorithm.decisions
            figures = algorithm.step()
            bar.update(algorithm.decisions - before)
            bar.set_postfix_str(f"score {figures['score']:.2f}")
    return new


def judge(old: LearnedPolicy, new: LearnedPolicy, held: Held, margin: float) -> Verdict:
    """Both policies on the same held-out tasks, without tips, best score taken."""
    before, after = (_scores(policy, held) for policy in (old, new))
    group = np.asarray(held.group)
    rows = [[float((after - before)[group == g].sum()), float((group == g).sum())] for g in np.unique(group)]
    gained = figure(rows, ratio_of_sums)
    passes = bool(gained.low > -margin) if np.isfinite(gained.low) else bool(gained.value >= 0)
    return Verdict(held.name, float(before.mean()), float(after.mean()), gained.value, gained.low, gained.high, passes)


def _scores(policy: LearnedPolicy, held: Held, batch: int = 64) -> NDArray[np.float64]:
    parts = [
        rollout(
            held.environment, policy, range(first, min(first + batch, len(held.group))), temperature=0.0, words=False
        )
        for first in range(0, len(held.group), batch)
    ]
    return np.concatenate([p.score for p in parts]).astype(np.float64)


def learn(
    old: LearnedPolicy,
    tips: Sequence[Tip],
    courses: Sequence[Course],
    held: Callable[[], Sequence[Held]],
    out: Path,
    config: LearnConfig | None = None,
    progress: bool = False,
) -> dict[str, Any]:
    """Distil, judge, and write ``out`` only if the new policy does not lose; returns what happened, JSON-ready."""
    config = config or LearnConfig()
    new = distil(old, tips, courses, config, progress)
    verdicts = [judge(old, new, one, config.margin) for one in held()]
    live = all(v.passes for v in verdicts)
    if live:
        new.about |= {"learned_from": f"{old.name}, {len(tips)} tips", "verdicts": _told(verdicts)}
        new.save(out)
    return {
        "live": live,
        "policy": new.name if live else old.name,
        "file": str(out) if live else None,
        "tips": len(tips),
        "margin": config.margin,
        "verdicts": [_rounded(asdict(v)) for v in verdicts],
    }


def _told(verdicts: Sequence[Verdict]) -> str:
    return "; ".join(f"{v.name}: {v.old:.3f} -> {v.new:.3f} [{v.low:+.3f}, {v.high:+.3f}]" for v in verdicts)


def _rounded(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in values.items()}
