"""Success of searches against the budget, one line for each arm of the ``search`` benchmark."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.viz.panels import panels, save_panels

#: Colours that also differ for those who see few (Wong, Nature Methods 2011).
_COLORS = ("#999999", "#000000", "#0072b2", "#56b4e9", "#e69f00", "#d55e00", "#009e73", "#cc79a7")
_AT = re.compile(r"success@(\d+(?:\.\d+)?)m")
#: The arms that are drawn strong: what ships, and between what it lies.
_STRONG = ("learned", "nearest_frontier", "generator_prior")

Point = tuple[float, float, float, float]


def budget_points(result: Mapping[str, Any]) -> dict[str, list[Point]]:
    """Arm -> (budget in metres, success, and the ends of its interval), by rising budget; arms that ran only.

    Raises:
        BadInputError: ``bench_result`` if the result has no such figures.
    """
    budget = result.get("figures", {}).get("budget_m")
    if budget is None:
        raise BadInputError("bench_result", "this is no result of the search benchmark: it has no budget_m")
    lines: dict[str, list[Point]] = {}
    for arm, figures in result["arms"].items():
        entries = {float(m.group(1)): f for name, f in figures.items() if (m := _AT.fullmatch(name))}
        entries[float(budget["value"])] = figures["success"]
        found = [(b, f["value"], *_ends(f)) for b, f in sorted(entries.items()) if f["value"] is not None]
        if found:
            lines[arm] = found
    return lines


def _ends(figure: Mapping[str, Any]) -> tuple[float, float]:
    low, high = figure["ci95"]
    return (figure["value"] if low is None else low, figure["value"] if high is None else high)


def draw_budget_curve(result: Mapping[str, Any], path: Path) -> None:
    """Write the picture (PNG, or what the ending says).

    Raises:
        BadInputError: ``bench_result``.
    """
    lines = budget_points(result)
    figure, (axes,) = panels(height_in=4.4)
    for color, (arm, points) in zip(_COLORS, lines.items(), strict=False):
        budget, success, low, high = (list(column) for column in zip(*points, strict=True))
        strong = arm in _STRONG
        axes.plot(budget, success, marker="o", markersize=4, color=color, linewidth=2.2 if strong else 1.2, label=arm)
        if strong:
            axes.fill_between(budget, low, high, color=color, alpha=0.12, linewidth=0)
    axes.axvline(float(result["figures"]["budget_m"]["value"]), color="#bbbbbb", linewidth=1, linestyle=":")
    axes.set_xlabel("budget, metres")
    axes.set_ylabel(f"success ({result['split']} {result['seeds']})")
    axes.set_ylim(0.0, 1.0)
    save_panels(figure, path, dpi=120, fontsize=8, loc="lower right")
