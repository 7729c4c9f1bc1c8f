"""Plots beside each other, drawn without a window and without anything that other plots of the process share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from memory_agent_ros.records.errors import MissingExtraError

try:
    from matplotlib.figure import Figure
except ImportError as error:  # pragma: no cover - needs an environment without the extra
    raise MissingExtraError("drawing needs matplotlib: pip install 'memory_agent_ros[viz]'") from error

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def panels(count: int = 1, width_in: float = 7.0, height_in: float = 4.0) -> tuple[Figure, list[Axes]]:
    """An empty figure with axes beside each other."""
    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    return figure, list(figure.subplots(1, count, squeeze=False)[0])


def save_panels(figure: Figure, path: Path, dpi: int = 130, **legend: Any) -> Path:
    """Write the figure with a grid, and a legend where something has a label; the suffix picks the format.

    Args:
        figure: of :func:`panels`.
        path: where to.
        dpi: pixels an inch.
        legend: how matplotlib shall draw the legends; without a frame if nothing is said.
    """
    for axes in figure.axes:
        axes.grid(alpha=0.3)
        if axes.get_legend_handles_labels()[1]:
            axes.legend(**(legend or {"frameon": False}))
    figure.savefig(path, dpi=dpi)
    return path
