"""One self-contained HTML page that shows what a robot saw, what changed, and what it answered."""

from __future__ import annotations

import base64
import datetime
import mimetypes
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

EVENT_COLORS = {
    "added": "#59a14f",
    "moved": "#c2185b",
    "gone": "#7a7a7a",
    "merged": "#4e79a7",
    "edited": "#b07aa1",
    "forgotten": "#9c755f",
    "edit": "#f28e2b",
}


@dataclass(frozen=True)
class Tile:
    """A number worth reading first: ``value`` large, ``label`` small; ``good`` colours it (None: neutral)."""

    value: str
    label: str
    good: bool | None = None


@dataclass(frozen=True)
class Picture:
    """An embedded picture: bytes of a PNG, JPEG or GIF, and what it shows."""

    data: bytes
    caption: str
    mime: str = "image/png"

    @property
    def uri(self) -> str:
        """``data:`` address that carries the bytes."""
        return f"data:{self.mime};base64,{base64.b64encode(self.data).decode('ascii')}"


@dataclass(frozen=True)
class TimelineEvent:
    """One mark on the timeline: seconds since the start, kind (see EVENT_COLORS), and a sentence."""

    second: float
    kind: str
    text: str

    @property
    def color(self) -> str:
        """Hex colour of its kind."""
        return EVENT_COLORS.get(self.kind, "#445566")


@dataclass(frozen=True)
class Phase:
    """A named stretch of the timeline, seconds."""

    name: str
    start: float
    end: float


@dataclass(frozen=True)
class QuestionRow:
    """One question with the robot's answer beside the truth; ``ok`` None means there is no truth to compare with."""

    question: str
    answer: str
    state: str
    confidence: float
    truth: str = ""
    ok: bool | None = None
    evidence: str = ""
    pictures: Sequence[Picture] = ()


@dataclass(frozen=True)
class Option:
    """One candidate of a choice: mark on the map, what it is, its score, what the score is made of, tips for it."""

    mark: str
    text: str
    score: str
    terms: str = ""
    tips: Sequence[str] = ()
    chosen: bool = False


@dataclass(frozen=True)
class Choice:
    """One choice of the explorer: the map with its candidates, the reason in words, the candidates best first."""

    title: str
    reason: str
    picture: Picture
    options: Sequence[Option]


@dataclass(frozen=True)
class Figure:
    """A measured value with its unit and, if there is one, its goal and whether it is met."""

    name: str
    value: str
    goal: str = ""
    met: bool | None = None


@dataclass(frozen=True)
class Report:
    """Everything on the page, in the order it is read. Empty parts are left out."""

    title: str
    headline: str
    tiles: Sequence[Tile] = ()
    maps: Sequence[Picture] = ()
    choices: Sequence[Choice] = ()
    changes: Sequence[Picture] = ()
    questions: Sequence[QuestionRow] = ()
    film: Picture | None = None
    pictures: Sequence[Picture] = ()
    strip: Picture | None = None
    phases: Sequence[Phase] = ()
    events: Sequence[TimelineEvent] = ()
    figures: Sequence[Figure] = ()
    notes: Sequence[str] = ()
    made: str = field(default_factory=lambda: datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M"))


@dataclass(frozen=True)
class _Mark:
    x: float
    y: float
    event: TimelineEvent


def picture_of_file(path: Path, caption: str) -> Picture:
    """A picture file as it lies on disk."""
    return Picture(path.read_bytes(), caption, mimetypes.guess_type(path.name)[0] or "image/png")


def render_report(report: Report) -> str:
    """The page as HTML; all pictures are inside it and nothing is loaded from elsewhere."""
    environment = Environment(
        loader=PackageLoader("memory_agent_ros.viz", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    end = max([p.end for p in report.phases] + [e.second for e in report.events] + [1.0])
    told = [e for e in report.events if e.kind != "added"]
    added = sum(e.kind == "added" for e in report.events)
    return environment.get_template("report.html.j2").render(
        r=report,
        end=end,
        marks=_marks(report.events, end),
        told=told,
        added=added,
        colors=EVENT_COLORS,
        ticks=_ticks(end),
    )


def write_report(path: Path, report: Report) -> Path:
    """Write the page; returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_report(report), encoding="utf-8")
    return path


def _marks(events: Sequence[TimelineEvent], end: float, width: float = 1000.0, gap: float = 9.0) -> list[_Mark]:
    """Places of the dots: x by time; dots that would overlap are stacked."""
    levels: list[float] = []
    marks = []
    for event in sorted(events, key=lambda e: e.second):
        x = 10 + event.second / end * (width - 20)
        level = next((i for i, last in enumerate(levels) if x - last >= gap), len(levels))
        if level == len(levels):
            levels.append(x)
        levels[level] = x
        marks.append(_Mark(x, 12 + 9.0 * level, event))
    return marks


def _ticks(end: float) -> list[tuple[float, str]]:
    step = next((s for s in (5, 10, 20, 30, 60, 120, 300, 600) if end / s <= 12), 1200)
    return [(10 + t / end * 980, f"{t // 60}:{t % 60:02d}") for t in range(0, int(end) + 1, step)]
