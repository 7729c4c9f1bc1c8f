"""Who says what is in an image."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ObservationSource:
    """Where the observations of a frame come from. Two frames with equal sources come from the same one.

    Attributes:
        sensor: name of the camera or of the robot that carries it; "" where there is only one and it has no name.
        detector: name and version of the model that found the objects.
        embedder: name and version of the model that gave their appearance vectors.
    """

    sensor: str = ""
    detector: str = ""
    embedder: str = ""

    def __str__(self) -> str:
        models = " + ".join(m for m in (self.detector, self.embedder) if m)
        name = self.sensor or "unnamed"
        return f"{name} ({models})" if models else name


#: The source of frames that do not say where they come from.
UNNAMED = ObservationSource()
