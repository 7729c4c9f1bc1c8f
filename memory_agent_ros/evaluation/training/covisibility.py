"""Batches of pictures and how much of each other they show, for training recall. Needs torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from torch import Tensor

from memory_agent_ros.evaluation.views.view_set import ViewSet, covisibility
from memory_agent_ros.evaluation.walks.noise import PoseNoise
from memory_agent_ros.memory.encoder_network import TokenBatch
from memory_agent_ros.memory.tokens import APPEARANCE, LABEL, PATCH, keyframe_tokens
from memory_agent_ros.memory.views.patch_features import DESCRIPTOR

#: Pictures closer in time than this are no candidates of each other.
_NEAR_IN_TIME = 8


@dataclass(frozen=True)
class Pictures:
    """Pictures of one apartment as tensors, in their cameras' frames.

    Attributes:
        features: (N, P, 84); points (N, P, 3) optical frame, metres; rotation (N, P, 3, 3) minimal rotations of rays.
        T_map_camera: (N, 4, 4) true poses; origin (3,) middle of the apartment.
        index: (N,) number in the walk.
        covisible: (N, N) share of the first's surface that the second shows; empty where it is not needed.
    """

    features: Tensor
    points: Tensor
    rotation: Tensor
    T_map_camera: NDArray[np.float64]
    origin: NDArray[np.float64]
    index: NDArray[np.intp]
    covisible: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.index)


def pictures(views: ViewSet, chosen: NDArray[np.intp], *, pairs: bool) -> Pictures:
    """Tensors of the chosen pictures, with all pairs' co-visibility if asked for."""
    tokens = [keyframe_tokens(views.patches(int(i)), np.eye(4)) for i in chosen]
    poses = views.T_map_camera[chosen]
    return Pictures(
        torch.from_numpy(np.stack([t.features for t in tokens])),
        torch.from_numpy(np.stack([t.points for t in tokens])),
        torch.from_numpy(np.stack([t.rotation for t in tokens])),
        poses,
        poses[:, :3, 3].mean(axis=0),
        chosen,
        covisibility(views, chosen, chosen) if pairs else np.zeros((0, 0), np.float32),
    )


def posed(source: Pictures, rows: NDArray[np.intp], T_map_camera: NDArray[np.float64]) -> TokenBatch:
    """Tokens of some pictures at given (n, 4, 4) poses, about the apartment's origin."""
    T = torch.from_numpy(T_map_camera).clone()
    T[:, :3, 3] -= torch.from_numpy(source.origin)
    T = T.float()
    R = T[:, None, :3, :3]
    points = (R @ source.points[rows].unsqueeze(-1)).squeeze(-1) + T[:, None, :3, 3]
    shape = points.shape[:2]
    return TokenBatch(
        torch.full(shape, PATCH, dtype=torch.int64),
        source.features[rows],
        points,
        R @ source.rotation[rows],
        torch.ones(shape, dtype=torch.bool),
    )


@dataclass(frozen=True)
class ViewBatch:
    """Queries with wrong poses and candidates with nearly right ones, of one apartment.

    Attributes:
        queries, candidates: their tokens; ``T_query`` (Q, 4, 4), ``T_candidate`` (F, 4, 4) the poses told.
        covisible: (Q, F); allowed (Q, F) bool.
    """

    queries: TokenBatch
    candidates: TokenBatch
    T_query: Tensor
    T_candidate: Tensor
    covisible: Tensor
    allowed: Tensor


def draw_batch(source: Pictures, rng: np.random.Generator, queries: int = 24, candidates: int = 64) -> ViewBatch:
    """A batch with errors of up to about 0.8 m and 25 degrees, in a map turned at random.

    A sixth of the queries has no colours: views of which there is no picture, only an expectation of the surfaces.
    """
    order = rng.permutation(len(source))
    asking, stored = order[:queries], order[queries : queries + candidates]
    error = PoseNoise(rng.uniform(0.2, 0.7), rng.uniform(5.0, 20.0), "gaussian", int(rng.integers(2**31)))
    small = PoseNoise(0.05, 1.0, "gaussian", int(rng.integers(2**31)))
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("z", rng.uniform(0.0, 2.0 * np.pi)).as_matrix()
    middle = np.eye(4)
    middle[:3, 3] = source.origin
    world = middle @ turn @ np.linalg.inv(middle)
    T_query, T_stored = (world @ n.draw(source.T_map_camera[rows]) for n, rows in ((error, asking), (small, stored)))
    tokens = posed(source, asking, T_query)
    features = tokens.features.clone()
    blind = torch.from_numpy(rng.random(len(asking)) < 1 / 6)
    colors = slice(APPEARANCE + LABEL, APPEARANCE + LABEL + DESCRIPTOR)
    features[blind, :, colors] = 0.0
    features[blind, :, APPEARANCE + LABEL + 16] = 0.0
    tokens = TokenBatch(tokens.kind, features, tokens.points, tokens.rotation, tokens.mask)
    apart = np.abs(source.index[asking][:, None] - source.index[stored][None]) > _NEAR_IN_TIME
    return ViewBatch(
        tokens,
        posed(source, stored, T_stored),
        torch.from_numpy(T_query).float(),
        torch.from_numpy(T_stored).float(),
        torch.from_numpy(source.covisible[np.ix_(asking, stored)]),
        torch.from_numpy(apart),
    )
