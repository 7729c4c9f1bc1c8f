"""Frame in, observations out."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.perception.lifting import LiftingConfig, lift
from memory_agent_ros.perception.protocols import Detector, ImageEmbedder
from memory_agent_ros.records.detection import Detection
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.observation import Observation


@dataclass(frozen=True, eq=False)
class PerceptionResult:
    """What perception made of one frame.

    Attributes:
        observations: lifted detections, in the order of the detections they came from.
        detections: everything the detector said, lifted or not.
        refused: reason code -> how many detections were refused with it.
        detect_ms, lift_ms, embed_ms: wall time of detector, lifting and embedding, milliseconds.
    """

    observations: list[Observation]
    detections: list[Detection]
    refused: Counter[str] = field(default_factory=Counter)
    detect_ms: float = 0.0
    lift_ms: float = 0.0
    embed_ms: float = 0.0


class PerceptionPipeline:
    """Detector, lifting and embedder in a row.

    Attributes:
        detector, image_embedder, lifting: the parts; ``image_embedder`` None leaves observations without appearance.
    """

    def __init__(
        self, detector: Detector, image_embedder: ImageEmbedder | None = None, lifting: LiftingConfig | None = None
    ) -> None:
        self.detector = detector
        self.image_embedder = image_embedder
        self.lifting = lifting or LiftingConfig()

    def process(self, frame: Frame) -> PerceptionResult:
        """Detect, lift and embed; a detection that cannot be lifted is counted by its reason, never lost silently.

        Raises:
            BadInputError: if the detector refuses the whole frame.
        """
        started = time.perf_counter()
        detections = self.detector.detect(frame)
        detected = time.perf_counter()
        refused: Counter[str] = Counter()
        lifted: list[tuple[Detection, Observation]] = []
        for detection in detections:
            try:
                lifted.append((detection, lift(frame, detection, self.lifting)))
            except BadInputError as error:
                refused[error.reason] += 1
        done = time.perf_counter()
        observations = self._embedded(frame, lifted)
        finished = time.perf_counter()
        return PerceptionResult(
            observations,
            detections,
            refused,
            detect_ms=(detected - started) * 1e3,
            lift_ms=(done - detected) * 1e3,
            embed_ms=(finished - done) * 1e3,
        )

    def _embedded(self, frame: Frame, lifted: list[tuple[Detection, Observation]]) -> list[Observation]:
        if self.image_embedder is None or not lifted:
            return [observation for _, observation in lifted]
        crops: list[NDArray[np.uint8]] = []
        masks: list[NDArray[np.bool_] | None] = []
        for detection, observation in lifted:
            x0, y0, x1, y1 = (int(value) for value in observation.box_xyxy)
            crops.append(frame.rgb[y0:y1, x0:x1])
            masks.append(None if detection.mask is None else detection.mask[y0:y1, x0:x1])
        vectors = self.image_embedder.embed_images(crops, masks)
        return [
            replace(observation, embedding=vector) for (_, observation), vector in zip(lifted, vectors, strict=True)
        ]
