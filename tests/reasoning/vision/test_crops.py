"""Crops of remembered things come from their evidence pictures, the best first."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from memory_agent_ros.reasoning.vision.crops import best_crops, cut, quality_of
from memory_agent_ros.reasoning.vision.looker import UNTOLD, PictureLooker
from memory_agent_ros.reasoning.vision.reader import VisionError, VisionReading
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.evidence import Evidence
from memory_agent_ros.records.keyframe import Keyframe
from memory_agent_ros.records.looks import COLOURS
from memory_agent_ros.records.map_object import MapObject, ObjectState
from memory_agent_ros.records.pose import Pose

POSE = Pose(np.zeros(3), np.array([0.0, 0.0, 0.0, 1.0]), "map")
CAMERA = Camera(120, 90, np.array([[100.0, 0, 60], [0, 100, 45], [0, 0, 1]]))


def evidence(keyframe: int, box: tuple[float, ...], score: float = 0.9) -> Evidence:
    return Evidence(1, keyframe * 10, keyframe, keyframe, POSE, POSE, np.array(box, np.float32), score)


def thing(*seen: Evidence) -> MapObject:
    return MapObject(
        1, "mug", {"mug": 1.0}, ObjectState.PRESENT, 1.0, True, np.zeros(3), np.eye(3),
        OrientedBox(np.zeros(3), np.ones(3), 0.0), np.zeros((0, 3), np.float32), None, 3, 1, 2, 3, evidence=seen,
    )  # fmt: skip


def picture(box: tuple[int, int, int, int], blurred: bool = False) -> NDArray[np.uint8]:
    """Gray, with a striped red thing in a box."""
    image = np.full((90, 120, 3), 128, np.uint8)
    x0, y0, x1, y1 = box
    image[y0:y1, x0:x1] = (220, 20, 20)
    image[y0:y1:4, x0:x1] = (120, 10, 10)
    return cv2.GaussianBlur(image, (0, 0), 5).astype(np.uint8) if blurred else image


class Album:
    """Pictures by id; one that is not there was erased."""

    def __init__(self, pictures: dict[int, NDArray[np.uint8]], known: MapObject) -> None:
        self.pictures, self.known = pictures, known

    def get(self, object_id: int) -> MapObject:
        assert object_id == self.known.id
        return self.known

    def keyframe(self, keyframe_id: int) -> Keyframe:
        if keyframe_id not in self.pictures:
            raise BadInputError("unknown_keyframe", "erased")
        _, jpeg = cv2.imencode(".png", self.pictures[keyframe_id][..., ::-1])
        return Keyframe(keyframe_id, 0, CAMERA, np.eye(4), jpeg.tobytes())


def test_large_and_sharp_crops_come_first_and_erased_pictures_are_passed_over() -> None:
    small, large = (10, 10, 26, 26), (30, 20, 90, 80)
    seen = [evidence(1, small), evidence(2, large), evidence(3, large), evidence(4, large), evidence(2, small)]
    album = Album({1: picture(small), 2: picture(large, blurred=True), 3: picture(large)}, thing(*seen))
    found = best_crops(album, album.known)
    assert [c.evidence.keyframe_id for c in found] == [3, 2, 1]
    assert found[0].pixels.mean(axis=(0, 1))[0] > 140 and 0 < found[2].quality < found[0].quality <= 1
    assert len(best_crops(album, album.known, count=1)) == 1
    bare = dataclasses.replace(album.known, evidence=())
    assert [c.evidence.keyframe_id for c in best_crops(album, bare)] == [3, 2, 1]
    assert [c.evidence.keyframe_id for c in best_crops(album, 1)] == [3, 2, 1]


def test_unreadable_and_tiny_pictures_give_no_crop() -> None:
    album = Album({1: picture((10, 10, 40, 40))}, thing(evidence(1, (10, 10, 13, 12)), evidence(5, (0, 0, 50, 50))))
    assert best_crops(album, album.known) == []
    album.keyframe = lambda i: Keyframe(i, 0, CAMERA, np.eye(4), b"no picture")  # type: ignore[method-assign]
    assert best_crops(album, thing(evidence(1, (0, 0, 50, 50)))) == []


@pytest.mark.parametrize("margin", [0.0, 0.1])
def test_a_cut_stays_inside_the_picture(margin: float) -> None:
    image = picture((0, 0, 10, 10))
    crop = cut(image, np.array([10.2, 20.0, 50.0, 39.7], np.float32), margin)
    more = margin * 39.8
    assert crop.shape == (
        int(np.ceil(39.7 + more)) - int(np.floor(20 - more)), int(np.ceil(50 + more)) - int(np.floor(10.2 - more)), 3
    )  # fmt: skip
    assert cut(image, np.array([-20, -20, 500, 500], np.float32), margin).shape == image.shape
    assert cut(image, np.array([200, 200, 250, 250], np.float32), margin).size == 0


def test_a_bad_score_makes_a_crop_worse() -> None:
    crop = picture((30, 20, 90, 80))
    assert quality_of(crop, 0.5) == pytest.approx(0.5 * quality_of(crop, 1.0))
    assert quality_of(crop, 7.0) <= 1.0


class Reader:
    """Says what it was asked; fails when told to."""

    name, reads_text = "echo", False

    def __init__(self, sure: float | None = 0.8) -> None:
        self.sure = sure
        self.asked: list[tuple[int, str, tuple[str, ...]]] = []

    def read(self, crops: Sequence[NDArray[np.uint8]], question: str, choices: Sequence[str] = ()) -> VisionReading:
        self.asked.append((len(crops), question, tuple(choices)))
        if self.sure is None:
            raise VisionError("asleep")
        told = {} if np.isnan(self.sure) else {choices[0]: self.sure}
        return VisionReading(choices[0] if choices else "soup", told, np.zeros((0, 0)), self.name)


def test_looks_are_read_from_the_best_crops() -> None:
    box = (30, 20, 90, 80)
    album = Album({1: picture(box), 2: picture(box)}, thing(evidence(1, box), evidence(2, box)))
    reader = Reader()
    looker = PictureLooker(album, reader)
    assert looker.look(album.known, "colour") == ("black", 0.8)
    assert reader.asked == [(2, "What colour is it?", COLOURS)]
    assert looker.look(album.known, "weight") == looker.look(album.known, "text") == ("", 0.0)
    reader.reads_text = True
    reader.sure = float("nan")
    assert looker.look(album.known, "text") == ("soup", UNTOLD)
    assert PictureLooker(album, Reader(None)).look(album.known, "colour") == ("", 0.0)
    album.pictures.clear()
    assert looker.look(album.known, "colour") == ("", 0.0)
