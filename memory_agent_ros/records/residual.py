"""What was expected in an image against what was seen in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class ExpectedSighting:
    """One remembered object that an image should show.

    Attributes:
        object_id: its id.
        box_xyxy: (4,) float32 pixel box of its visible part in the colour image.
        range_m: mean camera z of its points, metres.
        pixels: expected unoccluded pixels at 640x480.
        visible_share: share of its points inside the image that nothing hides, [0, 1].
        in_image: share of its points inside the image, [0, 1].
        presence: probability before the image that it stands there.
        p_detect: probability that the detector reports it if it stands there.
        observation: index of the observation that showed it, or None.
        surprise_nats: -log of the probability of what happened (seen or not), presence included.
    """

    object_id: int
    box_xyxy: NDArray[np.float32]
    range_m: float
    pixels: float
    visible_share: float
    in_image: float
    presence: float
    p_detect: float
    observation: int | None
    surprise_nats: float

    @property
    def seen(self) -> bool:
        """Whether it was detected."""
        return self.observation is not None


@dataclass(frozen=True, eq=False)
class ViewResidual:
    """An image against the memory as it was before it.

    Attributes:
        stamp_ns: of the image.
        expected: objects that should be in view, nearest first.
        observed_ids: (n,) int64 per observation the expected object that it shows, 0 if it was not expected.
        observed_nats: (n,) how surprising each unexpected observation is; 0 for expected ones, whose surprise is in
            ``expected``.
        total_nats: sum over both.
        excess_nats: ``total_nats`` less its mean over what the memory thought possible; zero on average while the world
            stays as it is remembered, large where something changed or is new.
    """

    stamp_ns: int
    expected: tuple[ExpectedSighting, ...]
    observed_ids: NDArray[np.int64]
    observed_nats: NDArray[np.float64]
    total_nats: float
    excess_nats: float

    @property
    def missing(self) -> list[ExpectedSighting]:
        """Expected and not seen, most surprising first."""
        return sorted((e for e in self.expected if not e.seen), key=lambda e: -e.surprise_nats)

    @property
    def unexpected(self) -> list[int]:
        """Indices of the observations that show nothing that was expected."""
        return [int(i) for i in np.flatnonzero(self.observed_ids == 0)]
