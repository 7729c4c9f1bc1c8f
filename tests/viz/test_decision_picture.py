"""Choices of the explorer on a page."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from memory_agent_ros.records.decision import Candidate, CandidateKind, Decision
from memory_agent_ros.viz.decision_picture import decision_choice, telling_decisions
from memory_agent_ros.viz.report import Report, render_report
from memory_agent_ros.viz.scene import FloorMap, MapScene


def decision(
    stamp_ns: int, kind: CandidateKind = CandidateKind.FRONTIER, count: int = 4, scale: float = 1.0
) -> Decision:
    candidates = [Candidate(CandidateKind.STOP, np.zeros(2), 0.0)]
    candidates += [Candidate(kind, np.array([float(i), 1.0]), float(i), None, "hall") for i in range(1, count)]
    scores = scale * np.arange(count, dtype=np.float32)
    terms = tuple({"way": -0.5 * i, "goal": 0.01} for i in range(count))
    tips = tuple((f"tip {i}", "another") if i else () for i in range(count))
    return Decision(stamp_ns, "test-1", "mug", tuple(candidates), scores, terms, tips, count - 1, "because")


def scene() -> MapScene:
    floor = FloorMap(np.zeros((50, 60), np.int8), 0.1, np.array([-1.0, -1.0]))
    return MapScene([], floor, None, np.zeros((0, 2)), (), (0.0, 0.0, 0.0), frozenset())


def test_the_decisions_shown_are_real_choices_of_different_kinds() -> None:
    many = [decision(i, CandidateKind.VIEWPOINT if i == 7 else CandidateKind.FRONTIER) for i in range(9)]
    many[0] = decision(0, count=2)
    shown = telling_decisions(many)
    assert len(shown) == 3 and shown == sorted(shown)
    assert 0 not in shown and 7 in shown
    assert telling_decisions(many[:1]) == []


def test_a_choice_lists_the_best_first_with_terms_and_tips_and_marks_the_chosen_one() -> None:
    choice = decision_choice(decision(0), scene(), "Choice 1")
    assert [o.score for o in choice.options] == ["3.00", "2.00", "1.00", "0.00"]
    first = choice.options[0]
    assert first.chosen and first.terms == "way -1.50" and first.tips == ("tip 3",)
    assert first.text == "frontier in hall, 3.0 m" and choice.options[-1].text == "stop"
    with Image.open(io.BytesIO(choice.picture.data)) as picture:
        assert picture.width > 300
        pixels = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    assert (np.abs(pixels - np.array([0xC2, 0x18, 0x5B])).sum(axis=1) < 12).sum() > 20, "the chosen one is ringed"


def test_a_choice_that_was_not_the_best_is_listed_too() -> None:
    worst = decision(0, count=14, scale=-1.0)
    options = decision_choice(worst, scene(), "Choice 1").options
    assert len(options) == 8 and options[-1].chosen


def test_the_page_shows_choices() -> None:
    page = render_report(Report("t", "h", choices=[decision_choice(decision(0), scene(), "Choice 1")]))
    assert "Why it went there" in page and "because" in page and page.count('class="chosen"') == 1
    assert "Why it went there" not in render_report(Report("t", "h"))
