"""Evidence pictures and films."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.evidence import Evidence
from memory_agent_ros.records.keyframe import Keyframe
from memory_agent_ros.viz.animation import FilmFrames, write_film
from memory_agent_ros.viz.evidence_picture import BoxNote, draw_notes, encode_jpeg, evidence_note, evidence_picture
from memory_agent_ros.viz.scene import MapScene, object_color, scene_bounds


def _rgb(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def test_the_box_is_drawn_around_the_evidence(keyframe: Keyframe, evidence: Evidence) -> None:
    picture = evidence_picture(keyframe, [evidence_note(evidence, "mug")], width=640)
    assert picture.shape == (480, 640, 3)
    color = np.array(_rgb(object_color("mug")))
    near = np.abs(picture.astype(int) - color).max(axis=2) < 10
    assert near[260, 278:284].any() and near[260, 397:403].any()
    assert not near[260, 300:380].any()
    assert near[170:200, 285:330].mean() > 0.3


def test_boxes_outside_the_picture_are_clipped() -> None:
    blank = np.full((60, 80, 3), 255, np.uint8)
    drawn = draw_notes(blank, [BoxNote(np.array([-40, -40, 300, 300], np.float32), "wall")])
    assert drawn.shape == blank.shape and (drawn != 255).any()


def test_jpeg_bytes() -> None:
    assert encode_jpeg(np.zeros((8, 8, 3), np.uint8))[:2] == b"\xff\xd8"


@pytest.mark.parametrize("suffix", [".gif", ".mp4"])
def test_film_holds_every_frame(scene: MapScene, tmp_path: Path, suffix: str) -> None:
    frames = FilmFrames(scene_bounds(scene), height=120)
    camera = np.zeros((90, 120, 3), np.uint8)
    pictures = []
    for i in range(4):
        camera[:] = (60 * i, 200 - 40 * i, 90)
        pictures.append(frames.draw(camera, scene, f"step {i}"))
    path = write_film(tmp_path / f"film{suffix}", pictures, rate_hz=5)
    film, read = cv2.VideoCapture(str(path)), []
    while (answer := film.read())[0]:
        read.append(answer[1][..., ::-1])
    assert len(read) == 4
    assert np.abs(read[3][40, 40].astype(int) - (180, 80, 90)).max() < 25


def test_a_film_needs_frames_and_a_known_format(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="nothing to film"):
        write_film(tmp_path / "film.gif", [])
    with pytest.raises(BadInputError, match=r"use \.gif or \.mp4"):
        write_film(tmp_path / "film.txt", [np.zeros((4, 4, 3), np.uint8)])
