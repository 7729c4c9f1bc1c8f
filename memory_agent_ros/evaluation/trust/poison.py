"""The poison part of the ``trust`` benchmark: false observations from one of three robots, with and without defence.

Three robots watch an apartment in two visits, with changes between. One of them is in an attacker's hands. The same
questions are put, by their right calls, to memories that nobody lies to, that are poisoned and believe everything, and
that are poisoned, weigh their sources and hold back what looks injected. Named beforehand: ``poison_loss_ratio`` is the
accuracy lost with the defence over that lost without, summed over the attacks and shares whose undefended loss is at
least ten points.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.outcome import Outcome
from memory_agent_ros.evaluation.parallel import spread
from memory_agent_ros.evaluation.qa.scoring import RoomKey, right
from memory_agent_ros.evaluation.qa.tasks import form_of
from memory_agent_ros.evaluation.statistics import Figure, Goal, figure, mean, ratio_of_sums
from memory_agent_ros.evaluation.trust.attacks import ATTACKS, Stream, attacked, honest
from memory_agent_ros.evaluation.trust.poison_world import ATTACKED, PoisonWorld, poison_world
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.reasoning.calls import CallError
from memory_agent_ros.reasoning.toolbox import Toolbox

#: Shares of all observations that are false.
SHARES = (0.05, 0.15, 0.30)
#: An undefended loss from which on a case counts.
COUNTS_FROM = 0.10
HONEST = "honest"


@dataclass(frozen=True)
class Case:
    """One attack at one share in one apartment: right answers, and what the memory thought of its sources.

    Attributes:
        attack: name, ``honest`` for none.
        share: asked for; ``false`` the share that came out.
        asked: questions; ``undefended`` and ``defended`` of them answered right.
        trust: of each robot at the end, with the defence.
        quarantined: whether the attacked robot was held back at the end, with the defence.
    """

    attack: str
    share: float
    false: float
    asked: int
    undefended: int
    defended: int
    trust: tuple[float, ...]
    quarantined: bool


@dataclass(frozen=True)
class PoisonedApartment:
    """One apartment's cases, the honest one first."""

    seed: int
    cases: tuple[Case, ...]


def run_apartment(
    split: str,
    seed: int,
    attacks: Sequence[str] = tuple(ATTACKS),
    shares: Sequence[float] = SHARES,
    config: MemoryConfig | None = None,
) -> PoisonedApartment:
    """All attacks on one apartment."""
    config = config or MemoryConfig()
    world = poison_world(split, seed)
    cases = [_case(world, HONEST, 0.0, honest(world), config)]
    for attack in attacks:
        for share in shares:
            cases.append(_case(world, attack, share, attacked(world, attack, share, seed), config))
    return PoisonedApartment(seed, tuple(cases))


def undefended(config: MemoryConfig) -> MemoryConfig:
    """The ablation: every source is believed alike, and nothing is held back."""
    return dataclasses.replace(
        config,
        trust=dataclasses.replace(config.trust, weigh=False),
        quarantine=dataclasses.replace(config.quarantine, hold=False),
    )


def _case(world: PoisonWorld, attack: str, share: float, stream: Stream, config: MemoryConfig) -> Case:
    with replayed(stream, undefended(config)) as memory:
        without = answered(world, memory)
    with replayed(stream, config) as memory:
        with_it = answered(world, memory)
        sources = sorted(memory.sources, key=lambda s: s.source.sensor)
    return Case(
        attack, share, stream.share, len(world.questions), without, with_it,
        tuple(round(s.trust, 3) for s in sources), sources[ATTACKED].quarantined,
    )  # fmt: skip


def replayed(stream: Stream, config: MemoryConfig) -> SpatialMemory:
    """A memory in working memory that lived through a stream."""
    memory = SpatialMemory.open(None, config)
    for frame, observations in stream.frames:
        memory.observe(frame, observations)
    return memory


def answered(world: PoisonWorld, memory: SpatialMemory) -> int:
    """How many questions a memory answers right, asked by their right calls."""
    key = RoomKey(memory.rooms(), world.truth.rooms())
    good = 0
    for sample in world.questions:
        try:
            answer, _ = Toolbox(memory, world.truth.now_ns).run(sample.asked.calls)
        except CallError:
            continue
        good += right(answer, sample.asked.truth, form_of(sample.asked), key)
    return good


# ---------------------------------------------------------------------- figures


def bench_poison(split: str, seeds: range, jobs: int, options: Mapping[str, Any]) -> Outcome:
    """Run this part.

    Args:
        split: split of the apartments.
        seeds: apartments.
        jobs: processes.
        options: ``progress`` (bool), ``memory`` (:class:`~memory_agent_ros.memory.config.MemoryConfig`), ``attacks``
            (names), ``shares`` (of all observations).
    """
    attacks, shares = tuple(options.get("attacks") or ATTACKS), tuple(options.get("shares") or SHARES)
    calls = [(split, seed, attacks, shares, options.get("memory")) for seed in seeds]
    progress = bool(options.get("progress", False))
    found = spread(run_apartment, calls, jobs, f"poison {split}", "apartment", progress=progress)
    runs = sorted(found, key=lambda r: r.seed)
    arms = {case_name(a, s): _arm(runs, a, s) for a in attacks for s in shares}
    arms[HONEST] = _arm(runs, HONEST, 0.0)
    return Outcome(poison_figures(runs), arms, [dataclasses.asdict(r) for r in runs])


