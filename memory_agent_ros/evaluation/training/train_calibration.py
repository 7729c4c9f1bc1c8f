"""Fits self-knowledge: from the signals of an answer to probabilities, and below which one nothing is told.

Every question counts twice: once with the words of its own family among those that questions to a memory use, and once
without, as a question of a family that nobody has seen. Figures are of apartments left out of the fit one by one.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from memory_agent_ros.evaluation.hardware import commit
from memory_agent_ros.evaluation.parallel import spread
from memory_agent_ros.evaluation.qa.families.catalogue import SEEN
from memory_agent_ros.evaluation.qa.families.family import Family
from memory_agent_ros.evaluation.qa.knowing import Told, draw
from memory_agent_ros.evaluation.training.calibration_data import ARMS, Row, rows_of
from memory_agent_ros.reasoning.calibration import FEATURES, HEADS, Calibration, Uncalibrated, features, probability
from memory_agent_ros.reasoning.signals import words_of

_F = NDArray[np.float64]
_B = NDArray[np.bool_]
#: Weight of the squares of the regressions' weights.
_RIDGE = 1.0
#: What is promised: of what nobody can know at least so much is not told, of the rest at most so much.
MIN_UNANSWERABLE, MAX_ANSWERABLE = 0.90, 0.05
#: Where tools are silent about more of the rest than that, the threshold may silence so much more.
_MORE = 0.02
_SLOT = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True)
class CalibrationTraining:
    """What it is fitted on.

    Attributes:
        split: of apartments.
        apartments: seeds 0 to this.
        questions: of each.
        arms: that answer.
    """

    split: str = "val"
    apartments: int = 4
    questions: int = 60
    arms: tuple[str, ...] = ARMS


def train_calibration(
    training: CalibrationTraining, out: Path, *, jobs: int = 1, progress: bool = False
) -> dict[str, float]:
    """Answer the questions, fit, and write ``out`` with a card and a picture beside it.

    Returns:
        figures of apartments left out of the fit.
    """
    calls = [(training.split, seed, training.questions, training.arms) for seed in range(training.apartments)]
    found = spread(rows_of, calls, jobs, f"calibration {training.split}", "apartment", progress=progress)
    rows = sorted((row for part in found for row in part), key=lambda r: (r.seed, r.arm))
    calibration, told = fit(rows)
    figures = {arm: {w: {n: round(v, 4) for n, v in t.figures().items()} for w, t in both.items()}
               for arm, both in told.items()}  # fmt: skip
    card = {
        "split": training.split, "apartments": training.apartments, "questions": training.questions,
        "rows": {arm: sum(r.arm == arm for r in rows) for arm in told},
        "not_understood": {arm: sum(r.arm == arm and r.signals is None for r in rows) for arm in told},
        "commit": commit() or "unknown",
        "figures_of_apartments_left_out": figures,
    }  # fmt: skip
    dataclasses.replace(calibration, card=card).save(out)
    out.with_suffix(".md").write_text(card_text(out.name, calibration, card))
    curves = [(f"{arm}, {when}", t) for arm, both in told.items() for when, t in both.items()]
    draw(curves, out.with_suffix(".png"))
    return {f"{arm}/{w}/{name}": v for arm, both in figures.items() for w, f in both.items() for name, v in f.items()}


def fit(rows: Sequence[Row]) -> tuple[Calibration, dict[str, dict[str, Told]]]:
    """Regressions over all rows, and by arm what is told before and after by those that have not seen the apartment."""
    data = _Data(rows)
    outside = {head: np.zeros(len(data.x)) for head in HEADS}
    for seed in sorted(set(data.seed.tolist())):
        weights = data.fitted(data.seed != seed)
        left = data.seed == seed
        for head in HEADS:
            outside[head][left] = probability(data.x[left], weights[head])
    known = np.where(data.unknown, outside["known_unanswered"], outside["known"])
    least = least_known(known, data.unknown, data.knowable)
    weights = data.fitted(np.ones(len(data.x), dtype=bool))
    found = {head: tuple(float(w) for w in weights[head]) for head in HEADS}
    told = {arm: data.told(arm, outside["right"], known, least) for arm in dict.fromkeys(r.arm for r in rows)}
    seen = tuple(zip(data.x.min(axis=0).tolist(), data.x.max(axis=0).tolist(), strict=True))
    return Calibration(found, vocabulary(), least, seen=seen), told


class _Data:
    """Rows as arrays (2 N,); each row with and without the words of its own family."""

    def __init__(self, rows: Sequence[Row]) -> None:
        understood = [(row, words) for row in rows if row.signals is not None for words in _vocabularies(row.family)]
        assert all(row.signals is not None for row, _ in understood)
        self.x = np.array([features(row.signals, words) for row, words in understood if row.signals is not None])
        self.seed = np.array([row.seed for row, _ in understood])
        self.arm = np.array([row.arm for row, _ in understood])
        self.right = np.array([row.right for row, _ in understood], dtype=bool)
        self.unknown = np.array([row.abstained for row, _ in understood], dtype=bool)
        self.knowable = np.array([row.knowable for row, _ in understood], dtype=bool)
        plain = Uncalibrated()
        self.plain = np.array([plain.right(row.signals) for row, _ in understood if row.signals is not None])

    def fitted(self, among: _B) -> dict[str, _F]:
        """Weights of the heads."""
        given = among & ~self.unknown
        return {
            "right": regression(self.x[given], self.right[given]),
            "known": regression(self.x[given], self.knowable[given]),
            "known_unanswered": regression(self.x[among & self.unknown], self.knowable[among & self.unknown]),
        }

    def told(self, arm: str, right: _F, known: _F, least: float) -> dict[str, Told]:
        """What is told before and after."""
        own = self.arm == arm
        silent = self.unknown | (known < least)
        good = np.where(silent, ~self.knowable, self.right)
        sure = np.where(silent, 1.0 - known, right)
        return {
            "before": Told(self.plain[own], self.right[own], self.unknown[own], self.knowable[own]),
            "after": Told(sure[own], good[own], silent[own], self.knowable[own]),
        }


def regression(x: _F, y: _B) -> _F:
    """(F + 1,) weights of a logistic regression with a ridge, constant last; (N, F) features, (N,) what happened."""
    if len(x) == 0:
        return np.zeros(len(FEATURES) + 1)
    ones = np.c_[x, np.ones(len(x))]
    ridge = np.r_[np.full(x.shape[1], _RIDGE), 1e-3]

    def loss(w: _F) -> tuple[float, _F]:
        score = ones @ w
        p = probability(x, w)
        value = float(np.logaddexp(0.0, score).sum() - score[y].sum() + 0.5 * (ridge * w**2).sum())
        return value, ones.T @ (p - y) + ridge * w

    found = minimize(loss, np.zeros(ones.shape[1]), jac=True, method="L-BFGS-B")
    return np.asarray(found.x, dtype=np.float64)


def least_known(known: _F, unknown: _B, knowable: _B) -> float:
    """The lowest threshold at which enough is not told of what nobody can know, as long as little else is not told.

    Args:
        known: (N,) probabilities that a memory could know.
        unknown: (N,) whether "unknown" was told anyway.
        knowable: (N,) whether a memory could know.
    """
    if not knowable.any() or knowable.all():
        return 0.0
    most = max(MAX_ANSWERABLE, float(unknown[knowable].mean()) + _MORE)
    answered = np.sort(np.unique(known[~unknown]))
    tried = [0.0, *((answered[1:] + answered[:-1]) / 2).tolist()]
    best, caught = 0.0, 0.0
    for least in tried:
        silent = unknown | (known < least)
        if silent[knowable].mean() > most:
            break
        share = float(silent[~knowable].mean())
        if share > caught or least == 0.0:
            best, caught = least, share
        if share >= MIN_UNANSWERABLE:
            break
    return round(float(best), 4)


def _vocabularies(family: str) -> Iterator[frozenset[str]]:
    yield vocabulary()
    yield vocabulary(family)


@lru_cache(maxsize=256)
def vocabulary(without: str = "") -> frozenset[str]:
    """Words that questions to a memory use: those of all families that may be trained on and have answers."""
    families = [f for f in SEEN if not f.unanswerable and f.name != without]
    return frozenset(word for family in families for word in _family_words(family))


def _family_words(family: Family) -> set[str]:
    """Words of a family's sentences, whatever stands in their slots."""
    return {word for text in (family.template, family.first[0]) for word in words_of(_SLOT.sub(" ", text))}


