import dataclasses

import numpy as np
import pytest

from memory_agent_ros.perception.embedders.color_histogram import ColorHistogramEmbedder
from memory_agent_ros.perception.factory import UnknownPartError, make_detector, make_image_embedder, make_text_embedder
from memory_agent_ros.perception.ground_truth import NO_NOISE, GroundTruthDetector
from memory_agent_ros.perception.lifting import LiftingConfig
from memory_agent_ros.perception.pipeline import PerceptionPipeline
from memory_agent_ros.perception.protocols import Detector, ImageEmbedder
from memory_agent_ros.records.errors import BadInputError

BLOCKS = [((1.5, -0.6, 0.6), (1.9, -0.2, 1.0), (200, 30, 30)), ((1.5, 0.1, 0.6), (1.9, 0.5, 1.0), (30, 30, 200))]
LABELS = {1: "red box", 2: "blue box"}


def test_every_detection_is_lifted_or_counted(scene):
    frame = scene(BLOCKS)
    depth = frame.depth_m.copy()
    depth[frame.instances == 2] = 0.0
    detector = GroundTruthDetector(LABELS, NO_NOISE)
    result = PerceptionPipeline(detector, None).process(dataclasses.replace(frame, depth_m=depth))
    assert [o.label for o in result.observations] == ["red box"]
    assert len(result.detections) == 2
    assert result.refused == {"no_valid_depth": 1}
    assert result.observations[0].embedding is None
    assert result.detect_ms > 0
    assert result.lift_ms > 0


def test_observations_carry_the_appearance_of_their_own_object(scene):
    pipeline = PerceptionPipeline(GroundTruthDetector(LABELS, NO_NOISE), ColorHistogramEmbedder(), LiftingConfig())
    red, blue = (o.embedding for o in pipeline.process(scene(BLOCKS)).observations)
    swapped = pipeline.process(scene([(*BLOCKS[0][:2], BLOCKS[1][2]), (*BLOCKS[1][:2], BLOCKS[0][2])]))
    now_blue, now_red = (o.embedding for o in swapped.observations)
    assert red @ now_red > 0.95
    assert blue @ now_blue > 0.95
    assert red @ blue < 0.5


def test_a_frame_that_the_detector_refuses_is_refused(scene):
    pipeline = PerceptionPipeline(GroundTruthDetector(LABELS), None)
    with pytest.raises(BadInputError):
        pipeline.process(dataclasses.replace(scene(BLOCKS), instances=None))


def test_parts_by_name(scene):
    detector = make_detector("ground_truth", labels=LABELS, seed=5)
    assert isinstance(detector, Detector)
    assert detector.detect(scene(BLOCKS))
    embedder = make_image_embedder("color_histogram")
    assert isinstance(embedder, ImageEmbedder)
    assert embedder.embed_images([np.zeros((4, 4, 3), np.uint8)]).shape == (1, embedder.dimension)
    assert make_image_embedder("none") is None
    assert make_text_embedder("none") is None


@pytest.mark.parametrize("make", [make_detector, make_image_embedder, make_text_embedder])
def test_unknown_names_are_told_what_there_is(make):
    with pytest.raises(UnknownPartError, match="there are"):
        make("nonsense")