def poison(seeds: range, jobs: int, options: Mapping[str, Any]) -> tuple[dict[str, Figure], list[dict[str, Any]]]:
    """This part as one of the benchmark: figures, and the cases of each apartment."""
    outcome = bench_poison(str(options.get("split", "val")), seeds, jobs, options)
    figures = dict(outcome.figures)
    for arm, own in outcome.arms.items():
        figures |= {f"poison_{arm}_{name}": value for name, value in own.items() if name.startswith("accuracy")}
    return figures, outcome.details


def case_name(attack: str, share: float) -> str:
    """What an attack at a share is called among the arms."""
    return f"{attack}_{round(100 * share)}"


def poison_figures(runs: Sequence[PoisonedApartment]) -> dict[str, Figure]:
    """The figures of what ships."""
    counted = counted_cases(runs)
    rows = [_losses(run, counted) for run in runs]
    out = {
        "poison_loss_ratio": figure(rows, _loss_ratio, "", Goal("max", 1 / 3)),
        "poison_cases_counted": Figure(float(len(counted)), np.nan, np.nan),
        "poison_accuracy_honest": figure([_right(r, HONEST, 0.0, True) for r in runs], ratio_of_sums),
        "poison_cost_when_honest": figure([_honest_cost(r) for r in runs], ratio_of_sums, "", Goal("max", 0.02)),
    }
    if counted:
        out["poison_worst_ratio"] = _worst(runs, counted)
    return out


def counted_cases(runs: Sequence[PoisonedApartment]) -> list[tuple[str, float]]:
    """Attacks and shares that cost the undefended memory at least ten points over all apartments."""
    names = sorted({(c.attack, c.share) for r in runs for c in r.cases if c.attack != HONEST})
    return [n for n in names if _loss(runs, *n, defended=False) >= COUNTS_FROM]


def _arm(runs: Sequence[PoisonedApartment], attack: str, share: float) -> dict[str, Figure]:
    own = [[c for c in r.cases if (c.attack, c.share) == (attack, share)] for r in runs]
    return {
        "accuracy": figure([_right(r, attack, share, True) for r in runs], ratio_of_sums),
        "accuracy_undefended": figure([_right(r, attack, share, False) for r in runs], ratio_of_sums),
        "false_share": figure([[c.false] for cases in own for c in cases], mean),
        "trust_of_attacked": figure([[c.trust[ATTACKED]] for cases in own for c in cases], mean),
        "least_trust_of_honest": figure([[min(c.trust[:ATTACKED])] for cases in own for c in cases], mean),
        "quarantined": figure([[float(c.quarantined)] for cases in own for c in cases], mean),
    }


def _case_of(run: PoisonedApartment, attack: str, share: float) -> Case:
    return next(c for c in run.cases if (c.attack, c.share) == (attack, share))


def _right(run: PoisonedApartment, attack: str, share: float, defended: bool) -> list[float]:
    case = _case_of(run, attack, share)
    return [float(case.defended if defended else case.undefended), float(case.asked)]


def _honest_cost(run: PoisonedApartment) -> list[float]:
    case = _case_of(run, HONEST, 0.0)
    return [float(case.undefended - case.defended), float(case.asked)]


def _losses(run: PoisonedApartment, cases: Sequence[tuple[str, float]]) -> list[float]:
    """Answers lost with the defence and without, against a memory to which nobody lies and which believes everybody."""
    best = _case_of(run, HONEST, 0.0).undefended
    found = [_case_of(run, *c) for c in cases]
    return [float(sum(best - c.defended for c in found)), float(sum(best - c.undefended for c in found))]


def _loss_ratio(data: NDArray[np.float64]) -> float:
    with_it, without = data.sum(axis=0)
    return float(with_it / without) if without > 0 else float("nan")


def _loss(runs: Sequence[PoisonedApartment], attack: str, share: float, *, defended: bool) -> float:
    """Share of the questions that an attack costs."""
    lost = np.array([_losses(r, [(attack, share)]) for r in runs]).sum(axis=0)
    asked = sum(_case_of(r, attack, share).asked for r in runs)
    return float(lost[0 if defended else 1] / asked) if asked else 0.0


def _worst(runs: Sequence[PoisonedApartment], cases: Sequence[tuple[str, float]]) -> Figure:
    """The largest ratio of a single case."""
    ratios = {c: _loss_ratio(np.array([_losses(r, [c]) for r in runs])) for c in cases}
    worst = max(ratios, key=lambda c: ratios[c])
    return figure([_losses(r, [worst]) for r in runs], _loss_ratio)
