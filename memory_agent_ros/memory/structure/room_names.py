"""What a room is for, from the things in it.

Naive Bayes over kinds of rooms. The table says how likely a room of each kind has such a thing; the numbers are rough
common knowledge, not counted anywhere. What can be carried about says little, what is built in or heavy says much.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from memory_agent_ros.memory.association.labels import normal_label

KINDS = ("living room", "kitchen", "bedroom", "bathroom", "office", "dining room", "hallway")

#: P(a room of the kind has such a thing), in the order of KINDS.
_FIXTURES: Mapping[str, tuple[float, ...]] = {
    "sofa": (0.90, 0.03, 0.06, 0.01, 0.10, 0.05, 0.03),
    "armchair": (0.50, 0.03, 0.20, 0.02, 0.12, 0.05, 0.05),
    "coffee table": (0.70, 0.03, 0.04, 0.01, 0.05, 0.05, 0.03),
    "television": (0.80, 0.10, 0.30, 0.02, 0.08, 0.10, 0.02),
    "fireplace": (0.30, 0.03, 0.03, 0.01, 0.02, 0.10, 0.01),
    "piano": (0.20, 0.01, 0.03, 0.01, 0.03, 0.06, 0.01),
    "side table": (0.40, 0.08, 0.25, 0.10, 0.20, 0.20, 0.15),
    "bookshelf": (0.40, 0.03, 0.20, 0.01, 0.50, 0.08, 0.08),
    "refrigerator": (0.02, 0.90, 0.01, 0.01, 0.03, 0.05, 0.02),
    "counter": (0.03, 0.80, 0.02, 0.20, 0.03, 0.06, 0.02),
    "oven": (0.01, 0.80, 0.01, 0.01, 0.01, 0.03, 0.01),
    "stove": (0.02, 0.80, 0.01, 0.01, 0.01, 0.03, 0.01),
    "microwave": (0.01, 0.70, 0.01, 0.01, 0.03, 0.04, 0.01),
    "dishwasher": (0.01, 0.60, 0.01, 0.01, 0.01, 0.03, 0.01),
    "toaster": (0.01, 0.50, 0.01, 0.01, 0.01, 0.05, 0.01),
    "sink": (0.01, 0.85, 0.02, 0.85, 0.02, 0.02, 0.01),
    "bed": (0.04, 0.01, 0.95, 0.01, 0.03, 0.01, 0.01),
    "nightstand": (0.05, 0.01, 0.70, 0.02, 0.02, 0.01, 0.03),
    "wardrobe": (0.05, 0.02, 0.60, 0.03, 0.05, 0.03, 0.30),
    "dresser": (0.08, 0.02, 0.50, 0.06, 0.03, 0.06, 0.12),
    "toilet": (0.01, 0.01, 0.02, 0.90, 0.01, 0.01, 0.01),
    "bathtub": (0.01, 0.01, 0.02, 0.60, 0.01, 0.01, 0.01),
    "shower": (0.01, 0.01, 0.02, 0.60, 0.01, 0.01, 0.01),
    "washstand": (0.01, 0.03, 0.04, 0.80, 0.01, 0.01, 0.02),
    "washing machine": (0.01, 0.25, 0.01, 0.50, 0.01, 0.01, 0.06),
    "desk": (0.10, 0.02, 0.25, 0.01, 0.90, 0.02, 0.02),
    "monitor": (0.06, 0.01, 0.10, 0.01, 0.80, 0.01, 0.01),
    "printer": (0.04, 0.01, 0.04, 0.01, 0.50, 0.01, 0.02),
    "whiteboard": (0.01, 0.02, 0.01, 0.01, 0.40, 0.01, 0.02),
    "office chair": (0.04, 0.01, 0.10, 0.01, 0.80, 0.02, 0.01),
    "table": (0.30, 0.60, 0.08, 0.03, 0.20, 0.80, 0.05),
    "dining table": (0.20, 0.40, 0.02, 0.01, 0.02, 0.95, 0.01),
    "chair": (0.30, 0.50, 0.25, 0.05, 0.70, 0.85, 0.08),
    "stool": (0.10, 0.40, 0.08, 0.30, 0.05, 0.10, 0.05),
    "cabinet": (0.50, 0.50, 0.35, 0.25, 0.35, 0.50, 0.20),
    "shoe rack": (0.03, 0.01, 0.08, 0.01, 0.01, 0.01, 0.60),
    "coat rack": (0.06, 0.01, 0.08, 0.02, 0.06, 0.01, 0.60),
}
#: Things that are carried about, and the kind of room they belong to.
_PORTABLE: Mapping[str, str] = {
    "frying pan": "kitchen", "pan": "kitchen", "pot": "kitchen", "kettle": "kitchen", "dish rack": "kitchen",
    "spice rack": "kitchen", "moka pot": "kitchen", "knife": "kitchen", "cutting board": "kitchen",
    "pillow": "bedroom", "blanket": "bedroom", "alarm clock": "bedroom", "toothbrush": "bathroom",
    "toothpaste": "bathroom", "towel": "bathroom", "soap": "bathroom", "hair dryer": "bathroom",
    "toilet paper": "bathroom", "keyboard": "office", "mouse": "office", "laptop": "office", "desk caddy": "office",
    "remote": "living room", "cushion": "living room", "wine glass": "dining room", "shoe": "hallway",
    "umbrella": "hallway", "coat": "hallway",
}  # fmt: skip
_SAME = {
    "couch": "sofa", "loveseat": "sofa", "tv": "television", "tv stand": "television", "fridge": "refrigerator",
    "kitchen counter": "counter", "countertop": "counter", "kitchen island": "counter", "cooker": "stove",
    "gas stove": "stove", "hob": "stove", "bedside table": "nightstand", "night stand": "nightstand",
    "closet": "wardrobe", "chest of drawer": "dresser", "washbasin": "washstand", "tub": "bathtub",
    "bookcase": "bookshelf", "shelf": "bookshelf", "end table": "side table", "computer": "monitor",
    "writing desk": "desk", "swivel chair": "office chair", "kitchen table": "table", "cupboard": "cabinet",
    "sideboard": "cabinet", "kitchen sink": "counter", "toilet bowl": "toilet",
}  # fmt: skip

#: Nat that a thing that is carried about says, and most that any one thing says.
_PORTABLE_NATS, _MOST_NATS = 0.3, 3.0
#: Not having seen a thing says less than having seen it: the room may not be known whole.
_ABSENT = 0.3
#: A kind that what was seen speaks for with less than this is a guess: a table stands anywhere.
_LEAST_NATS = 1.2
#: A second thing of a kind says half of what the first said, further ones nothing.
_AGAIN = 0.5


def room_kind(labels: Iterable[tuple[str, float]]) -> tuple[str, float]:
    """The kind of room that (label, probability of the label) pairs speak for, and its posterior (uniform prior).

    With nothing that speaks, the posterior is 1 / number of kinds.
    """
    nats = np.zeros(len(KINDS))
    seen: dict[str, int] = {}
    for label, sure in labels:
        name = normal_label(label)
        name = _SAME.get(name, name)
        if name in _FIXTURES:
            seen[name] = seen.get(name, 0) + 1
            odds = np.array(_FIXTURES[name])
            weight = sure * (1.0 if seen[name] == 1 else _AGAIN if seen[name] == 2 else 0.0)
            nats += weight * np.clip(np.log(odds / odds.mean()), -_MOST_NATS, _MOST_NATS)
        elif name in _PORTABLE:
            nats[KINDS.index(_PORTABLE[name])] += sure * _PORTABLE_NATS
    spoken = nats.copy()
    if seen:
        for name, probabilities in _FIXTURES.items():
            if name not in seen:
                missing = 1.0 - np.array(probabilities)
                nats += _ABSENT * np.log(missing / missing.mean())
    posterior = np.exp(nats - nats.max())
    posterior /= posterior.sum()
    best = int(np.argmax(posterior))
    return KINDS[best], float(posterior[best]) if spoken[best] >= _LEAST_NATS else min(0.5, float(posterior[best]))
