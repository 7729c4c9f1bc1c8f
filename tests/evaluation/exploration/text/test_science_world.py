"""ScienceWorld itself behind the protocol: its own solution is among the commands offered and scores full."""

import shutil

import numpy as np
import pytest

from memory_agent_ros.evaluation.exploration.text import science_world
from memory_agent_ros.evaluation.exploration.text.make import TASKS, make_text_environment
from memory_agent_ros.evaluation.exploration.text.science_world import ScienceWorldGame, sensible, variations
from memory_agent_ros.records.errors import BadInputError

#: Ways to the full score of the first variation of the training split.
SOLUTIONS = {
    "find-living-thing": (
        "teleport to outside",
        "focus on butterfly",
        "pick up butterfly",
        "teleport to kitchen",
        "move {} to red box",
    ),
    "find-non-living-thing": ("teleport to kitchen", "focus on chair", "move chair to red box"),
    "lifespan-longest-lived": ("teleport to outside", "focus on baby baby brown bear"),
}


def test_only_commands_that_can_matter_are_offered() -> None:
    valid = [
        "teleport to kitchen", "teleport to hallway", "focus on chair", "focus on door to hallway", "focus on kitchen",
        "move chair to red box", "move chair to table", "move red box to red box", "move agent to red box", "wait1",
        "look",
        "use thermometer on chair", "use axe on chair", "pick up chair", "eat apple", "close fridge", "open fridge",
        "0",
    ]  # fmt: skip
    goal = "Use the thermometer, then move the thing to the Red Box."
    assert sensible(valid, goal) == (
        "0", "focus on chair", "move chair to red box", "open fridge", "pick up chair", "teleport to hallway",
        "teleport to kitchen", "use thermometer on chair", "wait1",
    )  # fmt: skip


#: Ways to fail: the first focus is on something else. An orange is no living thing there, and a butterfly is one.
MISTAKES = dict.fromkeys(SOLUTIONS, ("focus on orange",)) | {
    "find-non-living-thing": ("teleport to outside", "focus on butterfly")
}


@pytest.fixture(scope="module")
def _installed() -> None:
    pytest.importorskip("scienceworld")
    if shutil.which("java") is None:
        pytest.skip("Java is not installed")


@pytest.mark.usefixtures("_installed")
@pytest.mark.parametrize("task", SOLUTIONS)
def test_a_known_solution_scores_full_and_a_wrong_focus_fails(task: str) -> None:
    env, tasks = make_text_environment("scienceworld", task, "train", 2)
    assert tasks == range(2)
    now, total = env.reset([0, 0]), np.zeros(2)
    way = list(SOLUTIONS[task])
    for n, command in enumerate(way):
        if "{}" in command:  # what was focused on has got another name meanwhile: it is the butterfly or its egg
            command = next(c for c in now.words[0].choices if c.endswith("to red box") and "butterfly" in c)
        wrong = MISTAKES[task][n] if n < len(MISTAKES[task]) else now.words[1].choices[0]
        choices = [now.words[row].choices.index(c) for row, c in enumerate((command, wrong))]
        step = env.step(np.array(choices))
        now, total = step.situations, total + step.reward
    assert step.done.all() and env.scores().tolist() == [1.0, 0.0]
    assert np.allclose(total, [1.0, 0.0], atol=1e-6)


def test_the_tasks_that_are_measured_have_been_tried() -> None:
    assert set(TASKS["scienceworld"]) <= set(SOLUTIONS)


@pytest.mark.usefixtures("_installed")
def test_games_side_by_side_do_not_disturb_each_other_and_repeat() -> None:
    chosen = variations("find-living-thing", "train")[:2]
    one, other = (ScienceWorldGame("find-living-thing", chosen) for _ in range(2))
    way = ("teleport to kitchen", "open fridge", "teleport to outside")
    first = [one.start(0), *(one.act(c) for c in way)]
    second = other.start(1)
    mixed = [one.start(0)]
    for command in way:
        other.act("wait1")
        mixed.append(one.act(command))
    assert mixed == first and second.goal != first[0].goal
    other.restore(0, way[:2])
    assert other.act(way[2]) == first[3]


@pytest.mark.usefixtures("_installed")
def test_splits_are_scienceworlds_own_and_do_not_overlap() -> None:
    parts = [set(variations("lifespan-longest-lived", split)) for split in ("train", "val", "test")]
    assert all(parts) and not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])
    with pytest.raises(BadInputError) as caught:
        variations("make-gold", "train")
    assert caught.value.reason == "task_unknown"


def test_without_java_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("scienceworld")
    monkeypatch.setattr(science_world.shutil, "which", lambda name: None)
    with pytest.raises(science_world.MissingExtraError, match="default-jre-headless"):
        science_world._gateway.__wrapped__()
