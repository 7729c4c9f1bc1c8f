"""Episodes played side by side, every decision kept with its probability."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.exploration.situation import (
    Array,
    Environment,
    Policy,
    Situations,
    TipTokens,
    concatenate,
    concatenate_tips,
)
from memory_agent_ros.exploration.tips import TipStore, kind_of, tip_text
from memory_agent_ros.records.tip import Tip, TipSource


@dataclass(frozen=True, eq=False)
class Rollout:
    """E episodes with M decisions in all.

    Attributes:
        domain: name of the environment.
        situations: M situations in which a decision was made.
        seen: tips that the policy saw in each, or None if it acted without.
        choice: (M,) int64 candidate that was chosen.
        choice_text: M choices in words; empty strings where no tips are to be written.
        log_prob: (M,) float32 its log-probability then, with the tips that were seen.
        reward: (M,) float32.
        episode, step: (M,) int64 number of the episode, and of the decision within it.
        task: (E,) int64 number of each episode's task in its environment.
        goal: E goals in words.
        score: (E,) float32 of each episode, 0 to 1.
    """

    domain: str
    situations: Situations
    seen: TipTokens | None
    choice: NDArray[np.int64]
    choice_text: tuple[str, ...]
    log_prob: Array
    reward: Array
    episode: NDArray[np.int64]
    step: NDArray[np.int64]
    task: NDArray[np.int64]
    goal: tuple[str, ...]
    score: Array

    def returns(self, reward: Array) -> NDArray[np.float64]:
        """(M,) reward of decisions -> (E,) its sum over each episode."""
        return np.bincount(self.episode, reward, len(self.task)).astype(np.float64)

    def tips(self, policy: str) -> list[Tip]:
        """One tip for each decision, with its own situation as key."""
        now = time.time_ns()
        lengths = np.bincount(self.episode, minlength=len(self.task))
        out = []
        for m, (e, step) in enumerate(zip(self.episode.tolist(), self.step.tolist(), strict=True)):
            score, text, world = float(self.score[e]), self.choice_text[m], f"{self.domain}/{self.task[e]}"
            out.append(
                Tip(
                    self.domain,
                    self.goal[e],
                    self.situations.key[m],
                    self.situations.candidates[m, self.choice[m]],
                    kind_of(text),
                    score,
                    tip_text(self.goal[e], text, score, int(lengths[e])),
                    TipSource(f"{world}/{now}/{e}", step, policy, now, world),
                )
            )
        return out


def rollout(
    environment: Environment,
    policy: Policy,
    tasks: Sequence[int],
    tips: TipStore | Sequence[TipStore] | None = None,
    seed: Sequence[int] = (0,),
    *,
    temperature: float = 1.0,
    words: bool = True,
) -> Rollout:
    """Play an episode of each task to its end, side by side.

    Args:
        environment: what is played.
        policy: what chooses, by drawing from its softmax.
        tasks: numbers of tasks; the same may occur more than once.
        tips: read in every situation, one store for all or one for each task; without, the policy acts without tips.
        seed: of the draws.
        temperature: of the softmax; 0 always takes the highest score. The probabilities that are kept are those of 1.
        words: keep the choices in words, for tips.
    """
    rng = np.random.default_rng(seed)
    situations, alive, turn = environment.reset(tasks), np.ones(len(tasks), np.bool_), 0
    goal = tuple(environment.goal_text(row) for row in range(len(tasks)))
    parts: list[Situations] = []
    seen: list[TipTokens] = []
    text: list[str] = []
    columns: list[tuple[NDArray[np.int64], Array, Array, NDArray[np.int64], NDArray[np.int64]]] = []
    while alive.any():
        rows = np.flatnonzero(alive)
        here = situations.rows(rows)
        told = None if tips is None else _told(tips, environment.name, rows, here.key)
        choice, log_prob = draw(policy.logits(here, told), rng, temperature)
        text += [
            environment.choice_text(r, c) if words else "" for r, c in zip(rows.tolist(), choice.tolist(), strict=True)
        ]
        everyone = np.zeros(len(tasks), np.int64)
        everyone[rows] = choice
        step = environment.step(everyone)
        parts.append(here)
        if told is not None:
            seen.append(told)
        columns.append((choice, log_prob, step.reward[rows], rows.astype(np.int64), np.full(len(rows), turn)))
        situations, alive, turn = step.situations, alive & ~step.done, turn + 1
    chosen, log_probs, reward, episode, number = (np.concatenate(c) for c in zip(*columns, strict=True))
    return Rollout(
        environment.name,
        concatenate(parts),
        concatenate_tips(seen) if seen else None,
        chosen,
        tuple(text),
        log_probs.astype(np.float32),
        reward.astype(np.float32),
        episode,
        number,
        np.asarray(tasks, np.int64),
        goal,
        environment.scores().astype(np.float32),
    )


def _told(tips: TipStore | Sequence[TipStore], domain: str, rows: NDArray[np.intp], keys: Array) -> TipTokens:
    """What the stores say in the situations of some rows."""
    if not isinstance(tips, Sequence):
        return tips.retrieve(domain, keys).tokens
    return concatenate_tips([tips[r].retrieve(domain, keys[i : i + 1]).tokens for i, r in enumerate(rows.tolist())])


def merge(parts: Sequence[Rollout]) -> Rollout:
    """Rollouts of one domain, all with tips or all without, as one; episodes are numbered on."""
    if len(parts) == 1:
        return parts[0]
    first = np.cumsum([0] + [len(p.task) for p in parts[:-1]])
    seen = [p.seen for p in parts if p.seen is not None]
    return Rollout(
        parts[0].domain,
        concatenate([p.situations for p in parts]),
        concatenate_tips(seen) if seen else None,
        np.concatenate([p.choice for p in parts]),
        tuple(text for p in parts for text in p.choice_text),
        np.concatenate([p.log_prob for p in parts]),
        np.concatenate([p.reward for p in parts]),
        np.concatenate([p.episode + n for p, n in zip(parts, first, strict=True)]),
        np.concatenate([p.step for p in parts]),
        np.concatenate([p.task for p in parts]),
        tuple(goal for p in parts for goal in p.goal),
        np.concatenate([p.score for p in parts]),
    )


def draw(logits: Array, rng: np.random.Generator, temperature: float = 1.0) -> tuple[NDArray[np.int64], Array]:
    """(B, C) scores -> (B,) candidates drawn from their softmax, (B,) log-probabilities at temperature 1."""
    scores = logits.astype(np.float64)
    log_all = scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)
    noise = rng.gumbel(size=scores.shape) * temperature
    choice = np.argmax(np.where(np.isfinite(scores), scores + noise, -np.inf), axis=1)
    return choice.astype(np.int64), np.take_along_axis(log_all, choice[:, None], 1)[:, 0].astype(np.float32)
