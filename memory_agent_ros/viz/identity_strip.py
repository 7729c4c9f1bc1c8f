"""Identity over time: one row per object, when it was seen, believed there, and gone."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.records.errors import MissingExtraError
from memory_agent_ros.records.event import EventKind, MemoryEvent
from memory_agent_ros.records.map_object import MapObject
from memory_agent_ros.viz.scene import object_color

try:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch
except ImportError as error:  # pragma: no cover - needs an environment without the extra
    raise MissingExtraError("drawing needs matplotlib: pip install 'memory_agent_ros[viz]'") from error

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Spans = list[tuple[float, float]]

#: Sightings closer than this share of the whole time are one stretch; a stretch is at least this wide in the picture.
_JOIN_SHARE, _LEAST_SHARE = 0.01, 0.004
#: Distances of the ticks; from which distance on a unit is used, its length and name, seconds.
_STEPS_S = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 21600.0)
_UNITS = ((3600.0, 3600.0, "hours"), (30.0, 60.0, "minutes"), (0.0, 1.0, "seconds"))
#: Mark of each kind of event that is told: shape and colour.
MARKS = {
    EventKind.MOVED: ("D", "#d55e00"),
    EventKind.GONE: ("x", "#333333"),
    EventKind.MERGED: ("s", "#0072b2"),
    EventKind.EDITED: ("^", "#cc79a7"),
}


@dataclass(frozen=True)
class StripRow:
    """One object's row.

    Attributes:
        object_id, label: whose.
        seen: stretches of time in which it was observed, seconds since the start.
        there: stretches in which it was believed present; ``seen`` lies within.
        gone: stretches in which it was believed gone.
        marks: (second, kind) of its events.
    """

    object_id: int
    label: str
    seen: Spans
    there: Spans
    gone: Spans
    marks: list[tuple[float, EventKind]]


def strip_rows(
    objects: Sequence[MapObject],
    sightings: Mapping[int, NDArray[np.int64]],
    events: Iterable[MemoryEvent],
    end_ns: int | None = None,
) -> list[StripRow]:
    """Rows of the objects, the first seen on top.

    Args:
        objects: present and gone ones.
        sightings: object id -> (N,) stamps at which it was observed, ascending.
        events: of these objects; others are passed over.
        end_ns: end of the time shown; the last look at anything if None.
    """
    if not objects:
        return []
    start = min(o.first_seen_ns for o in objects)
    end = max(end_ns or 0, *(max(o.last_seen_ns, o.last_looked_ns) for o in objects))
    told: dict[int, list[MemoryEvent]] = {}
    for event in sorted(events, key=lambda e: (e.stamp_ns, e.id)):
        told.setdefault(event.object_id, []).append(event)

    def second(stamp_ns: int) -> float:
        return (stamp_ns - start) / 1e9

    rows = []
    for item in sorted(objects, key=lambda o: (o.first_seen_ns, o.id)):
        stamps = sightings.get(item.id, np.zeros(0, np.int64))
        if not len(stamps):
            stamps = np.array([item.first_seen_ns, item.last_seen_ns], np.int64)
        own = told.get(item.id, [])
        there, gone = _believed(item, own, stamps, end)
        rows.append(
            StripRow(
                item.id,
                item.label,
                _joined([second(int(s)) for s in stamps], _JOIN_SHARE * second(end)),
                [(second(a), second(b)) for a, b in there],
                [(second(a), second(b)) for a, b in gone],
                [(second(e.stamp_ns), e.kind) for e in own if e.kind in MARKS],
            )
        )
    return rows


def _believed(
    item: MapObject, events: Sequence[MemoryEvent], stamps: NDArray[np.int64], end: int
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Stretches, ns, in which the object was believed there, and gone: from ``gone`` to the next sighting or move."""
    there, gone = [], []
    since = item.first_seen_ns
    for event in events:
        if event.kind is not EventKind.GONE or event.stamp_ns < since:
            continue
        there.append((since, event.stamp_ns))
        back = [int(s) for s in stamps[stamps > event.stamp_ns][:1]]
        back += [e.stamp_ns for e in events if e.stamp_ns > event.stamp_ns and e.kind is EventKind.MOVED][:1]
        since = min(back, default=end)
        gone.append((event.stamp_ns, since))
        if not back:
            return there, gone
    there.append((since, end))
    return there, gone


