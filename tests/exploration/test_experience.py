"""Tips at run time: kept in the map after a run, read before the choices of the next one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from memory_agent_ros.exploration.candidates import FRONTIER, KINDS
from memory_agent_ros.exploration.codes import Mode, StopReason
from memory_agent_ros.exploration.experience import MapTips, experience_of, own_score, tips_of
from memory_agent_ros.exploration.explorer import Explorer
from memory_agent_ros.exploration.features import SHAPE
from memory_agent_ros.exploration.request import Request
from memory_agent_ros.exploration.run_state import RunState
from memory_agent_ros.exploration.situation import Array, Situations, TipTokens
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.decision import Candidate, CandidateKind
from tests.exploration.box_world import three_rooms
from tests.exploration.remembered import Weighs
from tests.exploration.test_policy_runs import drive


class Copies(Weighs):
    """Weighs features, and gives its vote to the candidate most like the one that its best tip chose."""

    name = "copies-1"

    def logits(self, situations: Situations, tips: TipTokens | None = None) -> Array:
        scores = super().logits(situations)
        return scores if tips is None else scores + self.explain(situations, tips)[1].sum(axis=2)

    def explain(self, situations: Situations, tips: TipTokens) -> tuple[Array, Array]:
        """See LearnedPolicy."""
        chosen, score = tips.features[..., :-2], tips.features[..., -2]
        unlike = np.linalg.norm(situations.candidates[:, :, None] - chosen[:, None], axis=3)
        near = (unlike <= unlike.min(axis=1, keepdims=True) + 1e-6) & tips.mask[:, None]
        votes = np.where(near, 3.0 * (score - 0.5)[:, None], 0.0).astype(np.float32)
        return super().logits(situations), votes


def run_of(mode: Mode, reason: StopReason, coverage: float = 0.0) -> RunState:
    run = RunState(Request(mode, "mug", Weighs()))
    run.stop_reason, run.coverage = reason, coverage
    return run


def test_a_run_is_scored_by_what_the_robot_can_know() -> None:
    assert own_score(run_of(Mode.SEARCH, StopReason.GOAL_FOUND)) == 1.0
    assert own_score(run_of(Mode.SEARCH, StopReason.GAVE_UP, 0.9)) == 0.0
    assert own_score(run_of(Mode.DISCOVER, StopReason.NOTHING_LEFT, 0.7)) == pytest.approx(0.7)


def test_experience_speaks_of_kind_thing_and_room_but_not_of_metres() -> None:
    key, choice = np.zeros(4, np.float32), np.zeros(3, np.float32)
    candidate = Candidate(CandidateKind.VIEWPOINT, np.zeros(2), 3.7, 5, "kitchen", "counter")
    one = experience_of(candidate, key, choice)
    assert one.text == "viewpoint on the counter in the kitchen" and one.kind == "viewpoint" and one.objects == (5,)
    assert experience_of(Candidate(CandidateKind.STOP, np.zeros(2), 0.0), key, choice).text == "stop here"


def test_tips_of_a_run_are_read_in_the_next_one_and_say_that_they_spoke(tmp_path: Path) -> None:
    path = tmp_path / "home.map"
    with SpatialMemory.open(path) as memory:
        explorer = Explorer()
        policy = Copies(is_stop=-9.0, path=-1.0)
        explorer.start("discover", 100.0, policy=policy, tips=MapTips(memory.tips), max_decisions=3)
        drive(three_rooms(), explorer)
        assert all(not t for d in explorer.decisions for t in d.tips), "there were no tips yet"
        tips = tips_of(explorer.run, 0.9, episode="first", world="home", stamp_ns=7)
        assert len(tips) == 3 and [t.source.step for t in tips] == [0, 1, 2]
        assert all(t.situation.shape == (SHAPE.key,) and t.choice.shape == (SHAPE.candidate,) for t in tips)
        assert tips[0].kind == KINDS[FRONTIER] and "90/100" in tips[0].text
        MapTips(memory.tips).add(tips)
    with SpatialMemory.open(path) as memory:
        again = Explorer()
        again.start("discover", 100.0, policy=policy, tips=MapTips(memory.tips), max_decisions=1)
        drive(three_rooms(), again)
        decision = again.decisions[0]
        voted = [i for i, texts in enumerate(decision.tips) if texts]
        assert voted and decision.chosen in voted
        assert decision.terms[decision.chosen]["tips"] > 0.5
        assert "tip" in decision.reason and tips[0].text in decision.tips[decision.chosen]


def test_tips_of_another_width_are_left_alone() -> None:
    with SpatialMemory.open(None) as memory:
        run = run_of(Mode.SEARCH, StopReason.GOAL_FOUND)
        key = np.eye(1, 8, dtype=np.float32)[0]
        candidate = Candidate(CandidateKind.FRONTIER, np.zeros(2), 1.0)
        run.experience.append(experience_of(candidate, key, np.zeros(3, np.float32)))
        run.decisions.append(None)  # type: ignore[arg-type]
        run.decisions[0] = type("D", (), {"policy": "old"})()
        MapTips(memory.tips).add(tips_of(run, 1.0, episode="e", world="w", stamp_ns=1))
        wide = np.eye(1, SHAPE.key, dtype=np.float32)
        assert MapTips(memory.tips).retrieve("search", wide).tips == ((),)
        assert len(MapTips(memory.tips).retrieve("search", key[None]).tips[0]) == 1
        assert len(MapTips(memory.tips).tips("search")) == 1
