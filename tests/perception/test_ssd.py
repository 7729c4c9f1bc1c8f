import importlib.util

import numpy as np
import pytest

from memory_agent_ros.perception.ssd import (
    INDOOR_LABELS,
    SsdConfig,
    SsdDetector,
    box_overlap,
    decode,
    ssd_anchors,
    suppress,
)
from memory_agent_ros.perception.ssd_model import prepared_files
from memory_agent_ros.records.errors import BadInputError, MissingExtraError


@pytest.fixture(scope="module")
def ssd():
    if importlib.util.find_spec("ai_edge_litert") is None:
        pytest.skip("LiteRT is not installed")
    try:
        prepared_files()
    except MissingExtraError as error:
        pytest.skip(str(error))
    return SsdDetector.from_cache()


def test_anchors_cover_the_image_grid_by_grid():
    anchors = ssd_anchors()
    assert anchors.shape == (1917, 4)
    np.testing.assert_allclose(anchors[0], [0.5 / 19, 0.5 / 19, 0.1, 0.1])
    np.testing.assert_allclose(anchors[1, 2:], [0.2 / np.sqrt(2), 0.2 * np.sqrt(2)], rtol=1e-6)
    np.testing.assert_allclose(anchors[-6], [0.5, 0.5, 0.95, 0.95])
    np.testing.assert_allclose(anchors[-1], [0.5, 0.5, np.sqrt(0.95), np.sqrt(0.95)], rtol=1e-6)
    np.testing.assert_allclose(anchors[19 * 19 * 3 : 19 * 19 * 3 + 6, :2], 0.05)


def test_zero_encodings_are_the_anchors():
    anchors = np.array([[0.5, 0.4, 0.2, 0.6]], np.float32)
    np.testing.assert_allclose(decode(np.zeros((1, 4), np.float32), anchors), [[0.1, 0.4, 0.7, 0.6]], atol=1e-6)
    moved = decode(np.array([[10, 0, 0, 5 * np.log(2)]], np.float32), anchors)
    np.testing.assert_allclose(moved, [[-0.2, 0.6, 1.0, 0.8]], atol=1e-6)


def test_suppression_keeps_the_best_of_each_thing():
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [0, 0, 10, 10.5], [50, 50, 60, 60]], np.float32)
    scores = np.array([0.6, 0.9, 0.5, 0.7], np.float32)
    labels = np.array([0, 0, 1, 0])
    np.testing.assert_array_equal(suppress(boxes, scores, labels, SsdConfig(overlap_any=0.9)), [1, 3, 2])
    np.testing.assert_array_equal(suppress(boxes, scores, labels, SsdConfig(overlap_any=0.5)), [1, 3])
    assert len(suppress(boxes[:0], scores[:0], labels[:0], SsdConfig())) == 0


def test_overlap_of_boxes():
    others = np.array([[0, 0, 2, 2], [1, 0, 3, 2], [5, 5, 6, 6], [1, 1, 1, 1]], np.float32)
    np.testing.assert_allclose(box_overlap(others[0], others), [1, 1 / 3, 0, 0])


def test_a_network_of_another_shape_is_refused():
    class OtherNetwork:
        def get_input_details(self):
            return [{"index": 0}]

        def get_output_details(self):
            return [{"index": 0}, {"index": 1}]

        def set_tensor(self, index, value):
            assert value.shape == (1, 300, 300, 3)
            assert -1 <= value.min() <= value.max() <= 1

        def invoke(self):
            pass

        def get_tensor(self, index):
            return np.zeros((1, 100, 4), np.float32)

    with pytest.raises(BadInputError) as refused:
        SsdDetector(OtherNetwork(), ["chair"]).raw(np.zeros((40, 60, 3), np.uint8))
    assert refused.value.reason == "model_shape"


def test_labels_are_lower_case_and_indoor(ssd):
    assert len(ssd.names) == 23
    assert set(ssd.names) >= INDOOR_LABELS
    assert "computer monitor" in ssd.names


def test_an_empty_room_has_nothing_in_it(ssd, scene):
    assert [d.label for d in ssd.detect(scene([]))] == []


def test_missing_runtime_names_the_extra(ssd, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(MissingExtraError, match=r"\[models\]"):
        SsdDetector.from_cache()
