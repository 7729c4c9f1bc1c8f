"""Text games as situations: what is offered, rewarded, counted and remembered; scenes met before are not played."""

from collections.abc import Sequence

import numpy as np

from memory_agent_ros.evaluation.exploration.text.encoding import WIDTH, TextVectors
from memory_agent_ros.evaluation.exploration.text.environment import TextConfig, TextEnvironment
from memory_agent_ros.evaluation.exploration.text.game import ReplayedGame, Scene, SceneCache

ROOMS = ("hall", "kitchen", "cellar")


class Corridor:
    """Walk to the cellar and take the lamp; half the score for getting there. Counts what it was made to do."""

    def __init__(self) -> None:
        self.played = 0

    def start(self, task: int) -> Scene:
        self.restore(task, ())
        return self._scene("")

    def act(self, command: str) -> Scene:
        self._do(command)
        return self._scene(f"you did {command}")

    def restore(self, task: int, commands: Sequence[str]) -> None:
        self._room, self._best, self._won = task, 0.0, False
        for command in commands:
            self._do(command)

    def _do(self, command: str) -> None:
        self.played += 1
        self._room = min(max(self._room + {"go on": 1, "go back": -1}.get(command, 0), 0), 2)
        self._best = max(self._best, 0.5 * (self._room == 2))
        self._won = command == "take lamp"

    def _scene(self, answer: str) -> Scene:
        here = ("go back", "go on", "take lamp") if self._room == 2 else ("go back", "go on")
        score = 1.0 if self._won else self._best
        return Scene(
            "take the lamp", (f"You are in the {ROOMS[self._room]}.", "It is dark."), answer, () if self._won else here,
            score, self._won,
        )  # fmt: skip


def environment(**config: object) -> TextEnvironment:
    return TextEnvironment("corridor", Corridor, TextVectors(), TextConfig(**config))  # type: ignore[arg-type]


def test_an_episode_is_played_to_its_end_row_by_row() -> None:
    env = environment()
    now = env.reset([0, 1])
    assert env.shape.candidate == now.candidates.shape[2] and env.shape.context == now.context.shape[2]
    assert env.shape.goal == now.goal.shape[1] and env.shape.key == now.key.shape[1]
    assert now.candidate_mask.sum(axis=1).tolist() == [2, 2] and env.choice_text(0, 1) == "go on"
    first = env.step(np.array([1, 1]))
    assert first.reward.tolist() == [0.0, 0.5] and env.scores().tolist() == [0.0, 0.5]
    assert first.situations.candidate_mask.sum(axis=1).tolist() == [2, 3]
    second = env.step(np.array([1, 2]))
    assert second.done.tolist() == [False, True] and second.reward.tolist() == [0.5, 0.5]
    third = env.step(np.array([0, 0]))
    assert third.reward.tolist() == [0.0, 0.0] and third.done.tolist() == [False, True]
    assert np.array_equal(third.situations.candidates[1], second.situations.candidates[1]), "a row that is done moved"
    assert env.scores().tolist() == [0.5, 1.0]


def test_the_whole_score_comes_at_the_end_if_rewards_are_not_shaped() -> None:
    env = environment(shaped=False, decisions=3)
    env.reset([0])
    steps = [env.step(np.array([1])) for _ in range(3)]
    assert [s.reward.tolist() for s in steps] == [[0.0], [0.0], [0.5]]
    assert [bool(s.done[0]) for s in steps] == [False, False, True]


def test_the_words_of_a_situation_are_its_rows_words() -> None:
    env = environment()
    env.reset([0, 2])
    now = env.step(np.array([1, 1])).situations
    assert now.words[1].goal == "take the lamp" and now.words[1].choices == ("go back", "go on", "take lamp")
    assert now.words[0].lines == ("You are in the kitchen.", "It is dark.", "> go on: you did go on")
    assert now.rows(np.array([1])).words == now.words[1:]
    assert now.rows(np.array([True, False])).words == now.words[:1]


