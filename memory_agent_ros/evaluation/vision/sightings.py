"""Crops of recorded walks with the truth about what they show: what readers of pictures learn from and are tried on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from memory_agent_ros.evaluation.walks.walk import TrueObject, Walk, WalkConfig, record_walk
from memory_agent_ros.reasoning.vision.crops import cut, quality_of
from memory_agent_ros.records.looks import COLOUR, MATERIAL, STATE, UPRIGHT

#: Things stand upright in the first, and lie and stand on their heads too in the second.
PLAIN_WALK = WalkConfig()
TIPPED_WALK = WalkConfig(tipped=0.33)
#: Visible pixels of the smallest thing that is asked about, and the share of its box that it fills.
MIN_PIXELS, MIN_FILLED = 90, 0.3


@dataclass(frozen=True, eq=False)
class Sighting:
    """A thing in a picture.

    Attributes:
        key: of the instance; ``seed`` of its apartment and ``object_id`` in it.
        label: its category.
        pixels: (H, W, 3) uint8 RGB crop with a margin.
        looks: aspect -> true answer, those that have one.
        quality: how well the crop shows it, in [0, 1].
    """

    key: str
    seed: int
    object_id: int
    label: str
    pixels: NDArray[np.uint8]
    looks: Mapping[str, str]
    quality: float


def true_looks(thing: TrueObject) -> dict[str, str]:
    """Aspect -> answer, of an instance as it stood; aspects without one answer are left out.

    Raises:
        MissingExtraError: the simulator's assets are not installed.
    """
    from memory_agent_sim.attributes import TIPPABLE, attributes_of

    known = attributes_of(thing.instance_key)
    state = thing.state or (UPRIGHT if thing.label in TIPPABLE else None)
    found = {COLOUR: known.colour, MATERIAL: known.material, STATE: state}
    return {aspect: answer for aspect, answer in found.items() if answer is not None}


def sightings(
    split: str,
    seeds: Sequence[int],
    config: WalkConfig,
    per_thing: int,
    rng: np.random.Generator,
    *,
    spread: bool = False,
    progress: bool = False,
) -> list[Sighting]:
    """Crops of every thing of some apartments.

    Args:
        split: of the apartments.
        seeds: of the apartments.
        config: which walks; recorded now if they are not in the cache.
        per_thing: how many crops of each.
        rng: draws the errors of boxes, and which crops where ``spread``.
        spread: any crops, good and bad ones, instead of the best.
        progress: show a bar.
    """
    found: list[Sighting] = []
    for seed in tqdm(seeds, desc=f"crops {split}", disable=not progress):
        found += _of_walk(record_walk(split, seed, config), per_thing, rng, spread)
    return found


def _of_walk(walk: Walk, per_thing: int, rng: np.random.Generator, spread: bool) -> list[Sighting]:
    things = {t.id: t for t in walk.truth[0] if t.present}
    seen: dict[int, list[Sighting]] = {i: [] for i in things}
    for _, frame in walk.frames(0):
        assert frame.instances is not None
        for object_id, box in boxes_of(frame.instances).items():
            thing = things.get(object_id)
            if thing is None:
                continue
            pixels = cut(frame.rgb, shaken(box, rng))
            if min(pixels.shape[:2]) < 4:
                continue
            looks = true_looks(thing)
            seen[object_id].append(
                Sighting(thing.instance_key, walk.seed, object_id, thing.label, pixels, looks, quality_of(pixels, 1.0))
            )
    kept = []
    for every in seen.values():
        order = rng.permutation(len(every)) if spread else np.argsort([-s.quality for s in every])
        kept += [every[i] for i in order[:per_thing]]
    return kept


def boxes_of(instances: NDArray[np.int32]) -> dict[int, NDArray[np.float32]]:
    """Instance id -> (4,) box x0, y0, x1, y1 of its pixels in an (H, W) map, of those that are shown well enough."""
    from scipy import ndimage

    counts = np.bincount(instances.ravel())
    found = {}
    for number, window in enumerate(ndimage.find_objects(instances), start=1):
        if window is None or counts[number] < MIN_PIXELS:
            continue
        rows, columns = window
        box = (columns.start, rows.start, columns.stop, rows.stop)
        if counts[number] >= MIN_FILLED * (box[2] - box[0]) * (box[3] - box[1]):
            found[number] = np.array(box, dtype=np.float32)
    return found


def shaken(box_xyxy: NDArray[np.float32], rng: np.random.Generator, share: float = 0.05) -> NDArray[np.float32]:
    """A (4,) box as a detector would draw it: each edge off by about ``share`` of the box's size."""
    size = np.array([box_xyxy[2] - box_xyxy[0], box_xyxy[3] - box_xyxy[1]] * 2)
    moved: NDArray[np.float32] = (box_xyxy + share * size * rng.standard_normal(4)).astype(np.float32)
    return moved
