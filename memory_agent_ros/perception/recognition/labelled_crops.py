"""Crops with the names of what they show, as a folder: a sub-folder for each class, pictures in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.perception.recognition.descriptor import CropDescriptor
from memory_agent_ros.records.errors import BadInputError

_SUFFIXES = (".png", ".jpg", ".jpeg")
#: Larger pictures than this are no crops, pixels.
_LARGEST = 4096 * 4096


@dataclass(frozen=True, eq=False)
class LabelledCrops:
    """Described crops.

    Attributes:
        vectors: (N, D) float32 descriptors.
        labels: of each of the N.
    """

    vectors: NDArray[np.float32]
    labels: tuple[str, ...]

    def counts(self) -> dict[str, int]:
        """Label -> crops, sorted by label."""
        return {label: self.labels.count(label) for label in sorted(set(self.labels))}


def labelled_crops(crops: Mapping[str, list[NDArray[np.uint8]]]) -> LabelledCrops:
    """Describe crops (h, w, 3) uint8 RGB by label."""
    labels = tuple(label for label, found in crops.items() for _ in found)
    return LabelledCrops(CropDescriptor().describe([c for found in crops.values() for c in found]), labels)


def read_crops(folder: Path) -> LabelledCrops:
    """Read ``folder/LABEL/*.png`` (or jpg); all in name order.

    Raises:
        BadInputError: ``crops_folder``: there is none, it holds no pictures, or one cannot be read.
    """
    if not folder.is_dir():
        raise BadInputError("crops_folder", f"there is no folder {folder}; it holds a sub-folder of pictures a class")
    crops: dict[str, list[NDArray[np.uint8]]] = {}
    for part in sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")):
        paths = sorted(p for p in part.iterdir() if p.suffix.lower() in _SUFFIXES)
        if paths:
            crops[part.name] = [_picture(path) for path in paths]
    if not crops:
        raise BadInputError("crops_folder", f"{folder} holds no pictures: it needs a sub-folder of them for each class")
    return labelled_crops(crops)


def _picture(path: Path) -> NDArray[np.uint8]:
    found = cv2.imdecode(np.fromfile(path, dtype=np.uint8), cv2.IMREAD_COLOR) if path.stat().st_size else None
    if found is None or found.shape[0] * found.shape[1] > _LARGEST:
        raise BadInputError("crops_folder", f"{path} is no picture that can be read; take it out of the folder")
    return np.ascontiguousarray(found[..., ::-1])
