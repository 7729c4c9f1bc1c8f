"""What spoke for a choice: the score with and without each kind of knowledge, and the tips that voted for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.exploration.features import IN_ROOM, INDEX, NEAR, THING
from memory_agent_ros.exploration.situation import Policy, Situations
from memory_agent_ros.exploration.tips import Retrieved
from memory_agent_ros.records.decision import Candidate, CandidateKind


def _columns(*names: str) -> tuple[int, ...]:
    return tuple(INDEX[name] for name in names)


#: Features of a candidate by what they tell.
TERMS: Mapping[str, tuple[int | slice, ...]] = {
    "way": _columns("path", "gain_per_metre", "left_after", "within_budget"),
    "unknown floor": _columns("gain", "gain_per_metre"),
    "goal": _columns("match", "goal_known", "goal_likes_thing"),
    "what is near": (*_columns("goal_likes_near", "things_near"), NEAR),
    "room": (*_columns("goal_likes_room", "things_in_room", "room_entered", "room_known"), IN_ROOM),
    "memory": (*_columns("presence", "age", "unclear", "visits", "surprise", "surprise_known"), THING),
}
#: Smaller terms are not worth telling.
_TOLD = 0.05
#: Tips that add less to a score did not speak for it.
_VOTE = 0.01


@dataclass(frozen=True)
class Explanation:
    """For each candidate the terms of its score and the texts of tips that spoke for it."""

    terms: tuple[Mapping[str, float], ...]
    tips: tuple[tuple[str, ...], ...]


def explain(
    policy: Policy, situations: Situations, valid: NDArray[np.integer], told: Retrieved | None = None
) -> Explanation:
    """Ask the policy again with one kind of knowledge hidden at a time (occlusion; Zeiler and Fergus, 2014).

    A term is how far a candidate's score, seen against the mean of all, falls when the policy is not told. A policy
    that answers the same question differently (a random one), or that reads words, has no terms.

    Args:
        policy: the one that chose.
        situations: one row.
        valid: (N,) candidates to explain.
        told: the tips it saw, None if there were none.
    """
    if getattr(policy, "reads_words", False):
        return Explanation(({},) * len(valid), ((),) * len(valid))
    names = [*TERMS, "tips"] if told is not None else [*TERMS]
    hidden = np.repeat(situations.candidates, len(names) + 2, axis=0)
    for row, columns in enumerate(TERMS.values(), start=2):
        for column in columns:
            hidden[row, :, column] = 0.0
    same = np.zeros(len(hidden), np.int64)
    asked = replace(situations.rows(same), candidates=hidden)
    tokens = None if told is None else told.tokens.rows(same)
    if tokens is not None:
        tokens.mask[-1] = False
    scores = policy.logits(asked, tokens)[:, valid]
    if not np.isfinite(scores).all() or not np.allclose(scores[0], scores[1], atol=1e-4):
        return Explanation(({},) * len(valid), ((),) * len(valid))
    centred = scores - scores.mean(axis=1, keepdims=True)
    fall = centred[0] - centred[2:]
    terms = tuple({name: round(float(fall[i, j]), 3) for i, name in enumerate(names)} for j in range(len(valid)))
    return Explanation(terms, _votes(policy, situations, valid, told))


def _votes(
    policy: Policy, situations: Situations, valid: NDArray[np.integer], told: Retrieved | None
) -> tuple[tuple[str, ...], ...]:
    """For each candidate the texts of tips that spoke for it, strongest first, where the policy can say so."""
    ask = getattr(policy, "explain", None)
    if told is None or ask is None:
        return ((),) * len(valid)
    votes = np.asarray(ask(situations, told.tokens)[1])[0, valid]
    found = []
    for row in votes:
        order = np.argsort(-row, kind="stable")
        texts = [told.tips[0][t].text for t in order.tolist() if t < len(told.tips[0]) and row[t] > _VOTE]
        found.append(tuple(dict.fromkeys(texts)))
    return tuple(found)


def reason_text(candidate: Candidate, terms: Mapping[str, float], tips: tuple[str, ...]) -> str:
    """A choice in words: what it is, what spoke for it and against it."""
    told = sorted((t for t in terms.items() if abs(t[1]) >= _TOLD), key=lambda t: -t[1])
    scored = ", ".join(f"{name} {value:+.2f}" for name, value in told)
    parts = [_what(candidate)]
    if scored:
        parts.append(scored)
    if tips:
        count = "a tip" if len(tips) == 1 else f"{len(tips)} tips, first"
        parts.append(f'{count}: "{tips[0]}"')
    return "; ".join(parts)


def _what(candidate: Candidate) -> str:
    where = f" in {candidate.room}" if candidate.room else ""
    if candidate.kind is CandidateKind.STOP:
        return f"stop: {candidate.label} #{candidate.object_id} is in sight" if candidate.label else "stop"
    if candidate.kind is CandidateKind.VIEWPOINT:
        return f"look at {candidate.label} #{candidate.object_id}{where}, {candidate.path_m:.1f} m away"
    if candidate.kind is CandidateKind.ROOM:
        return f"enter {candidate.room or 'an unknown room'}, {candidate.path_m:.1f} m away"
    gain = 10 * candidate.features.get("gain", 0.0)
    return f"frontier{where}, {candidate.path_m:.1f} m away, {gain:.1f} m2 unknown behind it"
