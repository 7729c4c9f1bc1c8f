"""Questions to the memory, with evidence that resolves."""

from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from driving import at_desk, at_table, kinds, mapped_kitchen, only, watch
from numpy.typing import NDArray
from synthetic import kitchen

from memory_agent_ros.memory.association.labels import normal_label
from memory_agent_ros.memory.indexes.queries import TextMatcher
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.map_object import ObjectState
from memory_agent_ros.records.region import Region


@pytest.fixture(scope="module")
def memory() -> SpatialMemory:
    """The kitchen, seen once, then the bowl removed."""
    opened = SpatialMemory.open(None)
    world = mapped_kitchen(opened)
    del world.things["bowl"]
    watch(opened, world, at_table())
    return opened


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("The Coffee_Tables", "coffee table"),
        ("knives", "knife"),
        ("glasses", "glass"),
        ("boxes", "box"),
        ("batteries", "battery"),
        ("bus", "bus"),
        ("a mug", "mug"),
        ("bookshelves", "bookshelf"),
        ("tomatoes", "tomato"),
    ],
)
def test_labels_are_compared_in_normal_form(said: str, meant: str) -> None:
    assert normal_label(said) == normal_label(meant) == meant


def test_find_by_label_state_and_region(memory: SpatialMemory) -> None:
    assert only(memory.find("Mugs")).label == "mug"
    assert memory.find("unicorn") == []
    assert only(memory.find("bowl")).state is ObjectState.GONE
    assert memory.find("bowl", state=ObjectState.PRESENT) == []
    assert only(memory.find(state=ObjectState.GONE)).label == "bowl"
    left = Region(np.array([-np.inf, -np.inf, -np.inf]), np.array([-1.0, np.inf, np.inf]))
    assert only(memory.find(region=left)).label == "desk"
    assert len(memory.find(limit=2)) == 2


def test_find_by_text_without_an_embedder(memory: SpatialMemory) -> None:
    assert only(memory.find(text="where is my mug")).label == "mug"
    assert memory.find(text="where is my mug")[0].relevance > 0.5
    assert memory.find(text="something to drink from") == []


class Meaning:
    """A text embedder of three directions: drinking, furniture, anything else."""

    dimension = 3

    def embed_texts(self, texts: list[str]) -> np.ndarray:
        groups = ({"mug", "drink", "bowl"}, {"table", "desk", "cupboard", "furniture"})
        rows = [[float(bool(group & set(t.split()))) for group in groups] for t in texts]
        return np.array([[*row, float(not any(row))] for row in rows], dtype=np.float32)


def test_find_by_text_with_an_embedder_knows_synonyms() -> None:
    opened = SpatialMemory.open(None, text_embedder=Meaning())
    mapped_kitchen(opened)
    assert {o.label for o in opened.find(text="something to drink from")} == {"mug", "bowl"}
    assert opened.count(text="furniture") == 3


def test_every_answer_has_evidence_that_resolves(memory: SpatialMemory) -> None:
    for found in memory.find(limit=100):
        assert found.evidence, found.label
        for item in found.evidence:
            picture = memory.keyframe(item.keyframe_id)
            image = cv2.imdecode(np.frombuffer(picture.jpeg, np.uint8), cv2.IMREAD_COLOR)
            assert image.shape[:2] == (picture.camera.height, picture.camera.width)
            assert picture.stamp_ns == item.stamp_ns and item.object_id == found.id
            x0, y0, x1, y1 = item.box_xyxy
            assert 0 <= x0 < x1 <= picture.camera.width and 0 <= y0 < y1 <= picture.camera.height
            assert np.allclose(item.camera_pose.position_m, picture.T_map_camera[:3, 3])
            assert np.linalg.norm(item.object_pose.position_m - found.box.center) < 0.5


def test_evidence_shows_the_object_where_it_says(memory: SpatialMemory) -> None:
    item = only(memory.find("mug")).evidence[0]
    image = cv2.imdecode(np.frombuffer(memory.keyframe(item.keyframe_id).jpeg, np.uint8), cv2.IMREAD_COLOR)
    x0, y0, x1, y1 = item.box_xyxy.astype(int)
    middle = image[(y0 + y1) // 2, (x0 + x1) // 2, ::-1].astype(int)
    assert np.abs(middle - (50 + 134, 80 + 202 % 170, 60 + 74)).max() < 30, "the mug's paint"


def test_near_goes_by_boxes_nearest_first(memory: SpatialMemory) -> None:
    mug = only(memory.find("mug"))
    close = memory.near(object_id=mug.id, radius_m=0.6)
    assert [o.label for o in close] == ["table", "box"], "the bowl is gone, the mug is not near itself"
    assert memory.near(np.array([2.5, 0.79, 0.7]), radius_m=0.1)[0].label == "table", "its centre is 0.8 m away"
    assert memory.near(np.array([0.0, 0.0, 0.0]), radius_m=0.5) == []
    assert [o.label for o in memory.near(object_id=mug.id, radius_m=0.6, label="boxes")] == ["box"]
    with pytest.raises(BadInputError, match="either"):
        memory.near()


def test_last_seen_count_history_changes(memory: SpatialMemory) -> None:
    assert memory.last_seen("bowl").state is ObjectState.GONE  # type: ignore[union-attr]
    assert memory.last_seen("unicorn") is None
    assert (memory.count("mug"), memory.count("bowl"), memory.count("unicorn"), memory.count()) == (1, 0, 0, 5)
    bowl = only(memory.find("bowl"))
    events = memory.history(bowl.id)
    assert kinds(events) == ["added", "gone"]
    assert [e.id for e in memory.changes(events[1].stamp_ns)] == [events[1].id]
    with pytest.raises(BadInputError, match="no object 999"):
        memory.history(999)
    with pytest.raises(BadInputError, match="no keyframe 999"):
        memory.keyframe(999)


def test_expected_view_says_what_is_in_view_and_how_likely_it_is_seen() -> None:
    memory, world = SpatialMemory.open(None), kitchen()
    watch(memory, world, at_table())
    pose = at_table()[3]
    frame, _ = world.frame(pose)
    expected = {memory.get(e.object_id).label: e for e in memory.expected_view(world.camera, pose, frame.depth_m)}
    assert set(expected) == {"table", "mug", "bowl", "box"}
    for label, item in expected.items():
        frame, observations = world.look(pose)
        seen = only([o for o in observations if o.label == label])
        overlap = _iou(item.box_xyxy, seen.box_xyxy)
        assert overlap > 0.5, label
        assert 0 < item.visible_share <= 1 and 0 < item.p_detect < 1
        assert abs(item.range_m - seen.range_m) < 0.3
    assert memory.expected_view(world.camera, at_desk()[3]) == []
    wall = np.full_like(frame.depth_m, 0.5)
    assert memory.expected_view(world.camera, pose, wall) == []


def _iou(a: np.ndarray, b: np.ndarray) -> float:
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    both = max(w, 0) * max(h, 0)
    return float(both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both))


def test_meaning_is_not_asked_for_a_thing_named_in_full() -> None:
    class Spy:
        dimension = 2

        def __init__(self) -> None:
            self.asked: list[str] = []

        def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
            self.asked += texts
            return np.tile(np.array([1.0, 0.0], dtype=np.float32), (len(texts), 1))

    spy = Spy()
    matcher = TextMatcher(spy, 0.35)
    assert matcher.relevance("the red chair", ["chair", "armchair"]) == {"chair": 0.9}
    assert spy.asked == []
    assert set(matcher.relevance("something to sit on", ["chair", "armchair"])) == {"chair", "armchair"}
    assert spy.asked[0] == "something to sit on"
