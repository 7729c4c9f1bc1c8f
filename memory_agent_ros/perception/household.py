"""Household names for ImageNet classes, so that a classifier trained on ImageNet can name things in a home."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

#: Household label -> ImageNet-1k class indices (ILSVRC 2012 order) that count for it.
IMAGENET_CLASSES: dict[str, tuple[int, ...]] = {
    "apple": (948,),
    "armchair": (765, 831),
    "backpack": (414,),
    "ball": (429, 430, 722, 805, 852, 890),
    "banana": (954,),
    "basket": (588, 790),
    "bathtub": (435, 876),
    "bed": (520, 564),
    "book": (917, 921, 922),
    "bookcase": (453,),
    "bottle": (440, 720, 737, 898, 907),
    "bowl": (659, 809),
    "box": (478, 519, 492),
    "bucket": (463,),
    "cabinet": (493, 495, 553, 648, 894),
    "camera": (732, 759),
    "candle": (470,),
    "chair": (423, 559, 857),
    "clock": (409, 530, 892),
    "coffee maker": (550,),
    "computer monitor": (664, 782, 851),
    "curtain": (794, 854),
    "desk": (526,),
    "dishwasher": (534,),
    "fan": (545,),
    "game controller": (613, 761),
    "kettle": (505, 849),
    "keyboard": (508, 810, 878),
    "lamp": (619, 846),
    "laptop": (620, 681),
    "lemon": (951,),
    "microwave": (651,),
    "mouse": (673,),
    "mug": (504, 968),
    "orange": (950,),
    "oven": (827,),
    "pan": (567, 909),
    "phone": (487, 528),
    "pillow": (721,),
    "pitcher": (725, 899),
    "plant": (738,),
    "plate": (923,),
    "printer": (713, 742),
    "refrigerator": (760,),
    "shoe": (514, 630, 770, 774),
    "sink": (896,),
    "speaker": (632,),
    "table": (532,),
    "teddy bear": (850,),
    "toaster": (859,),
    "toilet": (861,),
    "towel": (434, 533, 700, 999),
    "trash can": (412,),
    "tray": (868,),
    "umbrella": (879,),
    "vacuum cleaner": (882,),
    "vase": (883,),
    "wallet": (893,),
    "washing machine": (897,),
}

#: Label of a thing that is seen but not known.
UNNAMED = "object"


class HouseholdNames:
    """Names ImageNet probabilities by household labels.

    Args:
        vocabulary: the labels to use; None means all of :data:`IMAGENET_CLASSES`. Labels without classes are ignored.
    """

    def __init__(self, vocabulary: Sequence[str] | None = None) -> None:
        self.labels = tuple(label for label in IMAGENET_CLASSES if vocabulary is None or label in vocabulary)

    def scores(self, probabilities: NDArray[np.float32]) -> dict[str, float]:
        """(1000,) ImageNet probabilities -> the three best household labels with their probability, best first."""
        sums = {label: float(probabilities[list(IMAGENET_CLASSES[label])].sum()) for label in self.labels}
        best = sorted(sums, key=lambda label: -sums[label])[:3]
        return {label: sums[label] for label in best}