def test_what_was_done_is_in_the_features() -> None:
    env = environment()
    before = env.reset([0])
    env.step(np.array([0]))
    after = env.step(np.array([0])).situations
    assert not before.candidates[0, :, WIDTH : WIDTH + 3].any()
    assert np.allclose(after.candidates[0, 0, WIDTH : WIDTH + 3], [np.log(3), np.log(3), 1.0])
    assert not after.candidates[0, 1, WIDTH : WIDTH + 3].any()
    assert after.context[0, 2:, WIDTH].tolist() == [1.0, 1.0] and not after.context[0, :2, WIDTH:].any()


def test_too_many_commands_leave_those_most_like_the_goal() -> None:
    class Crowded(Corridor):
        def _scene(self, answer: str) -> Scene:
            commands = (*(f"push button {n}" for n in range(50)), "take lamp")
            return Scene("take the lamp", ("A room.",), answer, commands, 0.0, False)

    env = TextEnvironment("crowded", Crowded, TextVectors(), TextConfig(candidates=5))
    offered = env.reset([0]).words[0].choices
    assert len(offered) == 5 and offered[-1] == "take lamp"


def test_situations_that_look_alike_have_like_keys_and_one_state() -> None:
    env = environment()
    now = env.reset([0, 0, 2])
    assert np.allclose(np.linalg.norm(now.key, axis=1), 1.0, atol=1e-5)
    assert now.state[0] == now.state[1] != now.state[2]
    assert now.key[0] @ now.key[1] > 0.999 and 0.4 < now.key[0] @ now.key[2] < 0.9  # two of three lines are the same
    again = env.step(np.array([0, 0, 0])).situations
    assert again.state[0] == now.state[0], "the state counts what is seen, not what was done"


def test_scenes_met_before_are_not_played_again() -> None:
    cache, game = SceneCache(), Corridor()
    replayed, fresh = ReplayedGame(game, cache), Corridor()
    way = ["go on", "go back", "go on", "go on", "take lamp"]
    expected = [fresh.start(0), *(fresh.act(c) for c in way)]
    assert [replayed.start(0), *(replayed.act(c) for c in way)] == expected and game.played == 5
    assert [replayed.start(0), *(replayed.act(c) for c in way)] == expected and game.played == 5
    assert replayed.start(0) == expected[0] and replayed.act("go on") == expected[1]
    assert replayed.act("go on") == Scene(
        "take the lamp", ("You are in the cellar.", "It is dark."), "you did go on", ("go back", "go on", "take lamp"),
        0.5, False,
    )  # fmt: skip
    assert game.played == 7, "one command to get there, one to go on"
    replayed.restore(0, ["go on", "go on"])
    assert replayed.act("take lamp").done and (cache.hits, cache.misses) == (8, 8)


def test_the_cache_keeps_what_was_asked_for_last() -> None:
    cache = SceneCache(most=2)
    scenes = [Scene(str(n), (), "", (), 0.0, False) for n in range(3)]
    cache.put(0, (), scenes[0])
    cache.put(1, (), scenes[1])
    assert cache.get(0, ()) is scenes[0]
    cache.put(2, (), scenes[2])
    assert cache.get(1, ()) is None and cache.get(0, ()) is scenes[0]


def test_vectors_go_through_an_embedder_once() -> None:
    class Counting:
        asked: list[str] = []  # noqa: RUF012

        def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
            self.asked += texts
            return np.stack([np.eye(384, dtype=np.float32)[len(t)] for t in texts])

    vectors = TextVectors(Counting())
    first = vectors.of(["a", "bb", "a"])
    assert np.allclose(np.linalg.norm(first, axis=1), 1.0, atol=1e-5) and np.array_equal(first[0], first[2])
    vectors.of(["bb", "ccc"])
    assert Counting.asked == ["a", "bb", "ccc"]


def test_without_an_embedder_common_words_make_likeness() -> None:
    a, b, c = TextVectors().of(["take the red lamp", "take the lamp", "open door"])
    assert a @ b > 0.7 > a @ c + 0.3
