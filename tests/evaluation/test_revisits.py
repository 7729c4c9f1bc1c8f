"""Identities against places: on made-up detections, and on real images where they are there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from memory_agent_ros.evaluation.revisits import places_of, score_revisits
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.errors import BadInputError, MissingExtraError


def test_places_are_chains_of_one_label() -> None:
    centers = np.array([[0, 0, 0], [0.2, 0, 0], [0.4, 0, 0], [2, 0, 0], [0.1, 0, 0]], dtype=np.float64)
    places = places_of(["mug", "mug", "mug", "mug", "bowl"], centers, 0.25)
    assert places[0] == places[1] == places[2]
    assert len({int(places[0]), int(places[3]), int(places[4])}) == 3


def test_an_identity_that_comes_back_is_kept_and_another_is_not() -> None:
    frames = np.array([1, 2, 3, 50, 51, 52])
    places = np.ones(6, dtype=np.intp)
    same = score_revisits(places, np.full(6, 7), frames, 20)
    assert (same.places, same.identities, same.revisited, same.kept) == (1, 1, 1, 1)
    other = score_revisits(places, np.array([7, 7, 7, 8, 8, 8]), frames, 20)
    assert (other.places, other.identities, other.revisited, other.kept) == (1, 2, 1, 0)
    assert score_revisits(places, np.full(6, 7), np.arange(6), 20).revisited == 0


@pytest.mark.slow
@pytest.mark.parametrize("association", ["hand_built", "learned"])
def test_real_objects_keep_their_identity(rgbd_data_dir: Path, association: str) -> None:
    from memory_agent_ros.perception.factory import make_detector, make_image_embedder
    from memory_agent_ros.perception.pipeline import PerceptionPipeline
    from memory_agent_ros.perception.recordings.open_recording import open_recording
    from memory_agent_ros.perception.recordings.recording import RecordingOptions

    try:
        pipeline = PerceptionPipeline(make_detector("ssd"), make_image_embedder("efficientnet_lite0"))
    except MissingExtraError as error:
        pytest.skip(str(error))
    seen, given, frames = [], [], []
    with SpatialMemory.open(None, MemoryConfig(association=association)) as memory:
        for number, frame in enumerate(open_recording(rgbd_data_dir, RecordingOptions())):
            observations = pipeline.process(frame).observations
            memory.observe(frame, observations)
            seen += observations
            given += memory.assignments
            frames += [number] * len(observations)
        final = {i: _final(memory, i) for i in set(given)}
    places = places_of([o.label for o in seen], np.array([o.box.center for o in seen]), 0.25)
    score = score_revisits(places, np.array([final[i] for i in given]), np.array(frames), 20)
    print(association, score)
    assert score.identities <= 1.25 * score.places
    assert score.kept >= 0.8 * score.revisited


def _final(memory: SpatialMemory, identity: int) -> int:
    try:
        found = memory.get(identity)
    except BadInputError:
        return 0
    return found.id if found.confirmed else 0
