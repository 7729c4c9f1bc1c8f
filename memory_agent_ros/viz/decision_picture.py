"""A choice of the explorer for a page: its candidates on the map, and a table of what spoke for them."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np

from memory_agent_ros.records.decision import Candidate, CandidateKind, Decision
from memory_agent_ros.viz.decision_markers import score_colors
from memory_agent_ros.viz.report import Choice, Option, Picture
from memory_agent_ros.viz.scene import MapScene, scene_bounds
from memory_agent_ros.viz.topdown import blank_figure, draw_map

_SHAPES = {
    CandidateKind.FRONTIER: "o",
    CandidateKind.VIEWPOINT: "^",
    CandidateKind.ROOM: "s",
    CandidateKind.STOP: "X",
}
#: So many candidates are listed; smaller terms are left out.
_LISTED, _TOLD = 8, 0.05


def telling_decisions(decisions: Sequence[Decision], count: int = 3) -> list[int]:
    """Indices of decisions worth showing, in their order: with a real choice, apart in time, of different kinds."""
    able = [i for i, d in enumerate(decisions) if len(d.candidates) >= 3]
    if len(able) <= count:
        return able
    taken: list[int] = []
    kinds: set[CandidateKind] = set()
    for part in np.array_split(np.array(able), count):
        order = sorted(part.tolist(), key=lambda i: (_kind(decisions[i]) in kinds, -len(decisions[i].candidates)))
        taken.append(order[0])
        kinds.add(_kind(decisions[order[0]]))
    return taken


def decision_choice(decision: Decision, scene: MapScene, title: str, width_in: float = 5.6) -> Choice:
    """The choice as a part of a report; ``scene`` is the map as it was then."""
    ranked = sorted(range(len(decision.candidates)), key=lambda i: -float(decision.scores[i]))
    listed = ranked[:_LISTED]
    if decision.chosen not in listed:
        listed = [*listed[:-1], decision.chosen]
    marks = {index: str(number) for number, index in enumerate(listed, start=1)}
    caption = (
        f"{len(decision.candidates)} candidates, coloured by score from dark (low) to yellow (high); circles are "
        "frontiers, squares rooms not entered, triangles views of things. The chosen one is ringed."
    )
    return Choice(
        title,
        decision.reason,
        Picture(_png(decision, scene, marks, width_in), caption),
        [_option(decision, index, marks[index]) for index in listed],
    )


def _option(decision: Decision, index: int, mark: str) -> Option:
    terms = decision.terms[index] if index < len(decision.terms) else {}
    told = sorted((t for t in terms.items() if abs(t[1]) >= _TOLD), key=lambda t: -t[1])
    return Option(
        mark,
        _text(decision.candidates[index]),
        f"{float(decision.scores[index]):.2f}",
        ", ".join(f"{name} {value:+.2f}" for name, value in told),
        tuple(decision.tips[index][:1]) if index < len(decision.tips) else (),
        index == decision.chosen,
    )


def _text(candidate: Candidate) -> str:
    where = f" in {candidate.room}" if candidate.room else ""
    what = f" on {candidate.label}" if candidate.label else ""
    if candidate.kind is CandidateKind.STOP:
        return f"stop{' at ' + candidate.label if candidate.label else ''}"
    return f"{candidate.kind}{what}{where}, {candidate.path_m:.1f} m"


def _png(decision: Decision, scene: MapScene, marks: dict[int, str], width_in: float) -> bytes:
    from matplotlib.patheffects import withStroke

    x0, x1, y0, y1 = scene_bounds(scene)
    figure = blank_figure(width_in, width_in * (y1 - y0) / (x1 - x0) + 0.2, 110)
    axes = figure.add_subplot()
    draw_map(axes, scene, bounds=(x0, x1, y0, y1), labels=False)
    colors = score_colors(decision.scores)
    halo = [withStroke(linewidth=2.0, foreground="white")]
    for index in np.argsort(decision.scores, kind="stable").tolist():
        candidate = decision.candidates[index]
        if candidate.kind is CandidateKind.STOP:
            continue
        x, y = (float(v) for v in candidate.xy)
        chosen = index == decision.chosen
        axes.plot(
            x, y, marker=_SHAPES[candidate.kind], markersize=11 if chosen else 8, color=colors[index, :3],
            markeredgecolor="#c2185b" if chosen else "#333", markeredgewidth=2.2 if chosen else 0.8, zorder=10,
        )  # fmt: skip
        if index in marks:
            axes.annotate(
                marks[index], (x, y), textcoords="offset points", xytext=(7, 6), fontsize=8.5, zorder=11,
                fontweight="bold" if chosen else "normal", color="#1d2433", path_effects=halo,
            )  # fmt: skip
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight")
    return buffer.getvalue()


def _kind(decision: Decision) -> CandidateKind:
    return decision.candidates[decision.chosen].kind
