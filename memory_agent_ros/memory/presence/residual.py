"""Expected view against what was seen: the numbers that presence and novelty go by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.presence.detection_model import DetectionRate, features, shipped, sigmoid
from memory_agent_ros.memory.presence.visibility import ObjectVisibility
from memory_agent_ros.memory.track import Track
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.residual import ExpectedSighting, ViewResidual

#: Fewer visible samples than this are no expectation.
MIN_SAMPLES = 3
#: Chance that a detection shows nothing that was expected, in a place that is known.
_UNEXPECTED = 0.05


@dataclass(frozen=True, eq=False)
class Expectation:
    """What M objects should look like in an image, and how likely the detector reports each.

    Attributes:
        expected: (M,) whether enough of it is in view to say.
        box: (M, 4) pixel box of the visible samples in the depth image, NaN where not expected.
        pixels: (M,) unoccluded pixels at 640x480.
        visible_share, in_image: (M,) shares of the samples.
        range_m: (M,) metres.
        p_detect: (M,) given that it stands there; 0 where not expected.
        presence: (M,) probability that it stands there, before the image.
    """

    expected: NDArray[np.bool_]
    box: NDArray[np.float64]
    pixels: NDArray[np.float64]
    visible_share: NDArray[np.float64]
    in_image: NDArray[np.float64]
    range_m: NDArray[np.float64]
    p_detect: NDArray[np.float64]
    presence: NDArray[np.float64]


def expect(
    tracks: Sequence[Track], visible: ObjectVisibility, pixel_scale: float, detector: DetectionRate
) -> Expectation:
    """What M tracks should look like.

    Args:
        tracks: M objects.
        visible: what the depth image says of their samples.
        pixel_scale: pixels at 640x480 per pixel of the depth image.
        detector: how this detector differs from the model on all objects.
    """
    shown = visible.points.in_image & ~visible.points.occluded
    count = np.bincount(visible.owner[shown], minlength=len(tracks))
    box = np.full((len(tracks), 4), np.nan)
    if shown.any():
        box[:, :2], box[:, 2:] = np.inf, -np.inf
        np.minimum.at(box[:, :2], visible.owner[shown], visible.points.uv[shown])
        np.maximum.at(box[:, 2:], visible.owner[shown], visible.points.uv[shown])
    expected = count >= MIN_SAMPLES
    pixels = visible.pixels() * pixel_scale
    in_image = visible.in_image / np.maximum(visible.total, 1)
    share = count / np.maximum(visible.in_image, 1)
    range_m = np.where(expected, np.nan_to_num(visible.range_m, nan=1.0), 1.0)
    offset = np.array([t.rate.offset for t in tracks]) + detector.offset
    p = sigmoid(shipped().logits(features(pixels, share, in_image, range_m)) + offset)
    presence = np.array([t.presence for t in tracks])
    return Expectation(
        expected, np.where(expected[:, None], box, np.nan), pixels, share, in_image, range_m,
        np.where(expected, p, 0.0), presence,
    )  # fmt: skip


def compare(
    stamp_ns: int,
    tracks: Sequence[Track],
    expectation: Expectation,
    shown_by: dict[int, int],
    observations: int,
    camera: Camera,
    to_depth: NDArray[np.float64],
) -> ViewResidual:
    """The residual of one image.

    Args:
        stamp_ns: of the image.
        tracks: M objects; tentative ones are left out.
        expectation: of them.
        shown_by: observation index -> index of the track it shows.
        observations: how many there are.
        camera: of the colour image.
        to_depth: (2,) pixels of the depth image per pixel of the colour image.
    """
    observation_of = {j: i for i, j in shown_by.items()}
    chance = np.clip(expectation.p_detect * expectation.presence, 1e-3, 1.0 - 1e-3)
    usual = -(chance * np.log(chance) + (1.0 - chance) * np.log(1.0 - chance))
    boxes = np.clip(
        (expectation.box + np.array([0.5, 0.5, 1.5, 1.5])) / np.tile(to_depth, 2) - 0.5,
        0.0, [camera.width, camera.height] * 2,
    )  # fmt: skip
    sightings = []
    ids = np.zeros(observations, dtype=np.int64)
    rows = [j for j in np.flatnonzero(expectation.expected).tolist() if tracks[j].confirmed]
    for j in sorted(rows, key=lambda j: float(expectation.range_m[j])):
        seen = observation_of.get(j)
        nats = -np.log(chance[j] if seen is not None else 1.0 - chance[j])
        if seen is not None:
            ids[seen] = tracks[j].id
        sightings.append(
            ExpectedSighting(
                tracks[j].id, boxes[j].astype(np.float32), float(expectation.range_m[j]), float(expectation.pixels[j]),
                float(expectation.visible_share[j]), float(expectation.in_image[j]), float(expectation.presence[j]),
                float(expectation.p_detect[j]), seen, float(nats),
            )
        )  # fmt: skip
    new_nats = np.where(ids == 0, -np.log(_UNEXPECTED), 0.0)
    total = float(sum(s.surprise_nats for s in sightings) + new_nats.sum())
    return ViewResidual(stamp_ns, tuple(sightings), ids, new_nats, total, total - float(usual[rows].sum()))
