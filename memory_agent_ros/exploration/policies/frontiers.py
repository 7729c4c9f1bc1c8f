"""Frontier policies: any, the nearest, the one that shows most, the one that words speak for."""

from __future__ import annotations

import numpy as np

from memory_agent_ros.exploration.features import INDEX
from memory_agent_ros.exploration.policies.declaring import column, declaring
from memory_agent_ros.exploration.situation import Array, Situations, TipTokens


class Random:
    """Any candidate that explores, all alike.

    Args:
        seed: of the draws.
    """

    name = "random"

    def __init__(self, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)

    def logits(self, situations: Situations, tips: TipTokens | None = None) -> Array:
        """(B, C) scores; different at each call."""
        draw = self._rng.uniform(-1.0, 1.0, situations.candidate_mask.shape)
        return declaring(situations, draw, column(situations, "is_stop") == 0)


class NearestFrontier:
    """The frontier with the shortest path (Yamauchi, CIRA 1997)."""

    name = "nearest_frontier"

    def logits(self, situations: Situations, tips: TipTokens | None = None) -> Array:
        """(B, C) scores."""
        return declaring(situations, -column(situations, "path"), column(situations, "is_frontier") > 0)


class InformationGain:
    """The candidate that shows most unknown floor, discounted by the way (Gonzalez-Banos and Latombe, IJRR 2002).

    Args:
        per_metre: the value of a view falls by ``exp(-per_metre * metres)``.
    """

    name = "information_gain"

    def __init__(self, per_metre: float = 0.3) -> None:
        self.per_metre = per_metre

    def logits(self, situations: Situations, tips: TipTokens | None = None) -> Array:
        """(B, C) scores."""
        gain = 10.0 * column(situations, "gain")
        score = np.log(gain + 1e-3) - self.per_metre * 10.0 * column(situations, "path")
        return declaring(situations, score, gain > 0)


class LanguageFrontier:
    """Candidates near things whose words are like the goal's (the idea of VLFM, Yokoyama et al., ICRA 2024).

    Reads the label vectors that the features carry, so it is as good as the text embedder that made them.

    Args:
        per_metre: what a metre of the way costs, in units of cosine.
    """

    name = "language_frontier"

    def __init__(self, per_metre: float = 0.1) -> None:
        self.per_metre = per_metre

    def logits(self, situations: Situations, tips: TipTokens | None = None) -> Array:
        """(B, C) scores."""
        names = ("goal_likes_thing", "goal_likes_near", "goal_likes_room")
        likes = situations.candidates[..., [INDEX[name] for name in names]].max(axis=2)
        score = likes - self.per_metre * 10.0 * column(situations, "path")
        return declaring(situations, 10.0 * score, column(situations, "is_stop") == 0)
