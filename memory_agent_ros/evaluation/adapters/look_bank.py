"""Appearances of things whose colour is known: crops of rendered apartments, as the memory's embedder sees them."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from memory_agent_ros.records.looks import COLOURS

_VERSION, _RECOLOURED = 1, 3


@dataclass(frozen=True, eq=False)
class LookBank:
    """Embeddings (N, D) float32 with unit rows, and the colour (N,) of each, as a number of :data:`COLOURS`."""

    embeddings: NDArray[np.float32]
    colours: NDArray[np.int64]

    @cached_property
    def rows(self) -> dict[str, NDArray[np.intp]]:
        """Colour -> rows, of the colours that there are."""
        found = {name: np.flatnonzero(self.colours == i) for i, name in enumerate(COLOURS)}
        return {name: rows for name, rows in found.items() if len(rows)}

    def draw(self, rng: np.random.Generator) -> tuple[str, NDArray[np.float32]]:
        """A colour, all alike likely, and the appearance of some thing that has it."""
        colour = str(rng.choice(list(self.rows)))
        return colour, self.embeddings[int(rng.choice(self.rows[colour]))]


def look_bank(split: str, apartments: int, *, progress: bool = False) -> LookBank:
    """The bank of a split's first apartments, by the memory's usual embedder; made once, in minutes, and kept.

    Each crop is taken as it is and recoloured, so that every colour comes on every kind of thing.

    Raises:
        MissingExtraError: the simulator is not installed.
    """
    path = user_cache_path("memory_agent_ros") / "adapters" / f"looks-{split}-{apartments}-{_VERSION}.npz"
    if not path.exists():
        found = _made(split, apartments, progress)
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as draft:
            np.savez(draft, embeddings=found.embeddings.astype(np.float16), colours=found.colours)
        os.replace(draft.name, path)
    with np.load(path) as file:
        return LookBank(file["embeddings"].astype(np.float32), file["colours"])


def _made(split: str, apartments: int, progress: bool) -> LookBank:
    from memory_agent_ros.evaluation.vision.recolouring import recoloured
    from memory_agent_ros.evaluation.vision.sightings import PLAIN_WALK, sightings
    from memory_agent_ros.perception.embedders.color_histogram import ColorHistogramEmbedder
    from memory_agent_ros.records.looks import COLOUR

    rng = np.random.default_rng([606, apartments])
    found = [s for s in sightings(split, range(apartments), PLAIN_WALK, 2, rng, progress=progress) if COLOUR in s.looks]
    changed, _, names = recoloured(found, _RECOLOURED, rng)
    crops = [*(s.pixels for s in found), *changed]
    colours = [COLOURS.index(name) for name in (*(s.looks[COLOUR] for s in found), *names)]
    return LookBank(ColorHistogramEmbedder().embed_images(crops, [_middle(c) for c in crops]), np.array(colours))


def _middle(crop: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(h, w) an ellipse inside the crop's margin, which stands for the mask of the thing."""
    height, width = crop.shape[:2]
    v, u = np.mgrid[:height, :width]
    return np.asarray(((v + 0.5) / height - 0.5) ** 2 + ((u + 0.5) / width - 0.5) ** 2 < 0.4**2)
