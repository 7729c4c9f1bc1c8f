"""A choice of the explorer as RViz shows it: candidates coloured by score, the way to the chosen one, the reason."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from memory_agent_ros.records.decision import Decision
from memory_agent_ros.viz.markers import Color, Marker

#: Namespaces of the topic.
DECISION_NAMESPACES = ("candidates", "scores", "choice", "reason", "put_aside")

#: From the lowest to the highest score: lightness rises too, so that people with any colour vision can read it.
_RAMP = np.array([[0.00, 0.14, 0.34], [0.20, 0.29, 0.44], [0.49, 0.49, 0.48], [0.74, 0.69, 0.43], [1.00, 0.91, 0.27]])
_CHOICE: Color = (1.0, 0.91, 0.27, 1.0)
_ASIDE: Color = (0.85, 0.30, 0.10, 0.9)
_DOT_M, _HEIGHT_M, _TEXT_M, _LINE_M, _COLUMNS = 0.22, 0.15, 0.14, 0.06, 48
#: So many scores are written.
_SCORES = 12


def score_colors(scores: ArrayLike) -> NDArray[np.float64]:
    """(C,) scores -> (C, 4) colours from the lowest to the highest finite one; grey where there is none."""
    values = np.asarray(scores, dtype=np.float64)
    finite = np.isfinite(values)
    colors = np.tile([0.5, 0.5, 0.5, 0.3], (len(values), 1))
    if finite.any():
        low, high = values[finite].min(), values[finite].max()
        share = (values[finite] - low) / (high - low) if high > low else np.ones(int(finite.sum()))
        steps = np.linspace(0.0, 1.0, len(_RAMP))
        colors[finite, :3] = np.stack([np.interp(share, steps, channel) for channel in _RAMP.T], axis=1)
        colors[finite, 3] = 0.95
    return colors


def decision_markers(
    decision: Decision | None,
    path_xy: NDArray[np.float64],
    put_aside: Sequence[tuple[NDArray[np.float64], str]] = (),
) -> list[Marker]:
    """What to draw.

    Args:
        decision: the current choice, or None before the first.
        path_xy: (N, 2) way that is driven, metres, map frame; may be empty.
        put_aside: (2,) place and reason of goals that were given up.
    """
    markers = [
        Marker("put_aside", i, "text", _at(xy, _HEIGHT_M), np.full(3, _TEXT_M), _ASIDE, text=f"x {why}")
        for i, (xy, why) in enumerate(put_aside)
    ]
    if decision is None or not decision.candidates:
        return markers
    chosen = decision.candidates[decision.chosen]
    points = np.array([_at(candidate.xy, _HEIGHT_M) for candidate in decision.candidates])
    colors, size = score_colors(decision.scores), np.full(3, _DOT_M)
    markers.append(
        Marker("candidates", 0, "sphere_list", np.zeros(3), size, _CHOICE, points_m=points, colors=colors),
    )
    scores = np.asarray(decision.scores, dtype=np.float64)
    best = np.argsort(-np.where(np.isfinite(scores), scores, -np.inf), kind="stable")[:_SCORES]
    for index in best:
        candidate, text = decision.candidates[index], f"{decision.candidates[index].kind} {scores[index]:.2f}"
        at = _at(candidate.xy, _HEIGHT_M + 0.2)
        markers.append(
            Marker("scores", int(index), "text", at, np.full(3, 0.7 * _TEXT_M), (1.0, 1.0, 1.0, 0.9), text=text)
        )
    way = path_xy if len(path_xy) > 1 else np.array([chosen.xy, chosen.xy])
    line = np.column_stack([np.repeat(way, 2, axis=0)[1:-1], np.full(2 * len(way) - 2, 0.05)])
    markers.append(Marker("choice", 0, "line_list", np.zeros(3), np.full(3, _LINE_M), _CHOICE, points_m=line))
    pillar = np.array([0.08, 0.08, 1.0])
    markers.append(Marker("choice", 1, "cube", _at(chosen.xy, 0.5), pillar, (*_CHOICE[:3], 0.6)))
    at = _at(chosen.xy, 1.4)
    markers.append(Marker("reason", 0, "text", at, np.full(3, 1.3 * _TEXT_M), _CHOICE, text=reason_text(decision)))
    return markers


def reason_text(decision: Decision) -> str:
    """What is looked for and why this was chosen, in short lines."""
    lines = [f"looking for: {decision.goal}"] if decision.goal else []
    return "\n".join([*lines, *textwrap.wrap(decision.reason, _COLUMNS)])


def _at(xy: NDArray[np.float64], z: float) -> NDArray[np.float64]:
    return np.array([float(xy[0]), float(xy[1]), z])
