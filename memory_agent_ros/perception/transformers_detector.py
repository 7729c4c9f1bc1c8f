"""Any zero-shot detector of transformers by model id or folder: OWL-ViT, OWLv2, Grounding DINO and their kin."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from memory_agent_ros.records.detection import Detection
from memory_agent_ros.records.errors import MissingExtraError
from memory_agent_ros.records.frame import Frame

#: Labels that are looked for when the user names none.
DEFAULT_VOCABULARY = (
    "chair", "table", "sofa", "bed", "cabinet", "shelf", "lamp", "plant", "book", "mug", "bottle", "bowl", "plate",
    "box", "laptop", "computer monitor", "keyboard", "bag", "shoe", "toy", "trash can", "refrigerator", "microwave",
    "sink", "clock", "pillow", "remote control",
)  # fmt: skip


class TransformersDetector:
    """Open-vocabulary boxes. Weights are fetched only if the user names a model id that is not on the disk.

    Args:
        model, processor: a zero-shot object detection model in evaluation mode and its processor.
        vocabulary: labels to look for, at least one.
        threshold: lowest score that is reported, [0, 1].
    """

    def __init__(self, model: Any, processor: Any, vocabulary: Sequence[str], threshold: float = 0.2) -> None:
        self.vocabulary = tuple(label.strip().lower() for label in vocabulary)
        self.threshold = threshold
        self._model = model
        self._processor = processor

    @classmethod
    def from_pretrained(
        cls, model_id: str, vocabulary: Sequence[str] | None = None, threshold: float = 0.2
    ) -> TransformersDetector:
        """Model by hub id or local folder.

        Raises:
            MissingExtraError: transformers is not installed, or the model cannot be had.
        """
        try:
            from transformers import AutoModelForZeroShotObjectDetection, AutoProcessor
        except ImportError as error:
            raise MissingExtraError(
                "zero-shot detectors need transformers: pip install 'memory_agent_ros[models]'"
            ) from error
        try:
            model = AutoModelForZeroShotObjectDetection.from_pretrained(model_id).eval()
            processor = AutoProcessor.from_pretrained(model_id)
        except (OSError, ValueError) as error:
            raise MissingExtraError(
                f"{model_id!r} is no zero-shot detection model that can be loaded here; give a folder or a hub id such "
                f"as google/owlv2-base-patch16-ensemble, and check the network: {error}"
            ) from error
        return cls(model, processor, vocabulary or DEFAULT_VOCABULARY, threshold)

    def detect(self, frame: Frame) -> list[Detection]:
        """Boxes of the vocabulary's labels, best first."""
        import torch

        inputs = self._processor(images=frame.rgb, text=[list(self.vocabulary)], return_tensors="pt")
        with torch.inference_mode():
            outputs = self._model(**inputs)
        arguments: dict[str, Any] = {
            "outputs": outputs,
            "threshold": self.threshold,
            "target_sizes": [(frame.camera.height, frame.camera.width)],
            "text_labels": [list(self.vocabulary)],
        }
        post_process = self._processor.post_process_grounded_object_detection
        accepted = inspect.signature(post_process).parameters
        if "input_ids" in accepted:  # Grounding DINO reads the names of its boxes out of the prompt
            arguments["input_ids"] = inputs["input_ids"]
        return self._detections(post_process(**arguments)[0], frame)

    def _detections(self, found: Any, frame: Frame) -> list[Detection]:
        names = found.get("text_labels")
        if names is None:
            names = [self.vocabulary[int(index)] for index in found["labels"]]
        limit = np.array([frame.camera.width, frame.camera.height] * 2, dtype=np.float32)
        out = []
        for name, score, box in zip(names, found["scores"].tolist(), found["boxes"].tolist(), strict=True):
            label = str(name).strip().lower()
            if label:
                clipped = np.clip(np.array(box, dtype=np.float32), 0, limit)
                out.append(Detection(label, float(score), clipped, None, {label: float(score)}))
        return sorted(out, key=lambda detection: -detection.score)
