"""The explorer's school: supervised lessons before it learns from its own doing. Needs torch.

The loss is the return that the policy expects of its next choice, over all candidates at once: the policy gradient
without its variance (Allen et al., "Mean actor-critic", arXiv 1709.00503), of one step away from a plain rule. A dense
signal of what lies where before the sparse reward is the idea of PONI (arXiv 2201.10029).
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from memory_agent_ros.evaluation.training.explorer_lessons import gather
from memory_agent_ros.evaluation.training.lesson_book import LessonBook, blurred
from memory_agent_ros.exploration.candidates import STOP
from memory_agent_ros.exploration.guide import information_gain
from memory_agent_ros.exploration.labels import LabelVectors
from memory_agent_ros.exploration.learned_policy import LearnedPolicy
from memory_agent_ros.exploration.situation import Array, Situations

#: Lessons in a batch when the policy is examined, and how many are asked.
_AT_A_TIME, _ASKED = 256, 5000
#: Steps in which the rate rises.
_WARM_UP = 50


@dataclass(frozen=True)
class Schooling:
    """How the lessons are made and learned.

    Attributes:
        apartments: seeds of ``train`` from 0; those with too few rooms are left out.
        held_out: seeds of ``val`` from 0 on which it is examined.
        steps, batch, rate, decay, max_norm: of the optimiser; the rate falls linearly.
        discover: share of the loss, and of each batch, that is discovery.
        area: factor on the returns of discovery, which differ less than those of searches.
        truth: share of a label that comes from where the goal is, not from where it might be.
        blur: how much situations are moved, see :func:`~memory_agent_ros.evaluation.training.lesson_book.blurred`.
        entropy: weight of the policy's entropy.
        averaging: share of the running mean of the weights that each step keeps.
        examine_every: steps between two examinations; the best weights are kept.
        seed: of everything that is drawn.
    """

    apartments: int = 1200
    held_out: int = 160
    steps: int = 1500
    batch: int = 256
    rate: float = 2e-3
    decay: float = 0.05
    max_norm: float = 1.0
    discover: float = 0.15
    area: float = 3.0
    truth: float = 0.3
    blur: float = 1.0
    entropy: float = 0.01
    averaging: float = 0.99
    examine_every: int = 250
    seed: int = 0


def go_to_school(
    policy: LearnedPolicy, schooling: Schooling, words: LabelVectors, *, progress: bool = False
) -> list[dict[str, float]]:
    """Make the lessons, teach the policy, leave it with the weights that were best on ``val``.

    Returns:
        the examinations: ``step``, ``search`` and ``discover`` (mean return of what the policy chose on ``val``),
        ``search_rule`` and ``discover_rule`` (of what the plain rule chose).
    """
    lessons = gather("train", range(schooling.apartments), words, seed=schooling.seed, progress=progress)
    held_out = gather("val", range(schooling.held_out), words, seed=schooling.seed, progress=progress)
    return learn(policy, LessonBook(lessons, words), LessonBook(held_out, words), schooling, progress=progress)


def learn(
    policy: LearnedPolicy, book: LessonBook, held_out: LessonBook, schooling: Schooling, *, progress: bool = False
) -> list[dict[str, float]]:
    """Teach the policy the lessons of a book; see :func:`go_to_school`."""
    rng = np.random.default_rng([schooling.seed, 92])
    typical = rng.permutation(len(book.searches))[: 8 * _AT_A_TIME]
    policy.standardise(book.search(book.searches[typical])[0])
    module = policy.module
    optimizer = torch.optim.AdamW(module.parameters(), lr=schooling.rate, weight_decay=schooling.decay)
    mean = copy.deepcopy(module)
    rule = {f"{name}_rule": value for name, value in returns(None, held_out).items()}
    curve: list[dict[str, float]] = []
    best, kept = -np.inf, copy.deepcopy(module.state_dict())
    for step in tqdm(range(schooling.steps), desc="school", unit="step", disable=not progress):
        warm, rest = min(1.0, (step + 1) / _WARM_UP), max(0.05, 1.0 - step / schooling.steps)
        for setting in optimizer.param_groups:
            setting["lr"] = schooling.rate * warm * rest
        optimizer.zero_grad()
        _loss(policy, book, schooling, rng).backward()
        nn.utils.clip_grad_norm_(module.parameters(), schooling.max_norm)
        optimizer.step()
        with torch.no_grad():
            for own, now in zip(mean.parameters(), module.parameters(), strict=True):
                own.lerp_(now, max(1.0 - schooling.averaging, 1.0 / (step + 1)))
        if (step + 1) % schooling.examine_every == 0 or step + 1 == schooling.steps:
            mean.eval()
            seen = returns(LearnedPolicy(mean, policy.name, policy.about), held_out)
            curve.append({"step": float(step + 1), **seen, **rule})
            worth = seen["search"] + 2.0 * schooling.discover * seen["discover"]
            if worth > best:
                best, kept = worth, copy.deepcopy(mean.state_dict())
    module.load_state_dict(kept)
    module.eval()
    return curve


def expected_return(scores: Tensor, worth: Tensor, mask: Tensor, entropy: float) -> Tensor:
    """The loss: less the mean return that a draw from the scores expects, less the weighted entropy.

    Args:
        scores: (B, C), -inf where there is no candidate.
        worth: (B, C) return of each candidate.
        mask: (B, C) bool.
        entropy: its weight.
    """
    log_all = scores.log_softmax(dim=1).clamp(min=-30.0)
    share = log_all.exp() * mask
    gain = worth - (worth * mask).sum(dim=1, keepdim=True) / mask.sum(dim=1, keepdim=True)
    return -(share * gain).sum(dim=1).mean() + entropy * (share * log_all).sum(dim=1).mean()


def returns(policy: LearnedPolicy | None, book: LessonBook) -> Mapping[str, float]:
    """Mean return of what the policy chooses in the lessons of a book, by the truth; of the plain rule if None."""
    rng = np.random.default_rng(93)
    asked = book.searches[rng.permutation(len(book.searches))[:_ASKED]]
    found = book.discoveries[rng.permutation(len(book.discoveries))[:_ASKED]]
    return {
        "search": _mean_return(policy, (book.search(part) for part in _parts(asked))),
        "discover": _mean_return(policy, (book.discover(part) for part in _parts(found))),
    }


def _loss(policy: LearnedPolicy, book: LessonBook, schooling: Schooling, rng: np.random.Generator) -> Tensor:
    discoveries = round(schooling.discover * schooling.batch)
    which = book.searches[rng.integers(len(book.searches), size=schooling.batch - discoveries)]
    loss = (1.0 - schooling.discover) * _part(policy, book.search(which, schooling.truth), 1.0, schooling, rng)
    if discoveries:
        rows = book.discoveries[rng.integers(len(book.discoveries), size=discoveries)]
        loss = loss + schooling.discover * _part(policy, book.discover(rows), schooling.area, schooling, rng)
    return loss


def _part(
    policy: LearnedPolicy, lesson: tuple[Situations, Array], factor: float, schooling: Schooling, rng: Any
) -> Tensor:
    situations = blurred(lesson[0], rng, schooling.blur)
    mask = torch.from_numpy(situations.candidate_mask)
    return expected_return(policy.scores(situations), factor * torch.from_numpy(lesson[1]), mask, schooling.entropy)


def _mean_return(policy: LearnedPolicy | None, lessons: Iterable[tuple[Situations, Array]]) -> float:
    got: list[float] = []
    for situations, worth in lessons:
        scores = information_gain(situations) if policy is None else policy.logits(situations)
        goes = situations.candidate_mask.copy()
        goes[:, STOP] = False
        choice = np.argmax(np.where(goes, scores, -np.inf), axis=1)
        got += worth[np.arange(len(choice)), choice].tolist()
    return float(np.mean(got)) if got else 0.0


def _parts(rows: np.ndarray[Any, np.dtype[np.int64]]) -> list[np.ndarray[Any, np.dtype[np.int64]]]:
    return [rows[i : i + _AT_A_TIME] for i in range(0, len(rows), _AT_A_TIME)]
