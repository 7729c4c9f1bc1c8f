"""TextWorld itself behind the protocol: its games are won by what it says wins them, lost by the wrong thing."""

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tatsu", reason="TextWorld is not installed")
pytest.importorskip("mementos", reason="TextWorld is not installed")

from memory_agent_ros.evaluation.exploration.text import text_world
from memory_agent_ros.evaluation.exploration.text.make import make_text_environment
from memory_agent_ros.evaluation.exploration.text.text_world import TextWorldGame
from memory_agent_ros.records.errors import BadInputError, MissingExtraError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        text_world._textworld()
    except MissingExtraError as error:
        pytest.skip(str(error))
    return tmp_path_factory.mktemp("games")


def test_textworlds_solution_wins(folder: Path) -> None:
    env, tasks = make_text_environment("textworld", "treasure-hunter-5", "train", 1, folder=folder)
    assert tasks == range(1)
    way = TextWorldGame(5, tasks, folder)._begin(0).policy_commands
    now, total = env.reset([0]), 0.0
    assert env.goal_text(0) == way[-1] and env.goal_text(0).startswith("take ")
    for command in way:
        step = env.step(np.array([now.words[0].choices.index(command)]))
        now, total = step.situations, total + float(step.reward[0])
    assert step.done.all() and env.scores().tolist() == [1.0] and total == 1.0


def test_the_wrong_thing_loses(folder: Path) -> None:
    game = TextWorldGame(5, [0], folder)
    waiting = [()]
    while True:  # breadth first, until a thing is in sight that is not the goal
        way = waiting.pop(0)
        scene = game.start(0)
        for command in way:
            scene = game.act(command)
        wrong = [c for c in scene.commands if c.startswith("take ") and c.partition(" from ")[0] != scene.goal]
        if wrong:
            break
        waiting += [(*way, c) for c in scene.commands if c.startswith("go ")]
        assert len(way) < 7, "the game has no wrong thing"
    end = game.act(wrong[0])
    assert end.done and end.score == 0.0 and end.commands == ()


def test_lines_tell_what_can_be_seen_and_no_more(folder: Path) -> None:
    game = TextWorldGame(12, [3], folder)
    scene = game.start(0)
    assert scene.lines[0].startswith("You are in the ") and not any(c.startswith("examine") for c in scene.commands)
    ways = [c for c in scene.commands if c.startswith("go ")]
    assert ways and all(any(c.split()[1] in line for line in scene.lines) for c in ways)
    assert sum(line.startswith("You are in the ") for line in scene.lines) == 1
    takes = [c for c in scene.commands if c.startswith("take ")]
    for take in takes:
        thing = take.removeprefix("take ").partition(" from ")[0]
        assert any(thing in line for line in scene.lines)


def test_a_game_repeats_and_its_file_is_made_once(folder: Path) -> None:
    game = TextWorldGame(5, [0], folder)
    first = game.start(0)
    stamp = next(folder.glob("treasure-hunter-5-0.json")).stat().st_mtime_ns
    after = game.act(first.commands[0])
    other = TextWorldGame(5, [0], folder)
    other.restore(0, [first.commands[0]])
    assert other.start(0) == first and other.act(first.commands[0]) == after
    assert next(folder.glob("treasure-hunter-5-0.json")).stat().st_mtime_ns == stamp


def test_the_player_under_the_gpl_is_neither_needed_nor_left_behind(folder: Path) -> None:
    assert "jericho" not in sys.modules or hasattr(sys.modules["jericho"], "FrotzEnv")


@pytest.mark.parametrize("task", ["coin-collector-1", "treasure-hunter-0", "treasure-hunter-x"])
def test_unknown_tasks_are_refused(task: str) -> None:
    with pytest.raises(BadInputError) as caught:
        make_text_environment("textworld", task, "train", 1)
    assert caught.value.reason == "task_unknown"
