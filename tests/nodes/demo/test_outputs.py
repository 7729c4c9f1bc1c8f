"""What the demo writes, from a memory that really lived through it."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.nodes.demo.config import DemoConfig
from memory_agent_ros.nodes.demo.outputs import build_report, change_pictures, choices_of, scene_at, write_outputs
from memory_agent_ros.nodes.demo.run import usable_policy
from memory_agent_ros.nodes.demo.story import DemoResult
from memory_agent_ros.records.decision import Candidate, CandidateKind, Decision
from memory_agent_ros.records.map_object import ObjectState
from tests.nodes.demo.conftest import Lived


@pytest.fixture(scope="module")
def written(lived: Lived, tmp_path_factory: pytest.TempPathFactory) -> tuple[DemoResult, Path]:
    out = tmp_path_factory.mktemp("out")
    shutil.copy(lived.map_path, out / "map.map")
    paths = {"report": out / "report.html", "map": out / "map.map", "rerun": out / "demo.rrd", "film": out / "demo.gif"}
    return write_outputs(DemoConfig(out=out), paths, lived.diary, lived.story), out


def test_both_changes_were_noticed_and_every_question_answered_rightly(written: tuple[DemoResult, Path]) -> None:
    told = written[0].to_dict()
    assert (told["noticed"], told["changed"]) == (2, 2)
    assert [(q["question"], q["ok"]) for q in told["questions"] if not q["ok"]] == []
    assert told["asked"] >= 7
    assert {q["state"] for q in told["questions"]} == {"seen", "gone", "unknown"}


def test_every_file_is_there_and_opens(written: tuple[DemoResult, Path]) -> None:
    out = written[1]
    html = (out / "report.html").read_text()
    assert "2 of 2" in html and html.count("data:image/") > 8 and html.count("✓ right") == len(written[0].questions)
    with Image.open(out / "demo.gif") as film:
        assert film.n_frames == 48
    assert (out / "demo.rrd").stat().st_size > 10_000


def test_the_map_before_shows_the_mug_where_it_was(lived: Lived) -> None:
    with SpatialMemory.open(lived.map_path, read_only=True) as memory:
        objects, events = memory.objects(), memory.changes()
    explored_ns = lived.story.phases[0][2]
    before = {o.label: o for o in scene_at(objects, events, lived.diary, explored_ns).objects}
    after = {o.label: o for o in scene_at(objects, events, lived.diary, lived.diary.now_ns, lived.story).objects}
    assert np.linalg.norm(before["mug"].box.center[:2] - [2.4, 0.5]) < 0.1
    assert np.linalg.norm(after["mug"].box.center[:2] - [-2.4, 0.3]) < 0.1
    assert before["bowl"].state is ObjectState.PRESENT and after["bowl"].state is ObjectState.GONE


def test_change_pictures_show_before_and_after(lived: Lived) -> None:
    with SpatialMemory.open(lived.map_path, read_only=True) as memory:
        events = memory.changes()
    moved, removed = lived.story.edits
    captions = [
        p.caption for edit in (moved, removed) for p in change_pictures(edit, lived.diary, edit.noticed_by(events))
    ]
    assert len(captions) == 4
    assert captions[0].startswith("before: mug") and "new place" in captions[1]
    assert captions[2].startswith("before: bowl") and "not there any more" in captions[3]


def test_pictures_of_changes_are_taken_on_the_right_side_of_the_change(lived: Lived) -> None:
    moved = lived.story.edits[0]
    second = [float(p.caption.split()[-2]) for p in change_pictures(moved, lived.diary, None)]
    assert second[0] <= moved.stamp_ns / 1e9 <= second[1] + 0.5


def test_report_tells_the_truth_when_nothing_was_noticed(lived: Lived) -> None:
    import dataclasses

    far = [dataclasses.replace(e, before=np.array([9.0, 9, 9]), after=np.array([9.0, 9, 9])) for e in lived.story.edits]
    story = dataclasses.replace(lived.story, edits=far)
    with SpatialMemory.open(lived.map_path, read_only=True) as memory:
        report = build_report(DemoConfig(), memory, memory.objects(), memory.changes(), lived.diary, story, None)
    assert "it noticed 0 of them" in report.headline
    assert [t.good for t in report.tiles if t.label == "changes noticed"] == [False]


def test_keyframes_of_the_answers_are_pictures(lived: Lived) -> None:
    with SpatialMemory.open(lived.map_path, read_only=True) as memory:
        ids = {e.keyframe_id for a in lived.story.asked for e in a.answer.evidence}
        for number in ids:
            assert Image.open(io.BytesIO(memory.keyframe(number).jpeg)).size == (320, 240)


def test_the_report_shows_three_choices_with_candidates_and_reasons(lived: Lived) -> None:
    diary = lived.diary
    candidates = tuple(Candidate(CandidateKind.FRONTIER, np.array([x, 0.0]), x) for x in (1.0, 2.0, 3.0))
    terms = ({"way": 0.5}, {"way": 0.1}, {"way": -0.6})
    diary.decisions = [
        Decision(stamp, "p-1", "", candidates, np.array([2, 1, 0], np.float32), terms, ((),) * 3, 0, f"reason {i}")
        for i, stamp in enumerate(np.linspace(0, diary.now_ns, 5).astype(int).tolist())
    ]
    with SpatialMemory.open(lived.map_path, read_only=True) as memory:
        choices = choices_of(memory.objects(), memory.changes(), diary, 0)
    diary.decisions = []
    assert len(choices) == 3
    assert all(c.reason.startswith("reason") and "p-1" in c.title for c in choices)
    assert [o.chosen for o in choices[0].options] == [True, False, False]


def test_a_policy_that_cannot_be_had_gives_way_with_a_reason() -> None:
    assert usable_policy("frontier")[0] == ""
    name, why = usable_policy("wander")
    assert name == "" and "wander" in why and "cannot be had" in why
    assert usable_policy("nearest_frontier")[0] == "nearest_frontier"
