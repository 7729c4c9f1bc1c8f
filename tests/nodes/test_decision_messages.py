from __future__ import annotations

import numpy as np
from builtin_interfaces.msg import Time

from memory_agent_ros.exploration.codes import Abandoned, AbandonReason, Reason
from memory_agent_ros.nodes.decision_messages import abandoned_message, decision_from_message, decision_message
from memory_agent_ros.nodes.markers import marker_array
from memory_agent_ros.records.decision import Candidate, CandidateKind, Decision
from memory_agent_ros.viz.decision_markers import decision_markers

DECISION = Decision(
    stamp_ns=12_000_000_005,
    policy="learned/1",
    goal="red mug",
    candidates=(
        Candidate(CandidateKind.STOP, np.array([0.5, -1.0]), 0.0),
        Candidate(CandidateKind.VIEWPOINT, np.array([2.0, 3.0]), 4.25, object_id=7, room="kitchen", label="mug"),
    ),
    scores=np.array([-np.inf, 2.5], dtype=np.float32),
    terms=({}, {"goal_match": 1.5, "path": -0.25}),
    tips=((), ("mugs stand in kitchens",)),
    chosen=1,
    reason="best match",
)


def test_a_decision_survives_the_message() -> None:
    message = decision_message(DECISION, 3, "map")
    assert (message.number, message.header.frame_id) == (3, "map")
    back = decision_from_message(message)
    assert (back.stamp_ns, back.policy, back.goal, back.chosen, back.reason) == (
        DECISION.stamp_ns, "learned/1", "red mug", 1, "best match",
    )  # fmt: skip
    np.testing.assert_array_equal(back.scores, DECISION.scores)
    assert back.terms == DECISION.terms and back.tips == DECISION.tips
    for ours, theirs in zip(DECISION.candidates, back.candidates, strict=True):
        assert (ours.kind, ours.path_m, ours.label) == (theirs.kind, theirs.path_m, theirs.label)
        assert (ours.object_id, ours.room) == (theirs.object_id, theirs.room)
        np.testing.assert_array_equal(ours.xy, theirs.xy)


def test_a_decision_without_terms_and_tips_is_a_message_too() -> None:
    bare = Decision(1, "p", "", DECISION.candidates, DECISION.scores, (), (), 0, "")
    assert list(decision_message(bare, 1, "map").candidates[1].term_names) == []


def test_a_goal_put_aside_says_why() -> None:
    goal = Abandoned(np.array([1.0, 2.0]), Reason.NEAREST_FRONTIER, AbandonReason.REJECTED, 2, "Nav2 rejected the goal")
    message = abandoned_message(goal)
    assert (message.position.x, message.reason, message.why) == (1.0, "nearest_frontier", "rejected")
    assert (message.attempts, message.detail) == (2, "Nav2 rejected the goal")


def test_every_candidate_keeps_its_colour_in_rviz() -> None:
    records = decision_markers(DECISION, np.zeros((0, 2)))
    (dots,) = [m for m in marker_array(records, "map", Time()).markers if m.ns == "candidates"]
    (record,) = [m for m in records if m.namespace == "candidates"]
    assert len(dots.points) == len(dots.colors) == 2
    np.testing.assert_allclose([[c.r, c.g, c.b, c.a] for c in dots.colors], record.colors, atol=1e-6)
