"""The rule that all policies without training share: when the goal is known go and declare it, else explore."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.exploration.candidates import MATCHES, PRESENT
from memory_agent_ros.exploration.features import INDEX
from memory_agent_ros.exploration.situation import Array, Situations

#: Logits of declaring, of going to what matches, of exploring, of looking again, and of giving up: far apart, so that
#: a sample is as good as the largest.
_DECLARE, _GO, _EXPLORE, _LOOK, _GIVE_UP = 4000.0, 3000.0, 2000.0, 1000.0, 0.0
#: One unit of score is worth so much.
_SHARP = 50.0


def column(situations: Situations, name: str) -> NDArray[Any]:
    """(B, C) one feature of the candidates."""
    return np.asarray(situations.candidates[..., INDEX[name]])


def declaring(situations: Situations, score: NDArray[np.floating], explores: NDArray[np.bool_]) -> Array:
    """Logits of a policy that explores by score and declares by rule.

    Args:
        situations: with candidates of :mod:`memory_agent_ros.exploration.features`.
        score: (B, C) of exploring there, within +-15.
        explores: (B, C) candidates that are for exploring; the rest is taken, nearest first, once there are none.

    A thing that matches the goal and is in reach of a declaration is declared (``stop``); else the nearest viewpoint on
    one is taken; else the best score; with nothing left, ``stop``.
    """
    stop, viewpoint = column(situations, "is_stop") > 0, column(situations, "is_viewpoint") > 0
    matches = (column(situations, "match") >= MATCHES) & (column(situations, "presence") >= PRESENT)
    near = -0.1 * column(situations, "path")
    logits = np.full(stop.shape, _GIVE_UP)
    logits = np.where(~stop, _LOOK + _SHARP * near, logits)
    logits = np.where(explores & ~stop, _EXPLORE + _SHARP * np.clip(score, -15.0, 15.0), logits)
    logits = np.where(viewpoint & matches, _GO + _SHARP * near, logits)
    logits = np.where(stop & matches, _DECLARE, logits)
    return np.where(situations.candidate_mask, logits, -np.inf).astype(np.float32)
