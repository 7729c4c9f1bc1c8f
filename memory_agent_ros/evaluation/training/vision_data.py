"""What the embedded reader of pictures learns from: features of crops from ``train`` apartments, with answers."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path
from tqdm import tqdm

from memory_agent_ros.evaluation.vision.recolouring import recoloured
from memory_agent_ros.evaluation.vision.sightings import PLAIN_WALK, TIPPED_WALK, Sighting, sightings
from memory_agent_ros.reasoning.vision.features import CropFeatures, FeatureMaps, colour_cells, crop_features
from memory_agent_ros.records.looks import COLOUR, LOOKS, STATE

#: Recoloured crops of each crop.
RECOLOURED = 3
_CHUNK, _VERSION = 64, 1


@dataclass(frozen=True, eq=False)
class LooksExamples:
    """Crops with answers.

    Attributes:
        features: of N crops.
        answers: aspect -> (N,) which answer is true, -1 where there is none.
        owners: (N,) the row whose image features each has: its own, or, if it was recoloured, the original's.
    """

    features: CropFeatures
    answers: dict[str, NDArray[np.intp]]
    owners: NDArray[np.intp]

    def asked(self, aspect: str) -> NDArray[np.intp]:
        """Rows with an answer about an aspect."""
        return np.flatnonzero(self.answers[aspect] >= 0)


def training_examples(network: FeatureMaps, apartments: int, seed: int, *, progress: bool = False) -> LooksExamples:
    """Crops of ``train`` apartments 0 to ``apartments``, half as many with tipped things, and recoloured crops.

    Made once, in some minutes, and kept in the user's cache.

    Args:
        network: gives features of crops.
        apartments: how many.
        seed: which crops, which errors of boxes, which colours.
        progress: show bars.
    """
    path = user_cache_path("memory_agent_ros") / "vision" / f"train-{apartments}-{seed}-{_VERSION}.npz"
    if path.exists():
        return _read(path)
    rng = np.random.default_rng(seed)
    plain = sightings("train", range(apartments), PLAIN_WALK, 2, rng, spread=True, progress=progress)
    tipped = sightings("train", range(-(-apartments // 2)), TIPPED_WALK, 3, rng, spread=True, progress=progress)
    found = [s for s in plain if s.looks] + [s for s in tipped if STATE in s.looks]
    features = features_of(network, found, progress=progress)
    examples = with_recoloured(_plain(features, found), found, RECOLOURED, rng)
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, examples, len(found))
    return examples


def _write(path: Path, examples: LooksExamples, originals: int) -> None:
    """Keep examples; image features in half precision, of the first ``originals`` only: the others share them."""
    features = examples.features
    answers: dict[str, Any] = {f"answers_{aspect}": told for aspect, told in examples.answers.items()}
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as draft:
        np.savez(
            draft, image=features.image[:originals].astype(np.float16), colour=features.colour, shape=features.shape,
            owners=examples.owners, **answers,
        )  # fmt: skip
    os.replace(draft.name, path)


def _read(path: Path) -> LooksExamples:
    with np.load(path) as file:
        image = file["image"].astype(np.float32)[file["owners"]]
        features = CropFeatures(image, file["colour"], file["shape"])
        return LooksExamples(features, {a: file[f"answers_{a}"] for a in LOOKS}, file["owners"])


def features_of(network: FeatureMaps, found: Sequence[Sighting], *, progress: bool = False) -> CropFeatures:
    """Features of many crops, some at a time, with a bar."""
    parts = []
    with tqdm(total=len(found), desc="features", unit="crop", disable=not progress) as bar:
        for first in range(0, len(found), _CHUNK):
            chunk = [s.pixels for s in found[first : first + _CHUNK]]
            parts.append(crop_features(network, chunk))
            bar.update(len(chunk))
    return joined(parts)


def joined(parts: Sequence[CropFeatures]) -> CropFeatures:
    """One after the other."""
    return CropFeatures(*(np.concatenate([getattr(p, n) for p in parts]) for n in ("image", "colour", "shape")))


def answers_of(found: Sequence[Sighting]) -> dict[str, NDArray[np.intp]]:
    """Aspect -> (N,) index of the true answer, -1 where there is none."""
    return {
        aspect: np.array([answers.index(s.looks[aspect]) if aspect in s.looks else -1 for s in found], dtype=np.intp)
        for aspect, answers in LOOKS.items()
    }


def with_recoloured(
    examples: LooksExamples, found: Sequence[Sighting], each: int, rng: np.random.Generator
) -> LooksExamples:
    """The same crops and recoloured ones, which ask for their colour only and keep the image features of the original.

    The network's features then speak of other colours than the pixels do, and the projector learns which to believe.
    """
    crops, owners, colours = recoloured(found, each, rng)
    if not crops:
        return examples
    rows = np.array(owners, dtype=np.intp)
    old = examples.features.rows(rows)
    fresh = CropFeatures(old.image, np.stack([colour_cells(c) for c in crops]), old.shape)
    names = np.array([LOOKS[COLOUR].index(c) for c in colours], dtype=np.intp)
    answers = {
        aspect: np.concatenate([told, names if aspect == COLOUR else np.full(len(rows), -1, dtype=np.intp)])
        for aspect, told in examples.answers.items()
    }
    return LooksExamples(joined([examples.features, fresh]), answers, np.concatenate([examples.owners, rows]))


def _plain(features: CropFeatures, found: Sequence[Sighting]) -> LooksExamples:
    return LooksExamples(features, answers_of(found), np.arange(len(found)))
