"""The grid of write and retrieval strategies, and the ways of breaking a run."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("memory_agent_sim.layout")

from memory_agent_ros.evaluation.doctor.breaking import WAYS
from memory_agent_ros.evaluation.doctor.grid import RETRIEVE, WRITE, grid
from memory_agent_ros.reasoning.doctor.stages import Stage


class Letters:
    """A stand-in for a sentence encoder: how often each letter is there."""

    def embed_texts(self, texts):
        counts = np.array([[t.count(c) for c in "abcdefghijklmnopqrstuvwxyz"] for t in texts], np.float32)
        return counts / np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-6)


def test_oracle_and_no_memory_bound_every_arm():
    cells = grid("train", 0, 4, Letters())
    assert set(cells) == {f"{w}_{r}" for w in WRITE for r in RETRIEVE} | {"oracle", "no_memory"}

    def share(arm, name):
        return float(np.mean([getattr(c, name) for c in cells[arm]]))

    assert all(len(each) == 4 for each in cells.values())
    assert share("oracle", "recall") == 1.0 and share("no_memory", "recall") == 0.0
    best = max(share(arm, "right") for arm in cells if arm not in ("oracle", "no_memory"))
    assert share("no_memory", "right") <= best <= share("oracle", "right")
    assert all(0.0 <= c.precision <= 1.0 and 0.0 <= c.recall <= 1.0 for each in cells.values() for c in each)


def test_every_stage_can_be_broken():
    assert set(WAYS) == set(Stage) and all(WAYS.values())


@pytest.mark.slow
def test_the_doctor_names_what_was_broken():
    from memory_agent_ros.evaluation.doctor.examine import planted_failures

    found = planted_failures("train", 0, 2)
    assert {e.planted for e in found} == set(Stage)
    assert sum(e.named is e.planted for e in found) >= 0.9 * len(found)
