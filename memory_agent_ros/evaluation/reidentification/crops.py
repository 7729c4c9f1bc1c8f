"""Crops of every object of recorded walks with a margin, and drift of light and detector over them."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path
from tqdm import tqdm

from memory_agent_ros.evaluation.vision.sightings import PLAIN_WALK, boxes_of
from memory_agent_ros.evaluation.walks.walk import Walk, record_walk

#: Side of a stored window, pixels; the object's box is its middle half, so that a drifting box stays inside.
SIDE = 64
#: Crops of an object in one walk.
EACH = 10
_VERSION = 1


@dataclass(frozen=True, eq=False)
class Crops:
    """Windows around objects.

    Attributes:
        windows: (N, SIDE, SIDE, 3) uint8 RGB; the object's box is stretched to the middle half.
        masks: (N, SIDE, SIDE) bool, pixels of the object.
        keys: (N,) of the instances; ``scenes`` (N,) seeds of their apartments.
    """

    windows: NDArray[np.uint8]
    masks: NDArray[np.bool_]
    keys: NDArray[np.str_]
    scenes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True)
class Drift:
    """How light and detector drift from crop to crop, standard deviations.

    Attributes:
        brightness, gamma, cast: log factors of all channels, of the exponent, of each channel.
        box: error of each edge over the box's size.
        grow: pixels of the window by which a mask is too large or too small.
    """

    brightness: float = 0.15
    gamma: float = 0.1
    cast: float = 0.05
    box: float = 0.06
    grow: float = 1.0


def crops_of(split: str, seeds: Sequence[int], *, progress: bool = False) -> Crops:
    """Crops of every object of the apartments' walks, which are recorded now if they are not in the cache."""
    parts = [_kept(split, seed) for seed in tqdm(seeds, desc=f"crops {split}", disable=not progress)]
    return Crops(*(np.concatenate([getattr(p, n) for p in parts]) for n in ("windows", "masks", "keys", "scenes")))


def _kept(split: str, seed: int) -> Crops:
    """Crops of one apartment, from the cache if they are there."""
    told = hashlib.sha256(json.dumps([_VERSION, SIDE, EACH, asdict(PLAIN_WALK)]).encode()).hexdigest()[:12]
    path = user_cache_path("memory_agent_ros") / "reidentification" / f"{split}-{seed}-{told}.npz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, _of_walk(record_walk(split, seed, PLAIN_WALK), np.random.default_rng([abs(seed), 17])))
    with np.load(path) as file:
        return Crops(file["windows"], file["masks"], file["keys"], file["scenes"])


def _write(path: Path, crops: Crops) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as draft:
        np.savez_compressed(
            draft, windows=crops.windows, masks=crops.masks, keys=crops.keys, scenes=crops.scenes
        )  # fmt: skip
    Path(draft.name).replace(path)


def _of_walk(walk: Walk, rng: np.random.Generator) -> Crops:
    keys = {t.id: t.instance_key for t in walk.truth[0] if t.present}
    found: dict[int, list[tuple[NDArray[np.uint8], NDArray[np.bool_]]]] = {}
    for _, frame in walk.frames(0):
        assert frame.instances is not None
        for number, box in boxes_of(frame.instances).items():
            if number in keys:
                found.setdefault(number, []).append(_window(frame.rgb, frame.instances == number, box))
    windows, masks, names = [], [], []
    for number, every in found.items():
        for index in rng.permutation(len(every))[:EACH].tolist():
            windows.append(every[index][0])
            masks.append(every[index][1])
            names.append(keys[number])
    return Crops(np.stack(windows), np.stack(masks), np.array(names), np.full(len(names), walk.seed))


def _window(
    rgb: NDArray[np.uint8], mask: NDArray[np.bool_], box_xyxy: NDArray[np.float32]
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """The box and half its size around it, stretched to a square; what is outside the picture repeats its edge."""
    x0, y0, x1, y1 = box_xyxy.tolist()
    width, height = x1 - x0, y1 - y0
    scale = np.array([[2 * width / SIDE, 0.0, x0 - width / 2], [0.0, 2 * height / SIDE, y0 - height / 2]])
    inverse = cv2.WARP_INVERSE_MAP
    window = cv2.warpAffine(rgb, scale, (SIDE, SIDE), flags=cv2.INTER_LINEAR | inverse, borderMode=cv2.BORDER_REPLICATE)
    shown = cv2.warpAffine(mask.astype(np.uint8), scale, (SIDE, SIDE), flags=cv2.INTER_NEAREST | inverse)
    return window.astype(np.uint8), shown > 0


def drifted(
    crops: Crops, drift: Drift | None, rng: np.random.Generator
) -> tuple[list[NDArray[np.uint8]], list[NDArray[np.bool_]]]:
    """Each crop and its mask as a detector gives them; without a drift true boxes and masks in the true light."""
    images, masks = [], []
    for window, mask in zip(crops.windows, crops.masks, strict=True):
        low, high = np.full(2, SIDE / 4), np.full(2, 3 * SIDE / 4)
        if drift is not None:
            low, high = (edge + drift.box * SIDE / 2 * rng.standard_normal(2) for edge in (low, high))
            window, mask = _relit(window, drift, rng), _grown(mask, round(float(drift.grow * rng.standard_normal())))
        x0, y0 = np.clip(np.rint(low), 0, SIDE - 8).astype(int).tolist()
        x1, y1 = np.clip(np.rint(high), (x0 + 8, y0 + 8), SIDE).astype(int).tolist()
        images.append(np.ascontiguousarray(window[y0:y1, x0:x1]))
        masks.append(np.ascontiguousarray(mask[y0:y1, x0:x1]))
    return images, masks


def _relit(window: NDArray[np.uint8], drift: Drift, rng: np.random.Generator) -> NDArray[np.uint8]:
    gamma = np.exp(drift.gamma * rng.standard_normal())
    gain = np.exp(drift.brightness * rng.standard_normal() + drift.cast * rng.standard_normal(3))
    table = (np.arange(256)[:, None] / 255.0) ** gamma * gain
    levels = np.rint(np.clip(table, 0.0, 1.0) * 255.0).astype(np.uint8)
    lit: NDArray[np.uint8] = np.stack([levels[window[..., c], c] for c in range(3)], axis=-1)
    return lit


def _grown(mask: NDArray[np.bool_], pixels: int) -> NDArray[np.bool_]:
    """Dilated, or eroded where ``pixels`` is negative, unless nothing would be left."""
    if not pixels:
        return mask
    change = cv2.dilate if pixels > 0 else cv2.erode
    size = 2 * abs(pixels) + 1
    found = change(mask.astype(np.uint8), np.ones((size, size), np.uint8)) > 0
    return found if found.any() else mask
