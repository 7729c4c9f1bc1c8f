"""The ``unlearn`` benchmark: is a class of the recognition head gone as if it had never been learnt?

A seed draws classes, their crops, the weights, and which classes are forgotten, each alone; a row is a seed, so that
intervals are over seeds. ``retain_drop`` is the accuracy over the other classes less that of ``retrained``;
``retain_drop_from_original`` is held against the original. ``probe_recovery`` is a linear probe's, given twenty crops
of each class; ``told_apart`` is the share of classes in which the audit parts the network from nine retrained ones.
Arms that begin with ``reid_`` are
of a network with the shape of the re-identification embedder. Primary contrast, named beforehand: probe recovery of
ours lies within the 95 % interval of ``retrained``, and that of ``masking_only`` does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from memory_agent_ros.evaluation.outcome import Outcome
from memory_agent_ros.evaluation.parallel import spread
from memory_agent_ros.evaluation.statistics import Figure, Goal, figure, mean

if TYPE_CHECKING:
    from memory_agent_ros.evaluation.unlearning.arms import Trial, Trials

#: Apartments whose crops are dealt, of each split.
APARTMENTS = {"train": 24, "val": 6, "test": 6}
#: Classes of a task where there are fewer apartments.
CLASSES = {"train": 16, "val": 12, "test": 12}


def bench(split: str, seeds: range, jobs: int, options: Mapping[str, Any]) -> Outcome:
    """Run the benchmark.

    Args:
        split: split of the apartments whose crops are dealt.
        seeds: of trials.
        jobs: processes.
        options: ``progress`` (bool), ``trials`` (:class:`~memory_agent_ros.evaluation.unlearning.arms.Trials`),
            ``arms`` (these only).
    """
    trials, progress = _trials(split, options), bool(options.get("progress", False))
    calls = [(split, seed, trials) for seed in seeds]
    found = spread(run, calls, jobs, f"unlearn {split}", "seed", progress=progress, tell=_tell)
    runs = sorted(found, key=lambda trials: trials[0].seed)
    arms = {arm: _figures(runs, arm) for arm in trials.every_arm()}
    if "ours" not in arms:
        return Outcome({}, arms, [_details(t) for run in runs for t in run])
    shown = {"masking_only_told_apart": _told(runs, "masking_only", Goal("min", 1.0))} if "masking_only" in arms else {}
    return Outcome(arms["ours"] | shown, arms, [_details(t) for run in runs for t in run])


def run(split: str, seed: int, trials: Trials) -> list[Trial]:
    """The trials of one seed."""
    from memory_agent_ros.evaluation.unlearning.arms import run_seed
    from memory_agent_ros.evaluation.unlearning.examples import pool

    return run_seed(pool(split, range(APARTMENTS[split]), trials.task), trials, seed)


def _trials(split: str, options: Mapping[str, Any]) -> Trials:
    from dataclasses import replace

    from memory_agent_ros.evaluation.unlearning.arms import MAKERS, Trials
    from memory_agent_ros.records.errors import BadInputError

    usual = Trials()
    trials = options.get("trials") or replace(usual, task=replace(usual.task, classes=CLASSES[split]))
    arms = tuple(options.get("arms") or trials.arms)
    unknown = set(arms) - {"retrained", *MAKERS}
    if unknown:
        raise BadInputError("arms_unknown", f"no arms {', '.join(sorted(unknown))}; there are {', '.join(usual.arms)}")
    return replace(trials, arms=tuple(dict.fromkeys(("original", "retrained", *arms))))


def _figures(runs: Sequence[Sequence[Trial]], arm: str) -> dict[str, Figure]:
    from memory_agent_ros.evaluation.unlearning.arms import PREFIX
    from memory_agent_ros.evaluation.unlearning.audit import Audit

    before = PREFIX if arm.startswith(PREFIX) else ""  # the bounds are of the same shape of network
    ours = arm.removeprefix(before) == "ours"

    def values(name: str, of: str = arm) -> list[list[float]]:
        return [[sum(getattr(t.audits[of], name) for t in run) / len(run)] for run in runs]

    def less(one: str, two: str) -> list[list[float]]:
        pairs = zip(values("retain_accuracy", one), values("retain_accuracy", two), strict=True)
        return [[a[0] - b[0]] for a, b in pairs]

    def within(name: str) -> Goal | None:
        known = figure(values(name, f"{before}retrained"), mean)
        return Goal("band", (known.low + known.high) / 2, (known.high - known.low) / 2) if ours else None

    goals: dict[str, Goal | None] = {name: within(name) for name in ("probe_recovery", "membership_auc")}
    goals["forget_accuracy"] = Goal("max", 0.01) if ours else None
    found = {f.name: figure(values(f.name), mean, "", goals.get(f.name)) for f in fields(Audit)}
    drop = Goal("max", 0.035) if ours else None
    found["retain_drop"] = figure(less(f"{before}retrained", arm), mean, "", drop)
    found["retain_drop_from_original"] = figure(less(f"{before}original", arm), mean, "", drop)
    found["told_apart"] = _told(runs, arm, None)
    return found


def _told(runs: Sequence[Sequence[Trial]], arm: str, goal: Goal | None) -> Figure:
    return figure([[sum(bool(t.told[arm]) for t in run) / len(run)] for run in runs], mean, "", goal)


def _tell(bar: Any, run: Sequence[Trial]) -> None:
    for trial in run:
        parts = [
            f"{arm} forget {a.forget_accuracy:.2f} retain {a.retain_accuracy:.2f} probe {a.probe_recovery:.2f} "
            f"few {a.few_shot_recovery:.2f} near {a.neighbour_recovery:.2f} member {a.membership_auc:.2f} "
            f"relearn {a.relearn_steps:.0f} kl {a.kl_to_retrained:.2f} told {len(trial.told[arm])}"
            for arm, a in trial.audits.items()
        ]
        bar.write(f"seed {trial.seed}, {trial.kind}:\n  " + "\n  ".join(parts))


def _details(trial: Trial) -> dict[str, Any]:
    audits = {arm: found.to_dict() for arm, found in trial.audits.items()}
    return {"seed": trial.seed, "kind": trial.kind, "audits": audits, "told": trial.told}
