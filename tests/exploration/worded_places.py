"""A toy with words: three doors, one of which the goal names by a riddle that only practice tells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.exploration.situation import Shape, Situations, Step

COLOURS = ("red", "green", "blue")
RIDDLES = ("fire", "grass", "sky")


class Doors:
    """One choice: the door whose colour is the riddle's; reward 1 for that alone. Gives no words by itself."""

    name, shape = "doors", Shape(3, 1, 3, 3)

    def reset(self, tasks: Sequence[int]) -> Situations:
        self._riddle = np.asarray(tasks) % 3
        self._order = np.stack([np.random.default_rng(int(t)).permutation(3) for t in tasks])
        self._score = np.zeros(len(tasks), np.float32)
        return self._situations()

    def step(self, choices: NDArray[np.integer]) -> Step:
        chosen = np.take_along_axis(self._order, np.asarray(choices)[:, None], 1)[:, 0]
        self._score = (chosen == self._riddle).astype(np.float32)
        return Step(self._situations(), self._score, np.ones(len(choices), np.bool_))

    def scores(self) -> NDArray[np.float32]:
        return self._score

    def goal_text(self, row: int) -> str:
        return f"open the door of {RIDDLES[self._riddle[row]]}"

    def choice_text(self, row: int, choice: int) -> str:
        return f"the {COLOURS[self._order[row, choice]]} door"

    def _situations(self) -> Situations:
        rows, eye = len(self._riddle), np.eye(3, dtype=np.float32)
        return Situations(
            eye[self._riddle], np.zeros((rows, 1, 1), np.float32), np.ones((rows, 1), np.bool_), eye[self._order],
            np.ones((rows, 3), np.bool_), eye[self._riddle], self._riddle.astype(np.int64),
        )  # fmt: skip
