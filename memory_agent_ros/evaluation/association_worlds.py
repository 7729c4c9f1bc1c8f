"""The apartments of the ``association`` benchmark: cluttered, seen by a detector with few words."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from memory_agent_ros.evaluation.walks.replay import Detections
from memory_agent_ros.evaluation.walks.walk import Walk, WalkConfig, record_walk
from memory_agent_ros.perception.ground_truth import DetectionNoise

#: Two tours of three cluttered rooms, about 150 images.
WALK = WalkConfig(rooms=3, passes=2, spacing_m=0.8, turn_deg=45.0, cluttered=True)

#: What a detector of general words, as those trained on COCO, calls the simulator's categories.
WORDS: Mapping[str, str] = {
    **dict.fromkeys(("ketchup bottle", "dressing bottle", "wine bottle", "white bottle"), "bottle"),
    **dict.fromkeys(("cookie box", "macaroni box", "milk carton", "juice carton", "storage box"), "box"),
    **dict.fromkeys(("mug", "moka pot", "soup can"), "cup"),
    **dict.fromkeys(("bowl", "plate", "frying pan", "tray"), "dish"),
    **dict.fromkeys(("wine rack", "dish rack", "spice rack", "desk caddy", "basket"), "rack"),
    **dict.fromkeys(("chair", "stool", "armchair"), "chair"),
    **dict.fromkeys(("table", "desk", "coffee table", "side table", "counter", "washstand"), "table"),
    **dict.fromkeys(("cabinet", "nightstand", "wardrobe", "bookshelf", "refrigerator", "washing machine"), "cabinet"),
}


def in_few_words(walk: Walk) -> Walk:
    """The walk with the labels of :data:`WORDS`; categories without an entry keep theirs."""
    return dataclasses.replace(walk, labels={i: WORDS.get(label, label) for i, label in walk.labels.items()})


def association_world(
    split: str, seed: int, *, few_words: bool = True, config: WalkConfig = WALK, noise: DetectionNoise | None = None
) -> Detections:
    """Detections of one apartment's walk; the walk is rendered once and kept in the cache."""
    walk = record_walk(split, seed, config)
    return Detections(in_few_words(walk) if few_words else walk, noise, seed=seed)
