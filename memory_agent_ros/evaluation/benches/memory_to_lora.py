"""The ``memory_to_lora`` benchmark: gist of an apartment out of an adapter that was made from the memory's tokens.

Held-out apartments, held-out forms of questions, crops of held-out things; every arm asks the same frozen model the
same questions with answers ranked in the same closed sets. Primary contrast, named beforehand: ``effect`` of the
generated adapter, (generated - no context) / (in context - no context), over what stands in the map's text.
``gist_accuracy`` is their mean over kinds of questions; colours, which only pixels hold, are told apart
(``colour_accuracy``). ``forget_gap`` is how far answers about a forgotten thing are from those of a map that never held
it, less what two such maps differ in anyway; ``forget_same_bits`` the share of forgotten things that leave the same
bits as a map that saw all else the same. The network is trained once per training seed and kept in the user's cache.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from memory_agent_ros.evaluation.adapters.gist import COLOUR, TOLD_IN_TEXT
from memory_agent_ros.evaluation.adapters.gist_exam import ARMS, Examined, examine, update_seconds
from memory_agent_ros.evaluation.adapters.gist_forgetting import Forgotten, forget_one
from memory_agent_ros.evaluation.adapters.gist_lessons import draw_gist_lessons
from memory_agent_ros.evaluation.adapters.gist_runs import GistBase, GistScale, cached_maker, gist_base, scale_of
from memory_agent_ros.evaluation.adapters.gist_worlds import lived_in
from memory_agent_ros.evaluation.adapters.look_bank import LookBank, look_bank
from memory_agent_ros.evaluation.outcome import Outcome
from memory_agent_ros.evaluation.qa.random_worlds import world_of
from memory_agent_ros.evaluation.statistics import Figure, Goal, figure, mean

#: Apartments of random histories begin here; ``--seeds 0:10`` are the first ten of them.
_FIRST = 50_000
_LESSONS, _QUESTIONS, _LOOKS = 6, 10, 6
#: Least lead of context over none for an effect to mean anything.
_LEAD = 0.3


@dataclass(frozen=True, eq=False)
class _Run:
    """One apartment with the network of one training seed."""

    apartment: int
    training_seed: int
    arms: dict[str, Examined]
    update_s: float
    forgotten: Forgotten


def bench(split: str, seeds: range, jobs: int, options: Mapping[str, Any]) -> Outcome:
    """Run the benchmark.

    Args:
        split: split of the apartments and of the crops; not ``train``.
        seeds: apartments.
        jobs: not used: one process trains and measures.
        options: ``progress`` (bool), ``size`` (``tiny`` or ``embedded``), ``scale`` (a :class:`GistScale` instead),
            ``training_seeds`` (how many; 1), ``minutes`` (of each training of the network).
    """
    progress = bool(options.get("progress", False))
    scale: GistScale = options.get("scale") or scale_of(str(options.get("size") or "tiny"), options.get("minutes"))
    base = gist_base(scale, progress=progress)
    looks = look_bank(split, int(options.get("crops") or _LOOKS), progress=progress)
    runs = list[_Run]()
    for training_seed in range(int(options.get("training_seeds") or 1)):
        maker = cached_maker(scale, base, training_seed, progress=progress)
        for seed in tqdm(seeds, desc=f"memory_to_lora {split}", disable=not progress):
            runs.append(_run(split, seed, training_seed, scale, base, maker, looks))
    arms = {arm: _arm(runs, arm) for arm in ARMS}
    return Outcome(_figures(runs), arms, [_details(r) for r in runs])


def _run(
    split: str, seed: int, training_seed: int, scale: GistScale, base: GistBase, maker: Any, looks: LookBank
) -> _Run:
    rng = np.random.default_rng([seed, 61])
    apartment = lived_in(split, 1, first=_FIRST + seed)
    lessons = draw_gist_lessons(apartment, looks, rng, _LESSONS, _QUESTIONS, scale.training.size, held_out=True)
    memory = world_of(split, _FIRST + seed, np.random.default_rng(_FIRST + seed))
    return _Run(
        seed,
        training_seed,
        examine(maker, base.adapted, base.prompts, lessons),
        update_seconds(maker, memory),
        forget_one(maker, base.adapted, base.prompts, rng),
    )


# ------------------------------------------------------------------ figures


def _rows(runs: Sequence[_Run], of: Any) -> list[list[float]]:
    """One row per apartment: the mean over training seeds."""
    apartments = dict.fromkeys(r.apartment for r in runs)
    return [np.mean([of(r) for r in runs if r.apartment == a], axis=0).tolist() for a in apartments]


def _accuracy(run: _Run, arm: str, kinds: Sequence[str]) -> float:
    found = [np.mean(run.arms[arm].right[k]) for k in kinds if k in run.arms[arm].right]
    return float(np.mean(found)) if found else float("nan")


def _arm(runs: Sequence[_Run], arm: str) -> dict[str, Figure]:
    def of(name: str, unit: str = "") -> Figure:
        return figure(_rows(runs, lambda r: [float(getattr(r.arms[arm], name))]), mean, unit)

    out = {
        "gist_accuracy": figure(_rows(runs, lambda r: [_accuracy(r, arm, TOLD_IN_TEXT)]), mean),
        "colour_accuracy": figure(_rows(runs, lambda r: [_accuracy(r, arm, (COLOUR,))]), mean),
        "effect": _effect(runs, arm),
        "answer_s": of("answer_s", "s"),
        "bytes": of("bytes", "B"),
    }
    for kind in TOLD_IN_TEXT:
        out[f"{kind}_accuracy"] = figure(_rows(runs, lambda r, k=kind: [_accuracy(r, arm, (k,))]), mean)
    return out


def _triple(run: _Run, arm: str) -> list[float]:
    return [_accuracy(run, name, TOLD_IN_TEXT) for name in ("no_context", "in_context", arm)]


def _effect(runs: Sequence[_Run], arm: str, goal: Goal | None = None) -> Figure:
    """Share of the lead that the context gives over none; void where that lead is below :data:`_LEAD`."""
    rows = _rows(runs, lambda r: _triple(r, arm))
    low, high, _ = np.nanmean(np.asarray(rows), axis=0)
    if not high - low >= _LEAD:
        return Figure(float("nan"), float("nan"), float("nan"), "", goal)
    return figure(rows, _share_of_lead, "", goal)


def _share_of_lead(data: NDArray[np.float64]) -> float:
    """(N, 3) floor, ceiling and arm."""
    low, high, own = np.nanmean(data, axis=0)
    return float((own - low) / (high - low)) if high > low else float("nan")


def _figures(runs: Sequence[_Run]) -> dict[str, Figure]:
    def forgotten(name: str) -> Figure:
        return figure(_rows(runs, lambda r: [float(getattr(r.forgotten, name))]), mean)

    gap = figure(_rows(runs, lambda r: [r.forgotten.gap - r.forgotten.usual_gap]), mean, "", Goal("max", 0.02))
    margin = figure(
        _rows(runs, lambda r: [_accuracy(r, "generated", TOLD_IN_TEXT) - _accuracy(r, "retrieval", TOLD_IN_TEXT)]), mean
    )
    return {
        "gist_accuracy": figure(_rows(runs, lambda r: [_accuracy(r, "generated", TOLD_IN_TEXT)]), mean),
        "effect": _effect(runs, "generated", Goal("min", 0.8)),
        "gist_over_retrieval": margin,
        "colour_accuracy": figure(_rows(runs, lambda r: [_accuracy(r, "generated", (COLOUR,))]), mean),
        "update_s": figure(_rows(runs, lambda r: [r.update_s]), _largest, "s", Goal("max", 0.5)),
        "forget_gap": gap,
        "forget_same_bits": figure(
            _rows(runs, lambda r: [float(r.forgotten.same_bits)]), mean, "", Goal("min", 1.0)
        ),
        "held_gap": forgotten("held_gap"),
        "answer_s": figure(_rows(runs, lambda r: [r.arms["generated"].answer_s]), mean, "s"),
        "bytes": figure(_rows(runs, lambda r: [r.arms["generated"].bytes]), mean, "B"),
    }  # fmt: skip


def _largest(data: NDArray[np.float64]) -> float:
    return float(np.nanmax(data))


def _details(run: _Run) -> dict[str, Any]:
    right = {arm: {k: [len(v), float(np.mean(v))] for k, v in e.right.items()} for arm, e in run.arms.items()}
    return {
        "apartment": run.apartment, "training_seed": run.training_seed, "right": right, "update_s": run.update_s,
        "forgotten": vars(run.forgotten),
    }  # fmt: skip
