"""How well somebody knows what he knows: calibration, risk against coverage, and what is told in which cell.

*Cells* say where the answer of a question lives: here ``in_store`` (the right calls on the memory give it) and
``nowhere`` (no memory can know it). What the memory lost belongs to neither.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.calibration import expected_calibration_error, reliability
from memory_agent_ros.records.errors import MissingExtraError

_F = NDArray[np.float64]


@dataclass(frozen=True)
class Told:
    """What became of many questions; arrays of (N,).

    Attributes:
        confidence: that what was told is right; of "unknown", that nobody could know.
        right: whether it was; "unknown" is right where nobody could know, and nowhere else.
        abstained: whether "unknown" was told.
        knowable: whether a memory could know.
    """

    confidence: _F
    right: NDArray[np.bool_]
    abstained: NDArray[np.bool_]
    knowable: NDArray[np.bool_]

    def figures(self) -> dict[str, float]:
        """Accuracy, abstention, calibration, area under risk against coverage."""
        curve = risk_coverage(self.confidence, self.right)
        return {
            "accuracy": _share(self.right, np.ones_like(self.right)),
            "accuracy@nowhere": _share(self.right, ~self.knowable),
            "accuracy@knowable": _share(self.right, self.knowable),
            "abstain_unanswerable": _share(self.abstained, ~self.knowable),
            "abstain_answerable": _share(self.abstained, self.knowable),
            "ece": expected_calibration_error(reliability(self.confidence, self.right)),
            "aurc": area_under(*curve),
        }


def _share(of: NDArray[np.bool_], among: NDArray[np.bool_]) -> float:
    return float(of[among].mean()) if among.any() else float("nan")


def cell_of(unanswerable: bool, held: bool) -> str:
    """Where the answer of a task lives; "" where the memory had it and lost it.

    Args:
        unanswerable: whether no memory can know it.
        held: whether the right calls on the memory give the right answer.
    """
    if unanswerable:
        return "nowhere"
    return "in_store" if held else ""


def risk_coverage(confidence: _F, right: NDArray[np.bool_]) -> tuple[_F, _F]:
    """Coverage and risk, (N,) each, where only the surest 1, 2, ... N answers are given.

    Answers of the same confidence are given together: risk is their mean, whatever order they come in.
    """
    order = np.argsort(-confidence, kind="stable")
    sure, wrong = confidence[order], (~right[order]).astype(np.float64)
    for value in np.unique(sure):
        wrong[sure == value] = wrong[sure == value].mean()
    count = np.arange(1, len(sure) + 1)
    return count / max(len(sure), 1), np.cumsum(wrong) / count


def area_under(coverage: _F, risk: _F) -> float:
    """Area under risk against coverage: the mean risk over all coverages, lower is better (Geifman et al., 2019)."""
    return float(risk.mean()) if len(coverage) else float("nan")


def draw(arms: Iterable[tuple[str, Told]], path: Path) -> Path | None:
    """Risk against coverage and reliability as a picture; None where matplotlib is not installed."""
    try:
        from memory_agent_ros.viz.panels import panels, save_panels
    except MissingExtraError:
        return None
    figure, (left, right) = panels(2, width_in=9.0, height_in=3.8)
    for name, told in arms:
        coverage, risk = risk_coverage(told.confidence, told.right)
        left.plot(coverage, risk, label=f"{name}: area {area_under(coverage, risk):.3f}")
        bins = reliability(told.confidence, told.right)
        full = bins[bins[:, 0] > 0]
        error = expected_calibration_error(bins)
        right.plot(
            full[:, 1] / full[:, 0], full[:, 2] / full[:, 0], "o-", markersize=4, label=f"{name}: ECE {error:.3f}"
        )
    right.plot([0, 1], [0, 1], color="0.7", linewidth=1, zorder=0)
    left.set(
        xlabel="coverage: share of questions answered", ylabel="risk: share of them wrong", xlim=(0, 1), ylim=(0, 1)
    )
    right.set(xlabel="confidence", ylabel="share that is right", xlim=(0, 1), ylim=(0, 1))
    return save_panels(figure, path)
