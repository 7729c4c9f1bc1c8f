"""Association learned on the shared encoder: match, new or clutter for each detection; assignment stays optimal.

Detections and candidate objects are encoded together; a head reads the encoded vectors of a pair beside the measured
features of it. Needs torch;
:mod:`memory_agent_ros.memory.association.associators` falls back to the hand-built costs without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn
from torch.nn import functional

from memory_agent_ros.memory.association.association import Matches, place_leftovers
from memory_agent_ros.memory.association.association_features import (
    OWN_FEATURES,
    PAIR_FEATURES,
    AssociationInput,
    association_input,
    possible_pairs,
    undoubted_pairs,
)
from memory_agent_ros.memory.association.pair_evidence import Problem, gather
from memory_agent_ros.memory.encoder import Encoder
from memory_agent_ros.memory.encoder_network import EncoderNetwork, TokenBatch, batch
from memory_agent_ros.memory.tokens import Tokens
from memory_agent_ros.perception.embedders.torch_threads import one_thread

_NEVER = -1e4
#: A detection is dropped as clutter, and joined to an object already matched, from these probabilities on.
_CLUTTER, _FRAGMENT = 0.8, 0.6


@dataclass(frozen=True)
class AssociationBatch:
    """Frames padded to one size.

    Attributes:
        tokens: of each frame the detections, then the candidates.
        detections, candidates: (B, N) and (B, M) int64 positions of the two in ``tokens`` (0 at padding).
        pairs: (B, N, M, 26); own: (B, N, 10).
        possible: (B, N, M) bool; real: (B, N) bool, False at padding.
        target: (B, N, M + 2) share of the probability that each right answer has: objects, new, clutter.
    """

    tokens: TokenBatch
    detections: Tensor
    candidates: Tensor
    pairs: Tensor
    own: Tensor
    possible: Tensor
    real: Tensor
    target: Tensor


class AssociationHead(nn.Module):
    """Logits of match, new and clutter from encoded tokens and measured features.

    Args:
        dim: channels of the encoder.
        width: channels of the head.
    """

    def __init__(self, dim: int, width: int = 64) -> None:
        super().__init__()
        self.detection, self.object = nn.Linear(dim, width), nn.Linear(dim, width)
        self.query, self.key = nn.Linear(dim, width), nn.Linear(dim, width)
        self.pair_in = nn.Linear(PAIR_FEATURES, width)
        self.pair = nn.Sequential(nn.GELU(), nn.Linear(width, width), nn.GELU(), nn.Linear(width, 1))
        self.own_in = nn.Linear(dim + OWN_FEATURES, width)
        self.own = nn.Sequential(nn.GELU(), nn.Linear(width, 2))

    def forward(self, x: Tensor, frames: AssociationBatch) -> Tensor:
        """(B, T, dim) encoded tokens -> (B, N, M + 2) logits of objects, new, clutter."""
        seen, known = _picked(x, frames.detections), _picked(x, frames.candidates)
        hidden = self.pair_in(frames.pairs) + self.detection(seen)[:, :, None] + self.object(known)[:, None]
        alike = torch.einsum("bnc,bmc->bnm", self.query(seen), self.key(known)) / self.query.out_features**0.5
        match = (self.pair(hidden).squeeze(-1) + alike).masked_fill(~frames.possible, _NEVER)
        return torch.cat([match, self.own(self.own_in(torch.cat([seen, frames.own], dim=2)))], dim=2)


def association_loss(encoder: EncoderNetwork, head: nn.Module, frames: AssociationBatch) -> Tensor:
    """Mean negative log of the probability given to right answers, over the detections."""
    logs = functional.log_softmax(head(encoder(frames.tokens), frames), dim=2)
    right = torch.logsumexp(logs.masked_fill(frames.target <= 0, -1e9), dim=2)
    return -(right * frames.real).sum() / frames.real.sum().clamp(min=1)


def collate(
    inputs: Sequence[tuple[Tokens, NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]],
    targets: Sequence[NDArray[np.float32]] | None = None,
) -> AssociationBatch:
    """Pad frames: per frame tokens, pairs (n, m, 26), own (n, 10), possible (n, m), and targets (n, m + 2)."""
    n, m = max(p.shape[0] for _, p, _, _ in inputs), max(p.shape[1] for _, p, _, _ in inputs)
    count = len(inputs)
    detections, candidates = np.zeros((count, n), np.int64), np.zeros((count, m), np.int64)
    pairs, own = np.zeros((count, n, m, PAIR_FEATURES), np.float32), np.zeros((count, n, OWN_FEATURES), np.float32)
    possible, real = np.zeros((count, n, m), np.bool_), np.zeros((count, n), np.bool_)
    target = np.zeros((count, n, m + 2), np.float32)
    for b, (_, pair, mine, allowed) in enumerate(inputs):
        i, j = allowed.shape
        detections[b, :i], candidates[b, :j] = np.arange(i), i + np.arange(j)
        pairs[b, :i, :j], own[b, :i], possible[b, :i, :j], real[b, :i] = pair, mine, allowed, True
        if targets is not None:
            target[b, :i, :j], target[b, :i, m:] = targets[b][:, :j], targets[b][:, j:]
    arrays = (detections, candidates, pairs, own, possible, real, target)
    return AssociationBatch(batch([t for t, _, _, _ in inputs]), *(torch.from_numpy(a) for a in arrays))


class LearnedAssociator:
    """An :class:`~memory_agent_ros.memory.association.association.Associator` that asks the encoder and the head."""

    def __init__(self, encoder: EncoderNetwork, head: AssociationHead) -> None:
        self._encoder, self._head = encoder.eval(), head.eval()

    @staticmethod
    def load_default() -> LearnedAssociator | None:
        """With the shipped weights; None if there are none, or none of the head."""
        encoder = Encoder.load_default()
        if encoder is None:
            return None
        weights = {k.removeprefix("association."): v for k, v in encoder.others.items() if k.startswith("association.")}
        if not weights:
            return None
        head = AssociationHead(encoder.network.config.dim)
        head.load_state_dict(weights)
        return LearnedAssociator(encoder.network, head)

    def __call__(self, problem: Problem) -> Matches:
        """Assign the detections of one frame; see :class:`~memory_agent_ros.memory.association.association.Matches`."""
        n, m = len(problem.observations), len(problem.tracks)
        result = Matches(overlap=np.zeros((n, m)))
        if n == 0 or m == 0:
            result.new = list(range(n))
            return result
        evidence = gather(problem, thorough=True)
        result.overlap = evidence.overlap
        undoubted = undoubted_pairs(evidence, possible_pairs(evidence))
        log_odds, clutter, share = np.where(undoubted, evidence.score, -np.inf), np.zeros(n), undoubted.astype(float)
        asked = np.asarray(~undoubted.any(axis=1))
        if asked.any():
            self._judge(association_input(problem, evidence, asked), log_odds, clutter, share)
        rows, columns = linear_sum_assignment(-np.maximum(log_odds, -1.0))
        for i, j in zip(rows.tolist(), columns.tolist(), strict=True):
            if log_odds[i, j] > problem.config.match_threshold:
                result.pairs[i] = j
        result.clutter = [i for i in range(n) if i not in result.pairs and clutter[i] >= _CLUTTER]
        taken = set(result.pairs.values())
        for i in range(n):
            best = int(share[i].argmax())
            if i not in result.pairs and i not in result.clutter and best in taken and share[i, best] >= _FRAGMENT:
                result.fragments[i] = best
        place_leftovers(problem, log_odds, result)
        return result

    def _judge(
        self,
        read: AssociationInput,
        log_odds: NDArray[np.float64],
        clutter: NDArray[np.float64],
        share: NDArray[np.float64],
    ) -> None:
        """Fill in what was asked about: (n, m) log-odds against new and clutter, (n,) P(clutter), (n, m) P(match)."""
        at = np.ix_(read.detections, read.candidates)
        if len(read.candidates):
            frames = collate([(read.tokens, read.pairs, read.own, read.possible)])
            with one_thread(), torch.inference_mode():
                logs = functional.log_softmax(self._head(self._encoder(frames.tokens), frames), dim=2)[0].numpy()
        else:
            logs = np.tile(np.log([0.99, 0.01]), (len(read.detections), 1))
        other = np.logaddexp(logs[:, -2], logs[:, -1])
        log_odds[at] = np.where(read.possible, logs[:, :-2] - other[:, None], -np.inf)
        share[at], clutter[read.detections] = np.exp(logs[:, :-2]), np.exp(logs[:, -1])


def _picked(x: Tensor, positions: Tensor) -> Tensor:
    """(B, T, C) tokens at (B, N) positions -> (B, N, C)."""
    return x.gather(1, positions[..., None].expand(-1, -1, x.shape[2]))
