"""Words for policies that read, where an environment gives none with its situations."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.exploration.situation import Array, Environment, Shape, Situations, SituationWords, Step


class Worded:
    """An environment whose situations say goal and choices in the words of ``goal_text`` and ``choice_text``.

    Situations that bring words of their own keep them.

    Args:
        environment: what is played.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    @property
    def name(self) -> str:
        """Domain."""
        return self._environment.name

    @property
    def shape(self) -> Shape:
        """Widths of the arrays."""
        return self._environment.shape

    def reset(self, tasks: Sequence[int]) -> Situations:
        """Begin an episode of each task."""
        return self._said(self._environment.reset(tasks))

    def step(self, choices: NDArray[np.integer]) -> Step:
        """Do what was chosen."""
        step = self._environment.step(choices)
        return dataclasses.replace(step, situations=self._said(step.situations))

    def scores(self) -> Array:
        """(B,) score of each episode so far."""
        return self._environment.scores()

    def goal_text(self, row: int) -> str:
        """The goal of an episode."""
        return self._environment.goal_text(row)

    def choice_text(self, row: int, choice: int) -> str:
        """A candidate of the current situation."""
        return self._environment.choice_text(row, choice)

    def _said(self, situations: Situations) -> Situations:
        if situations.words:
            return situations
        words = tuple(
            SituationWords(
                self.goal_text(row),
                (),
                tuple(self.choice_text(row, c) if there else "" for c, there in enumerate(mask)),
            )
            for row, mask in enumerate(situations.candidate_mask.tolist())
        )
        return dataclasses.replace(situations, words=words)
