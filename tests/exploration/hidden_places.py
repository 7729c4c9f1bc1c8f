"""A toy search: things of each sort mostly lie at one sort of place, which nobody tells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.exploration.situation import Shape, Situations, Step

WIDTH = 12


class HiddenPlaces:
    """Look into places, stop once the thing is in sight; reward 1 for that alone.

    Args:
        sorts: sorts of things; ``kinds`` of places; ``habit`` chance that a thing is at a place of its sort's kind.
        places: of a task; ``looks`` allowed.
        shift: turns the table of habits, for worlds where things have other habits.
    """

    def __init__(
        self, sorts: int = 12, kinds: int = 8, places: int = 10, looks: int = 4, habit: float = 0.85, shift: int = 0
    ) -> None:
        self.name, self.shape = "hidden_places", Shape(WIDTH, WIDTH, WIDTH + 3, 2 * WIDTH)
        rng = np.random.default_rng(0)
        self._sorts, self._kinds = (
            v / np.linalg.norm(v, axis=1, keepdims=True)
            for v in (rng.normal(size=(sorts, WIDTH)), rng.normal(size=(kinds, WIDTH)))
        )
        self._habits = (rng.permutation(sorts) + shift) % kinds
        self._places, self._looks, self._habit = places, looks, habit

    def reset(self, tasks: Sequence[int]) -> Situations:
        drawn = [self._draw(task) for task in tasks]
        self._goal, self._at = (np.array([d[i] for d in drawn]) for i in (0, 1))
        self._kind = np.array([d[2] for d in drawn])
        self._opened = np.zeros(self._kind.shape, np.bool_)
        self._done, self._decisions = np.zeros(len(tasks), np.bool_), 0
        self._score = np.zeros(len(tasks), np.float32)
        return self._situations()

    def _draw(self, task: int) -> tuple[int, int, NDArray[np.int64]]:
        rng = np.random.default_rng([7, task])
        goal = int(rng.integers(len(self._sorts)))
        kind = rng.integers(len(self._kinds), size=self._places)
        wanted = np.flatnonzero(kind == self._habits[goal])
        at = int(rng.choice(wanted)) if len(wanted) and rng.random() < self._habit else int(rng.integers(self._places))
        return goal, at, kind

    def step(self, choices: NDArray[np.integer]) -> Step:
        live = np.flatnonzero(~self._done)
        reward = np.zeros(len(choices), np.float32)
        stop = choices[live] == self._places
        found = self._in_sight()[live]
        reward[live] = stop & found
        self._score += reward
        self._opened[live[~stop], choices[live][~stop]] = True
        self._decisions += 1
        self._done[live] = stop | (self._decisions > self._looks)
        return Step(self._situations(), reward, self._done.copy())

    def scores(self) -> NDArray[np.float32]:
        return self._score

    def goal_text(self, row: int) -> str:
        return f"thing {self._goal[row]}"

    def choice_text(self, row: int, choice: int) -> str:
        return "stop" if choice == self._places else f"viewpoint on a place of kind {self._kind[row, choice]}"

    def _in_sight(self) -> NDArray[np.bool_]:
        return self._opened[np.arange(len(self._at)), self._at]

    def _situations(self) -> Situations:
        rows, places = self._kind.shape
        kinds = self._kinds[self._kind]
        candidates = np.zeros((rows, places + 1, WIDTH + 3))
        candidates[:, :-1, :WIDTH] = kinds
        candidates[:, :-1, WIDTH] = self._opened
        candidates[:, -1, WIDTH + 1] = 1.0
        candidates[:, -1, WIDTH + 2] = self._in_sight()
        goal = self._sorts[self._goal]
        seen = (kinds * self._opened[..., None]).sum(axis=1) * 0.2
        key = np.concatenate([goal, seen], axis=1)
        state = self._goal * 10_000 + (self._opened * 2 ** (self._kind % 12)).sum(axis=1)
        return Situations(
            goal.astype(np.float32),
            kinds.astype(np.float32),
            self._opened.copy(),
            candidates.astype(np.float32),
            np.ones((rows, places + 1), np.bool_),
            (key / np.linalg.norm(key, axis=1, keepdims=True)).astype(np.float32),
            state.astype(np.int64),
        )