def _joined(seconds: Sequence[float], gap_s: float) -> Spans:
    """Ascending times -> stretches without a hole longer than ``gap_s``."""
    spans: Spans = []
    for second in seconds:
        if spans and second - spans[-1][1] <= gap_s:
            spans[-1] = (spans[-1][0], second)
        else:
            spans.append((second, second))
    return spans


def strip_figure(rows: Sequence[StripRow], width_in: float = 11.0) -> Figure:
    """The rows as a figure; its height follows from their number."""
    figure = Figure(figsize=(width_in, 1.0 + 0.19 * max(len(rows), 4)), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    end = max([b for row in rows for _, b in (*row.there, *row.gone)] + [1.0])
    for line, row in enumerate(rows):
        if line % 2:
            axes.axhspan(line - 0.5, line + 0.5, color="#f6f7f9", zorder=0)
        _draw_row(axes, line, row, _LEAST_SHARE * end)
    axes.set_ylim(max(len(rows), 1) - 0.5, -0.5)
    axes.set_xlim(-0.005 * end, 1.015 * end)
    axes.set_yticks(range(len(rows)), [f"{row.label} #{row.object_id}" for row in rows], fontsize=7)
    step = next((s for s in _STEPS_S if end / s <= 12), 86400.0)
    unit, name = next((unit, name) for least, unit, name in _UNITS if step >= least)
    axes.set_xticks(np.arange(0.0, end + 1e-9, step), [f"{x / unit:g}" for x in np.arange(0.0, end + 1e-9, step)])
    axes.set_xlabel(f"{name} since the first sighting", fontsize=8)
    axes.tick_params(axis="x", labelsize=7)
    axes.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    figure.legend(handles=_legend(), loc="outside upper left", ncols=7, fontsize=7, frameon=False)
    return figure


def strip_png(rows: Sequence[StripRow], width_in: float = 11.0) -> bytes:
    """PNG bytes of the strip."""
    buffer = io.BytesIO()
    strip_figure(rows, width_in).savefig(buffer, format="png")
    return buffer.getvalue()


def _draw_row(axes: Axes, line: int, row: StripRow, least: float) -> None:
    color = object_color(row.label)
    bars = [(a, b - a) for a, b in row.there]
    axes.broken_barh(bars, (line - 0.3, 0.6), facecolors=color, alpha=0.22, linewidth=0, zorder=2)
    axes.broken_barh(
        [(a, max(b - a, least)) for a, b in row.seen], (line - 0.3, 0.6), facecolors=color, linewidth=0, zorder=3
    )
    for a, b in row.gone:
        axes.plot([a, b], [line, line], color="#9a9a9a", linewidth=1.0, linestyle=(0, (2, 2)), zorder=2)
    for kind, (shape, shade) in MARKS.items():
        at = [second for second, k in row.marks if k is kind]
        face = "none" if shape == "x" else shade
        edge = shade if shape == "x" else "white"
        axes.scatter(
            at, [line] * len(at), marker=shape, s=26, c=shade if shape == "x" else None,
            facecolors=None if shape == "x" else face, edgecolors=None if shape == "x" else edge,
            linewidths=1.6 if shape == "x" else 0.7, zorder=5,
        )  # fmt: skip


def _legend() -> list[Patch | Line2D]:
    bars: list[Patch | Line2D] = [
        Patch(color="#4e79a7", label="seen"),
        Patch(color="#4e79a7", alpha=0.22, label="believed there"),
        Line2D([], [], color="#9a9a9a", linestyle=(0, (2, 2)), label="believed gone"),
    ]
    for kind, (shape, shade) in MARKS.items():
        bars.append(Line2D([], [], marker=shape, color=shade, linestyle="", markersize=5, label=str(kind)))
    return bars
