"""How much of a view each stored picture shows: by the encoder's pooled keys, or by a fixed code where there is none.

Both are a product of one vector per stored picture, kept until its pose changes, with one vector of the query: one
matrix product, linear in pictures. The fixed code is a kernel mean embedding of the patches' points and normals with
random plane waves (a Gaussian kernel of 1 m), beside mean and spread of their colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.encoder import Encoder
from memory_agent_ros.memory.tokens import APPEARANCE, LABEL, Tokens
from memory_agent_ros.memory.views.patch_features import DESCRIPTOR

#: Width of the kernel, metres; number of waves; weight of the colours.
_KERNEL_M, _WAVES, _COLOR_WEIGHT = 1.0, 128, 0.5
_SCALARS = APPEARANCE + LABEL


def view_scores(
    encoder: Encoder | None, query: Tokens, pictures: Sequence[Tokens] | NDArray[np.float32]
) -> NDArray[np.float32]:
    """(F,) how well each picture shows what the query sees; larger is better, comparable within one call only.

    Args:
        encoder: the shipped one, or None for the fixed code.
        query: tokens of a picture (``keyframe_tokens``) or of a pose (``view_tokens``).
        pictures: their tokens, or, quicker, their keys from :func:`view_keys`, which are worth keeping.
    """
    origin = common_origin()
    keys = pictures if isinstance(pictures, np.ndarray) else view_keys(encoder, pictures)
    asked = encoder.view_queries([query], origin)[0] if encoder is not None else fixed_code([query], origin)[0]
    return np.asarray(keys @ asked)


def view_keys(encoder: Encoder | None, pictures: Sequence[Tokens]) -> NDArray[np.float32]:
    """(F, C) float32 keys of pictures; they hold until a picture's pose changes."""
    origin = common_origin()
    return encoder.view_keys(pictures, origin) if encoder is not None else fixed_code(pictures, origin)


def common_origin() -> NDArray[np.float64]:
    """(3,) the origin that keys and queries of a map share: the map's own; good to some kilometres in float32."""
    return np.zeros(3)


def fixed_code(pictures: Sequence[Tokens], origin: NDArray[np.float64]) -> NDArray[np.float32]:
    """(F, C) unit vectors: surfaces and the sides they show, and colours if a picture has them."""
    out = []
    for picture in pictures:
        scalars = picture.features[:, _SCALARS:]
        weight = scalars[:, 11] if scalars[:, 11].any() else np.ones(len(scalars), np.float32)
        weight = weight / weight.sum()
        phase = picture.at(origin).points @ _waves().T
        waves = np.concatenate([np.cos(phase), np.sin(phase)], axis=1) / np.sqrt(_WAVES)
        normals = np.einsum("nab,nb->na", picture.rotation, scalars[:, 8:11])
        sides = np.concatenate([normals, np.ones((len(normals), 1), np.float32)], axis=1)
        surface = np.einsum("na,nw,n->aw", sides, waves, weight).ravel()
        colors = scalars[:, :DESCRIPTOR]
        look = np.concatenate([colors.mean(axis=0) - _mean_color(), colors.std(axis=0) - 0.2])
        look = look if scalars[:, 16].any() else np.zeros_like(look)
        out.append(np.concatenate([_unit(surface), _COLOR_WEIGHT * _unit(look)]))
    return np.asarray(out, np.float32).reshape(len(out), 8 * _WAVES + 2 * DESCRIPTOR)


@cache
def _waves() -> NDArray[np.float32]:
    """(128, 3) random wave vectors, the same everywhere."""
    return (np.random.default_rng(5).standard_normal((_WAVES, 3)) / _KERNEL_M).astype(np.float32)


def _mean_color() -> NDArray[np.float32]:
    """(8,) descriptors of a middling grey room."""
    return np.array([1.25, 0.0, 0.08, 0.2, 0.06, 0.1, 0.15, 0.14], np.float32)


def _unit(vector: NDArray[np.floating]) -> NDArray[np.floating]:
    return vector / max(float(np.linalg.norm(vector)), 1e-9)
