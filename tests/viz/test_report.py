"""The report page."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

from memory_agent_ros.viz.report import (
    Figure,
    Phase,
    Picture,
    QuestionRow,
    Report,
    Tile,
    TimelineEvent,
    picture_of_file,
    render_report,
    write_report,
)
from memory_agent_ros.viz.scene import MapScene
from memory_agent_ros.viz.topdown import map_png, save_map


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "img", "br", "link"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def _report(scene: MapScene) -> Report:
    rows = [
        QuestionRow("where is the chair?", "In <b>room</b> 1.", "seen", 0.9, "room 1", True, "keyframe 7"),
        QuestionRow("where is the piano?", "I have never seen one.", "unknown", 0.8, "there is none", False),
    ]
    events = [TimelineEvent(3.0, "added", "mug"), TimelineEvent(40.0, "moved", "the chair moved 1.4 m")]
    return Report(
        title="A robot that remembers",
        headline="It noticed both changes.",
        tiles=[Tile("2 of 3", "changes noticed", True), Tile("6", "questions")],
        maps=[Picture(map_png(scene), "after")],
        questions=rows,
        phases=[Phase("explore", 0, 30), Phase("patrol", 30, 60)],
        events=events,
        figures=[Figure("coverage", "0.97", "at least 0.90", True)],
        notes=["seed 3"],
    )


def test_page_is_whole_and_loads_nothing(scene: MapScene, tmp_path: Path) -> None:
    html = write_report(tmp_path / "report.html", _report(scene)).read_text()
    page = _Page()
    page.feed(html)
    assert not page.open
    for tag, attributes in page.tags:
        assert tag not in {"script", "link", "iframe"}
        assert all(
            not (value or "").startswith(("http", "//", "file")) for key, value in attributes.items() if key != "xmlns"
        )
    assert not re.search(r"url\(|@import", html)


def test_text_from_outside_is_escaped(scene: MapScene) -> None:
    html = render_report(_report(scene))
    assert "In &lt;b&gt;room&lt;/b&gt; 1." in html


def test_right_and_wrong_answers_are_told_apart(scene: MapScene) -> None:
    html = render_report(_report(scene))
    assert html.count("✓ right") == 1 and html.count("✗ wrong") == 1
    assert "there is none" in html and "the chair moved 1.4 m" in html and "1 objects added" in html


def test_parts_without_content_are_left_out() -> None:
    html = render_report(Report("t", "h"))
    for heading in ("Questions", "Timeline", "Figures", "before and after"):
        assert heading not in html


def test_answers_without_truth_have_no_truth_column() -> None:
    html = render_report(Report("t", "h", questions=[QuestionRow("q", "a", "seen", 0.5)]))
    assert "Truth" not in html and "✓" not in html


def test_crowded_events_are_stacked(scene: MapScene) -> None:
    events = [TimelineEvent(10.0, "added", str(i)) for i in range(5)]
    html = render_report(Report("t", "h", events=events))
    heights = re.findall(r'<circle cx="[\d.]+" cy="([\d.]+)"', html)
    assert len(set(heights)) == 5


def test_picture_file_keeps_its_kind(scene: MapScene, tmp_path: Path) -> None:
    picture = picture_of_file(save_map(tmp_path / "m.png", scene), "map")
    assert picture.uri.startswith("data:image/png;base64,iVBOR")