def card_text(name: str, calibration: Calibration, card: Mapping[str, Any]) -> str:
    """The card beside the file."""
    figures: Mapping[str, Mapping[str, Mapping[str, float]]] = card["figures_of_apartments_left_out"]
    rows = "\n".join(
        f"| {arm} | {figure} | {both['before'][figure]:.3f} | {both['after'][figure]:.3f} |"
        for arm, both in figures.items()
        for figure in both["before"]
    )
    weights = "\n".join(
        f"| {feature} | " + " | ".join(f"{calibration.weights[head][n]:+.2f}" for head in HEADS) + " |"
        for n, feature in enumerate((*FEATURES, "constant"))
    )
    return _CARD.format(name=name, rows=rows, weights=weights, least=calibration.least_known,
                        counts=", ".join(f"{arm} {n} ({card['not_understood'][arm]} not understood and left out)"
                                         for arm, n in card["rows"].items()),
                        **{k: card[k] for k in ("split", "apartments", "questions", "commit")})  # fmt: skip


_CARD = """# {name}

What `memory_agent_ros/reasoning/self_knowledge.py` decides by: three logistic regressions over the signals of an
answer, and the threshold below which an answer is not told.

- Data: {questions} questions about each of the apartments `{split}` 0 to {apartments} (half-open), of families of
  sentences that may be trained on (none of the held-out ones, none in OpenEQA's manner). Answers: {counts}.
- Command: `memory-agent train calibration --apartments {apartments} --out FILE`, at commit {commit}.
- An answer is told if it could be known with a probability of at least {least}.
- Licence: Apache-2.0, as the package.

Figures are of apartments left out of the fit one by one; each question counts twice, once without the words of its own
family.

| arm | figure | before | after |
|---|---|---|---|
{rows}

| feature | right | known | known, unanswered |
|---|---|---|---|
{weights}
"""
