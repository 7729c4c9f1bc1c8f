"""A policy chooses among candidates; every choice is kept with what spoke for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.exploration.candidates import KINDS, MATCHES, STOP, CandidateConfig, Choices, choose_candidates
from memory_agent_ros.exploration.codes import Mode, Reason, StopReason
from memory_agent_ros.exploration.experience import domain_of, experience_of
from memory_agent_ros.exploration.explanation import explain, reason_text
from memory_agent_ros.exploration.features import SCALARS, make_situations
from memory_agent_ros.exploration.goals import Goal, GoalChooser
from memory_agent_ros.exploration.run_state import RunState
from memory_agent_ros.exploration.situation import Array, Policy, Situations
from memory_agent_ros.exploration.tips import Retrieved, TipStore
from memory_agent_ros.exploration.words import situation_words
from memory_agent_ros.exploration.world_view import Known, WorldView
from memory_agent_ros.records.decision import Candidate, CandidateKind, Decision

_REASONS = {
    CandidateKind.FRONTIER: Reason.CHOSEN_FRONTIER,
    CandidateKind.VIEWPOINT: Reason.CHOSEN_VIEWPOINT,
    CandidateKind.ROOM: Reason.CHOSEN_ROOM,
}


class PolicyChooser:
    """Makes candidates of what is known, asks a policy, keeps the :class:`Decision`.

    Args:
        run: the run, to which decisions are added.
        view: looks at floor plan and memory.
        goals: knows which places were put aside.
        policy: scores candidates.
        tips: read before each choice, or None.
        config: how many candidates.
    """

    def __init__(
        self,
        run: RunState,
        view: WorldView,
        goals: GoalChooser,
        policy: Policy,
        tips: TipStore | None = None,
        config: CandidateConfig | None = None,
    ) -> None:
        self._run, self._view, self._goals, self._policy, self._tips = run, view, goals, policy, tips
        self._config = config or CandidateConfig()

    def next(self, stamp_ns: int) -> Goal | StopReason:
        """See :class:`~memory_agent_ros.exploration.choosers.Chooser`."""
        run = self._run
        known = self._view.now(run)
        choices = choose_candidates(known.places, known.things, self._config)
        if run.spent:
            return StopReason.GOAL_FOUND if self._declares_goal(known, choices) else StopReason.BUDGET
        if choices.mask[0].sum() <= 1:
            return self._nothing_left(known, choices)
        if run.request.mode is Mode.DISCOVER and not np.isfinite(run.request.budget_m):
            choices.mask[0, 0] = False  # without a budget nothing is saved by stopping early
        ways = known.graph.distances(known.places.xy[0][choices.place[0]], known.things.xy[0])
        situations = make_situations(
            choices, known.places, known.things, known.goal, ways[None].astype(np.float32), self._config
        )
        if getattr(self._policy, "reads_words", False):
            valid = np.flatnonzero(choices.mask[0]).tolist()
            listed = {i: _candidate(known, choices, situations, i) for i in valid}
            words = situation_words(run.request.goal or str(run.request.mode), known, listed, choices.mask.shape[1])
            situations = replace(situations, words=(words,))
        told = None if self._tips is None else self._tips.retrieve(domain_of(run.request.mode), situations.key)
        if told is not None and not told.tips[0]:
            told = None
        scores = self._policy.logits(situations, None if told is None else told.tokens)[0]
        chosen = int(np.argmax(scores))
        self._keep(stamp_ns, known, choices, situations, told, scores, chosen)
        if choices.kind[chosen] == STOP:
            return self._stopped(known, choices)
        return _goal(known, choices, chosen)

    def _keep(
        self,
        stamp_ns: int,
        known: Known,
        choices: Choices,
        situations: Situations,
        told: Retrieved | None,
        scores: Array,
        chosen: int,
    ) -> None:
        valid = np.flatnonzero(choices.mask[0])
        listed = tuple(_candidate(known, choices, situations, int(i)) for i in valid)
        why = explain(self._policy, situations, valid, told)
        at = int(np.searchsorted(valid, chosen))
        goal = self._run.request.goal
        self._run.experience.append(experience_of(listed[at], situations.key[0], situations.candidates[0, chosen]))
        self._run.decisions.append(
            Decision(
                stamp_ns,
                self._policy.name,
                goal,
                listed,
                scores[valid].astype(np.float32),
                why.terms,
                why.tips,
                at,
                reason_text(listed[at], why.terms[at], why.tips[at]),
            )
        )

    def _stopped(self, known: Known, choices: Choices) -> StopReason:
        """The policy chose to end the run: with a thing it was looking for in sight, or without."""
        if self._run.request.mode is not Mode.SEARCH:
            return StopReason.POLICY_STOPPED
        return StopReason.GOAL_FOUND if self._declares_goal(known, choices) else StopReason.GAVE_UP

    def _nothing_left(self, known: Known, choices: Choices) -> Goal | StopReason:
        """Only ``stop`` can be chosen: what was not looked at closely, for discovery; else why."""
        if self._run.request.mode is Mode.DISCOVER:
            return self._goals.nearest_frontier() or self._goals.coverage_gap() or StopReason.NOTHING_LEFT
        if self._run.request.mode is not Mode.SEARCH:
            return StopReason.NOTHING_LEFT
        if self._declares_goal(known, choices):
            return StopReason.GOAL_FOUND
        there = (known.things.match[0] >= MATCHES) & (known.things.presence[0] >= MATCHES)
        return StopReason.GOAL_UNREACHABLE if there.any() else StopReason.NOTHING_LEFT

    def _declares_goal(self, known: Known, choices: Choices) -> bool:
        thing = int(choices.thing[0, 0])
        return thing >= 0 and bool(known.things.match[0, thing] >= MATCHES)


def _goal(known: Known, choices: Choices, chosen: int) -> Goal:
    """The chosen candidate as a place to drive to."""
    place, thing = int(choices.place[0, chosen]), int(choices.thing[0, chosen])
    xy = known.places.xy[0, place].astype(np.float64)
    look_at: NDArray[np.float64] | None = None if thing < 0 else known.things.xy[0, thing].astype(np.float64)
    return Goal(xy, _REASONS[KINDS[int(choices.kind[chosen])]], look_at_xy=look_at)


def _candidate(known: Known, choices: Choices, situations: Situations, index: int) -> Candidate:
    place, thing = int(choices.place[0, index]), int(choices.thing[0, index])
    values = situations.candidates[0, index, : len(SCALARS)]
    item = known.objects[thing] if thing >= 0 else None
    return Candidate(
        kind=KINDS[int(choices.kind[index])],
        xy=known.places.xy[0, place].astype(np.float64),
        path_m=float(known.places.path_m[0, place]),
        object_id=None if item is None else item.id,
        room=known.room_name(int(known.places.room[0, place])),
        label="" if item is None else item.label,
        features={name: round(float(v), 4) for name, v in zip(SCALARS, values, strict=True)},
    )
