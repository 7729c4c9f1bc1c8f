"""A remembered thing's looks, read from the pictures that it cites: what ``describe_view`` asks for."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping

from memory_agent_ros.reasoning.vision.aspects import QUESTIONS
from memory_agent_ros.reasoning.vision.crops import PictureKeeper, best_crops
from memory_agent_ros.reasoning.vision.reader import VisionError, VisionReader
from memory_agent_ros.records.looks import LOOKS
from memory_agent_ros.records.map_object import MapObject

#: How sure an answer is of a model that does not tell.
UNTOLD = 0.7
_log = logging.getLogger(__name__)


class PictureLooker:
    """Looks at things for the tools of the reasoner.

    Args:
        memory: gives the pictures.
        reader: reads them.
        choices: aspect -> closed set of answers; aspects without one are answered freely, by readers that can.
        crops: pictures of one thing at most.
    """

    def __init__(
        self,
        memory: PictureKeeper,
        reader: VisionReader,
        choices: Mapping[str, tuple[str, ...]] = LOOKS,
        crops: int = 3,
    ) -> None:
        self._memory, self._reader, self._choices, self._crops = memory, reader, choices, crops

    def look(self, obj: MapObject, aspect: str) -> tuple[str, float]:
        """What the pictures that an object cites show of it, and how sure that is; "" where they do not tell."""
        answers = self._choices.get(aspect, ())
        if aspect not in QUESTIONS or (not answers and not self._reader.reads_text):
            return "", 0.0
        crops = best_crops(self._memory, obj, self._crops)
        if not crops:
            return "", 0.0
        try:
            reading = self._reader.read([c.pixels for c in crops], QUESTIONS[aspect], answers)
        except VisionError as error:
            _log.warning("%s", error)
            return "", 0.0
        return reading.text, UNTOLD if math.isnan(reading.confidence) else reading.confidence
