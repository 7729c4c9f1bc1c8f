"""Choices of the explorer and goals put aside: records <-> messages."""

from __future__ import annotations

import numpy as np
from geometry_msgs.msg import Point

from memory_agent_msgs.msg import AbandonedGoal, ExplorationCandidate, ExplorationDecision
from memory_agent_ros.exploration.codes import Abandoned
from memory_agent_ros.nodes.conversions import nanoseconds, time_message
from memory_agent_ros.records.decision import Candidate, CandidateKind, Decision
from memory_agent_ros.records.errors import BadInputError


def decision_message(decision: Decision, number: int, frame_id: str) -> ExplorationDecision:
    """Decision -> message; ``number`` counts the choices of a run from 1. The policy's features are left out."""
    message = ExplorationDecision(
        number=number,
        policy=decision.policy,
        goal=decision.goal,
        candidates=[_candidate_message(decision, index) for index in range(len(decision.candidates))],
        chosen=int(decision.chosen),
        reason=decision.reason,
    )
    message.header.frame_id, message.header.stamp = frame_id, time_message(decision.stamp_ns)
    return message


def _candidate_message(decision: Decision, index: int) -> ExplorationCandidate:
    candidate = decision.candidates[index]
    terms = decision.terms[index] if index < len(decision.terms) else {}
    return ExplorationCandidate(
        kind=str(candidate.kind),
        position=Point(x=float(candidate.xy[0]), y=float(candidate.xy[1])),
        path_m=float(candidate.path_m),
        object_id=int(candidate.object_id or 0),
        label=candidate.label,
        room=candidate.room,
        score=float(decision.scores[index]),
        term_names=list(terms),
        term_values=[float(value) for value in terms.values()],
        tips=list(decision.tips[index]) if index < len(decision.tips) else [],
    )


def decision_from_message(message: ExplorationDecision) -> Decision:
    """Message -> Decision without features of candidates.

    Raises:
        BadInputError: ``decision_invalid`` for an unknown kind of candidate, terms without values, no such choice.
    """
    kinds = {item.kind for item in message.candidates} - set(CandidateKind)
    uneven = any(len(item.term_names) != len(item.term_values) for item in message.candidates)
    if kinds or uneven or message.chosen >= max(len(message.candidates), 1):
        raise BadInputError("decision_invalid", "a decision whose candidates, terms and choice do not fit each other")
    return Decision(
        stamp_ns=nanoseconds(message.header.stamp),
        policy=message.policy,
        goal=message.goal,
        candidates=tuple(
            Candidate(
                kind=CandidateKind(item.kind),
                xy=np.array([item.position.x, item.position.y]),
                path_m=float(item.path_m),
                object_id=int(item.object_id) or None,
                label=item.label,
                room=item.room,
            )
            for item in message.candidates
        ),
        scores=np.array([item.score for item in message.candidates], dtype=np.float32),
        terms=tuple(
            dict(zip(item.term_names, (float(value) for value in item.term_values), strict=True))
            for item in message.candidates
        ),
        tips=tuple(tuple(item.tips) for item in message.candidates),
        chosen=int(message.chosen),
        reason=message.reason,
    )


def abandoned_message(goal: Abandoned) -> AbandonedGoal:
    """Goal that was put aside -> message."""
    return AbandonedGoal(
        position=Point(x=float(goal.goal_xy[0]), y=float(goal.goal_xy[1])),
        reason=str(goal.reason),
        why=str(goal.why),
        attempts=int(goal.attempts),
        detail=goal.detail,
    )
