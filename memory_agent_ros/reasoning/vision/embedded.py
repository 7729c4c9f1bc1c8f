"""The embedded reader of pictures: EfficientNet-Lite0, a trained projector, and the embedded language model.

It chooses among given answers; it cannot write and so cannot read what is written on things.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.reasoning.vision.features import CropFeatures, FeatureMaps, crop_features
from memory_agent_ros.reasoning.vision.reader import (
    VisionError,
    VisionReading,
    combined,
    require_choices,
    require_crops,
)
from memory_agent_ros.records.errors import MissingExtraError

try:
    import torch

    from memory_agent_ros.reasoning.vision.likelihood import AnswerLikelihood
    from memory_agent_ros.reasoning.vision.projector import Projector, load_projector
except ImportError as error:
    raise MissingExtraError("reading pictures needs PyTorch: pip install memory_agent_ros[models]") from error

NAME = "embedded"
#: The weights that come with the package.
WEIGHTS = Path(__file__).parents[2] / "weights" / "vision.safetensors"


class EmbeddedVisionReader:
    """Reads colour, material and how a thing lies, from closed sets of answers.

    Args:
        network: gives features of crops.
        projector: turns them into vectors that stand for words.
        likelihood: the language model that scores answers.
    """

    name = NAME
    reads_text = False

    def __init__(self, network: FeatureMaps, projector: Projector, likelihood: AnswerLikelihood) -> None:
        self._network, self._projector, self._likelihood = network, projector.eval(), likelihood

    @classmethod
    def load(cls, weights: Path = WEIGHTS, likelihood: AnswerLikelihood | None = None) -> EmbeddedVisionReader:
        """The reader with the weights of a file, and the embedded language model as it is, without any adapter.

        Raises:
            MissingExtraError: a package is not installed.
            BadInputError: ``projector_unreadable``.
        """
        from memory_agent_ros.perception.embedders.efficientnet import EfficientNetEmbedder

        projector, _ = load_projector(weights)
        return cls(EfficientNetEmbedder.from_package(), projector, likelihood or embedded_likelihood())

    def read(self, crops: Sequence[NDArray[np.uint8]], question: str, choices: Sequence[str] = ()) -> VisionReading:
        """See :class:`~memory_agent_ros.reasoning.vision.reader.VisionReader`; without choices it refuses."""
        kept, answers = require_crops(crops), require_choices(choices)
        if not answers:
            raise VisionError(
                "the embedded model chooses among given answers and cannot read what is written on things; "
                "name an external vision model for that"
            )
        per_crop = self.probabilities(crop_features(self._network, kept), question, answers)
        whole = combined(per_crop)
        return VisionReading(
            answers[int(whole.argmax())], dict(zip(answers, whole.tolist(), strict=True)), per_crop, self.name
        )

    def probabilities(self, features: CropFeatures, question: str, answers: Sequence[str]) -> NDArray[np.float64]:
        """(N, K) probability of each answer by each of N crops alone."""
        with torch.inference_mode():
            told = self._likelihood.log_likelihood(question, self._projector.of(features), answers)
            found: NDArray[np.float64] = told.double().softmax(dim=1).numpy()
        return found


def embedded_likelihood() -> AnswerLikelihood:
    """The embedded language model, without any adapter, as a judge of answers.

    Raises:
        MissingExtraError: its package is not installed.
    """
    from memory_agent_ros.reasoning.language.embedded import load_embedded

    loaded = load_embedded()
    return AnswerLikelihood(loaded.model, loaded.tokenizer)
