"""More colours than the train instances have: crops recoloured by a matrix, whose truth the simulator still knows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.vision.sightings import Sighting

#: Recolourings of each instance.
MATRICES = 8


def random_matrix(rng: np.random.Generator) -> NDArray[np.float64]:
    """(3, 3): turns hues by any angle, changes saturation, brightness and the balance of red, green and blue."""
    angle = rng.uniform(0.0, 2 * np.pi)
    c, s = np.cos(angle), np.sin(angle)
    turn = (1 - c) / 3 + c * np.eye(3) + s / np.sqrt(3) * np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]])
    saturation = rng.uniform(0.3, 1.8)
    mixed = saturation * turn + (1 - saturation) / 3
    balanced: NDArray[np.float64] = rng.uniform(0.5, 1.3) * rng.uniform(0.8, 1.2, (3, 1)) * mixed
    return balanced


def recoloured(
    found: Sequence[Sighting], each: int, rng: np.random.Generator
) -> tuple[list[NDArray[np.uint8]], list[int], list[str]]:
    """Up to ``each`` recoloured crops of every sighting, which sighting each is of, and its true colour now.

    Raises:
        MissingExtraError: the simulator's assets are not installed.
    """
    from memory_agent_sim.attributes import colour_of

    keys = sorted({s.key for s in found})
    matrices = {key: [random_matrix(rng) for _ in range(MATRICES)] for key in keys}
    names = {key: [colour_of(key, m) for m in matrices[key]] for key in keys}
    crops, owners, colours = [], [], []
    for row, one in enumerate(found):
        for number in rng.permutation(MATRICES)[:each].tolist():
            colour = names[one.key][number]
            if colour is not None:
                crops.append(np.clip(one.pixels @ matrices[one.key][number].T, 0, 255).astype(np.uint8))
                owners.append(row)
                colours.append(colour)
    return crops, owners, colours
