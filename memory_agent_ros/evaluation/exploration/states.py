"""Numbers of states for counting, and situations of which some rows go on."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.exploration.situation import Situations
from memory_agent_ros.records.exploration_task import ExplorationTask


def task_number(task: ExplorationTask, goal: str) -> int:
    """A number of 64 bits for an apartment and what is wanted there, the same in every process."""
    text = f"{task.split}/{task.seed}/{task.placement}/{goal}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def state_numbers(task: NDArray[np.uint64], xy: NDArray[np.floating], in_sight: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(B,) hash of the task, the square metre that (B, 2) the robot stands on, and (B, M) the things in sight."""
    cell = np.floor(xy).astype(np.int64)
    weights = _mix(np.arange(1, in_sight.shape[1] + 1, dtype=np.uint64))
    sight = np.where(in_sight, weights, np.uint64(0)).sum(axis=1, dtype=np.uint64)
    mixed = _mix(task ^ _mix(sight + _mix((cell[:, 0] * 4096 + cell[:, 1]).astype(np.uint64))))
    return mixed.view(np.int64)


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64 (Steele et al., OOPSLA 2014)."""
    with np.errstate(over="ignore"):
        z = values + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(z ^ (z >> np.uint64(31)))


def write_rows(last: Situations, rows: NDArray[np.int64], found: Situations) -> Situations:
    """The last situations with some rows replaced."""

    def put(name: str) -> NDArray[Any]:
        values: NDArray[Any] = getattr(last, name).copy()
        values[rows] = getattr(found, name)
        return values

    return Situations(
        goal=put("goal"),
        context=put("context"),
        context_mask=put("context_mask"),
        candidates=put("candidates"),
        candidate_mask=put("candidate_mask"),
        key=put("key"),
        state=put("state"),
    )
