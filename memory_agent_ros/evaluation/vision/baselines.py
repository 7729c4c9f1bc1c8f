"""What a reader of pictures is compared with: colour histograms, the pictures of other things, one answer for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.vision.sightings import PLAIN_WALK, TIPPED_WALK, Sighting, sightings
from memory_agent_ros.perception.embedders.color_histogram import ColorHistogramEmbedder
from memory_agent_ros.reasoning.vision.crops import Crop, PictureKeeper, best_crops
from memory_agent_ros.reasoning.vision.looker import PictureLooker
from memory_agent_ros.reasoning.vision.reader import (
    VisionError,
    VisionReading,
    combined,
    require_choices,
    require_crops,
)
from memory_agent_ros.records.looks import LOOKS, STATE
from memory_agent_ros.records.map_object import MapObject

#: How much nearer one class must be than another to be much more probable.
_SHARPNESS = 20.0


class ColourHistogramReader:
    """The answer whose mean histogram over train crops is most like the crop's: a reader without any network.

    Args:
        means: answer -> (D,) unit mean of histograms.
    """

    name = "colour_histogram"
    reads_text = False

    def __init__(self, means: Mapping[str, NDArray[np.float32]]) -> None:
        self._means, self._embedder = dict(means), ColorHistogramEmbedder()

    @classmethod
    def fit(cls, found: Sequence[Sighting]) -> ColourHistogramReader:
        """Means over crops with known answers."""
        vectors = ColorHistogramEmbedder().embed_images([s.pixels for s in found])
        means: dict[str, NDArray[np.float32]] = {}
        for aspect, answers in LOOKS.items():
            for answer in answers:
                rows = [i for i, s in enumerate(found) if s.looks.get(aspect) == answer]
                if rows:
                    mean = vectors[rows].mean(axis=0)
                    means[answer] = mean / max(float(np.linalg.norm(mean)), 1e-9)
        return cls(means)

    @classmethod
    def of_train(cls, apartments: int = 8, *, progress: bool = False) -> ColourHistogramReader:
        """Fitted on crops of ``train`` apartments, half of them with tipped things."""
        rng = np.random.default_rng(44)
        plain = sightings("train", range(apartments), PLAIN_WALK, 2, rng, spread=True, progress=progress)
        tipped = sightings("train", range(-(-apartments // 2)), TIPPED_WALK, 3, rng, spread=True, progress=progress)
        return cls.fit([*plain, *(s for s in tipped if STATE in s.looks)])

    def read(self, crops: Sequence[NDArray[np.uint8]], question: str, choices: Sequence[str] = ()) -> VisionReading:
        """See :class:`~memory_agent_ros.reasoning.vision.reader.VisionReader`; the question is not looked at."""
        kept, answers = require_crops(crops), require_choices(choices)
        if not answers:
            raise VisionError("colour histograms choose among given answers and cannot read text")
        vectors = self._embedder.embed_images(kept)
        none = np.zeros(self._embedder.dimension, dtype=np.float32)
        near = _SHARPNESS * vectors @ np.stack([self._means.get(a, none) for a in answers]).T
        per_crop = np.exp(near - near.max(axis=1, keepdims=True)).astype(np.float64)
        per_crop /= per_crop.sum(axis=1, keepdims=True)
        whole = combined(per_crop)
        told = dict(zip(answers, whole.tolist(), strict=True))
        return VisionReading(answers[int(whole.argmax())], told, per_crop, self.name)


class ShuffledLooker:
    """Looks at the pictures of another thing than it is asked about: what is left is guessing by what is common.

    Args:
        looker: who looks.
        things: whose pictures there are; each is answered for by the next one in an order drawn by ``seed``.
        seed: of the order.
    """

    def __init__(self, looker: PictureLooker, things: Sequence[MapObject], seed: int = 0) -> None:
        self._looker = looker
        order = [things[i] for i in np.random.default_rng([seed, 45]).permutation(len(things))]
        self._other = {one.id: other for one, other in zip(order, order[1:] + order[:1], strict=True)}

    def look(self, obj: MapObject, aspect: str) -> tuple[str, float]:
        """What the pictures of another thing show."""
        return self._looker.look(self._other.get(obj.id, obj), aspect)


def pictured(memory: PictureKeeper, things: Sequence[MapObject]) -> dict[int, list[Crop]]:
    """Object id -> its best crops, of those that have any."""
    found = {o.id: best_crops(memory, o) for o in things}
    return {number: crops for number, crops in found.items() if crops}
