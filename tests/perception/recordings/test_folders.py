"""7-Scenes and TUM folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from memory_agent_ros.geometry.pinhole import unproject_depth
from memory_agent_ros.geometry.se3 import transform_points
from memory_agent_ros.perception.recordings.open_recording import open_recording
from memory_agent_ros.perception.recordings.recording import Recording, RecordingOptions
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.frame import Frame
from tests.perception.recordings.room import TABLE_Z, camera_pose, render

PLAIN = RecordingOptions(upright=False)


def _points(frame: Frame, red: bool) -> np.ndarray:
    camera = frame.depth_camera or frame.camera
    points = transform_points(frame.T_map_camera, unproject_depth(camera.K, frame.depth_m))
    return points[(frame.depth_m > 0) & ((frame.rgb[..., 0] > 150) == red)]


def test_seven_scenes_frames_are_read_as_written(seven_scenes: Path) -> None:
    recording = open_recording(seven_scenes, PLAIN)
    assert isinstance(recording, Recording)
    frames = list(recording)
    assert len(recording) == len(frames) == 12 and recording.name == "kitchen"
    rgb, depth = render(camera_pose(4))
    assert np.abs(frames[4].rgb.astype(int) - rgb).max() == 0
    assert np.abs(frames[4].depth_m - depth)[1:].max() < 0.001
    assert frames[4].depth_m[0, 0] == 0.0
    assert frames[4].stamp_ns - frames[0].stamp_ns == 400_000_000


def test_the_world_is_turned_upright_with_the_floor_at_zero(seven_scenes: Path) -> None:
    for frame in open_recording(seven_scenes):
        up = -frame.T_map_camera[:3, 1]
        assert up[2] == pytest.approx(np.cos(np.radians(30.0)), abs=0.02)
        assert frame.T_map_camera[2, 3] == pytest.approx(1.4, abs=0.03)
        assert np.abs(_points(frame, red=False)[:, 2]).max() < 0.06
        assert np.abs(_points(frame, red=True)[:, 2] - TABLE_Z).max() < 0.05


def test_stride_and_limit(seven_scenes: Path) -> None:
    recording = open_recording(seven_scenes, RecordingOptions(stride=3, limit=2, upright=False))
    assert len(recording) == len(list(recording)) == 2
    assert [f.stamp_ns for f in recording] == [1_000_000_000, 1_300_000_000]


def test_bad_frames_are_left_out_and_counted(seven_scenes: Path) -> None:
    np.savetxt(seven_scenes / "frame-000003.pose.txt", np.full((4, 4), np.nan))
    (seven_scenes / "frame-000006.pose.txt").unlink()
    (seven_scenes / "frame-000009.depth.png").write_bytes(b"no picture")
    (seven_scenes / "frame-000012.color.png").write_bytes(b"")
    cv2.imwrite(str(seven_scenes / "frame-000015.depth.png"), np.zeros((60, 80), np.uint16))
    recording = open_recording(seven_scenes, PLAIN)
    frames = list(recording)
    assert recording.refused == {"pose_not_finite": 1, "pose_file": 1, "depth_file": 1, "color_file": 1}
    smaller = frames[1]
    assert smaller.depth_m.shape == (60, 80) and smaller.depth_camera is not None
    assert smaller.depth_camera.K[0, 0] == pytest.approx(smaller.camera.K[0, 0] / 2)


def test_intrinsics_may_be_four_numbers_or_missing_but_not_wrong(seven_scenes: Path) -> None:
    (seven_scenes / "camera-intrinsics.txt").write_text("140 141 79.5 59.5\n")
    frame = next(iter(open_recording(seven_scenes, PLAIN)))
    assert frame.camera.K[1, 1] == 141.0
    (seven_scenes / "camera-intrinsics.txt").write_text("1 2 3\n")
    with pytest.raises(BadInputError, match="fx fy cx cy") as caught:
        open_recording(seven_scenes, PLAIN)
    assert caught.value.reason == "intrinsics"
    (seven_scenes / "camera-intrinsics.txt").unlink()
    assert next(iter(open_recording(seven_scenes, PLAIN))).camera.K[0, 0] == 585.0


def test_tum_depth_scale_association_and_interpolated_pose(write_tum: Callable[..., Path]) -> None:
    folder = write_tum()
    frames = list(open_recording(folder, PLAIN))
    assert len(frames) == 10
    depth = render(camera_pose(3))[1]
    assert np.abs(frames[3].depth_m - depth).max() < 0.001
    assert np.abs(frames[3].T_map_camera - camera_pose(3)).max() < 0.002
    assert frames[3].stamp_ns == 1305031102_475304000
    assert frames[0].camera.K[0, 0] == 520.9


def test_tum_pictures_without_pose_or_depth_are_counted(write_tum: Callable[..., Path]) -> None:
    folder = write_tum()
    lines = (folder / "groundtruth.txt").read_text().splitlines()
    kept = [x for x in lines if x.startswith("#") or not 1305031102.45 < float(x.split()[0]) < 1305031102.95]
    (folder / "groundtruth.txt").write_text("\n".join(kept))
    depth_lines = (folder / "depth.txt").read_text().splitlines()
    (folder / "depth.txt").write_text("\n".join(depth_lines[:-1]))
    recording = open_recording(folder, PLAIN)
    frames = list(recording)
    assert recording.refused == {"pose_missing": 5, "depth_missing": 1}
    assert len(frames) == 4
    assert [f.stamp_ns for f in frames] == sorted(f.stamp_ns for f in frames)


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("groundtruth.txt", "1 2 3\n", "list_file"),
        ("rgb.txt", "# nothing\n", "recording_empty"),
        ("depth.txt", "x y\n", "list_file"),
    ],
)
def test_broken_tum_lists_are_refused(write_tum: Callable[..., Path], name: str, text: str, reason: str) -> None:
    folder = write_tum()
    (folder / name).write_text(text)
    with pytest.raises(BadInputError) as caught:
        open_recording(folder, PLAIN)
    assert caught.value.reason == reason


@pytest.mark.parametrize("make", ["missing", "empty", "text", "ros1"])
def test_what_is_no_recording_is_refused_with_advice(tmp_path: Path, make: str) -> None:
    path = tmp_path / "thing"
    if make == "empty":
        path.mkdir()
    elif make == "text":
        path.write_text("hello")
    elif make == "ros1":
        path = tmp_path / "old.bag"
        path.write_bytes(b"#ROSBAG V2.0")
    with pytest.raises(BadInputError) as caught:
        open_recording(path)
    assert caught.value.reason == ("recording_missing" if make == "missing" else "recording_unknown")
    if make == "ros1":
        assert "rosbags-convert" in str(caught.value)


def test_a_folder_without_any_usable_picture_says_so(seven_scenes: Path) -> None:
    for pose in seven_scenes.glob("*.pose.txt"):
        pose.unlink()
    with pytest.raises(BadInputError, match="none of 12"):
        list(open_recording(seven_scenes))


@pytest.mark.parametrize("options", [{"stride": 0}, {"limit": 0}, {"pose_gap_s": 0.0}])
def test_options_are_checked(options: dict[str, float]) -> None:
    with pytest.raises(BadInputError):
        RecordingOptions(**options)  # type: ignore[arg-type]
