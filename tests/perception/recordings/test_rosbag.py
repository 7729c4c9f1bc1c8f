"""rosbag2 folders, MCAP and SQLite files, whole and cut short."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin

from memory_agent_ros.perception.recordings.bag_topics import choose_topics
from memory_agent_ros.perception.recordings.open_recording import open_recording
from memory_agent_ros.perception.recordings.recording import Recording, RecordingOptions
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.frame import Frame
from tests.perception.recordings.bags import START_NS, BagForm, write_bag
from tests.perception.recordings.room import camera_pose, render

BOTH = pytest.mark.parametrize("plugin", [StoragePlugin.MCAP, StoragePlugin.SQLITE3])


def _read_until_broken(recording: Recording) -> tuple[list[Frame], BadInputError | None]:
    frames: list[Frame] = []
    try:
        for frame in recording:
            frames.append(frame)
    except BadInputError as error:
        return frames, error
    return frames, None


@BOTH
@pytest.mark.parametrize("compressed", [False, True])
def test_frames_are_read_with_the_pose_at_their_stamp(tmp_path: Path, plugin: StoragePlugin, compressed: bool) -> None:
    recording = open_recording(write_bag(tmp_path / "bag", BagForm(plugin=plugin, compressed=compressed)))
    frames = list(recording)
    assert len(recording) == len(frames) == 12 and not recording.refused
    rgb, depth = render(camera_pose(5))
    assert frames[5].stamp_ns == START_NS + 500_000_000
    assert np.abs(frames[5].T_map_camera - camera_pose(5)).max() < 1e-6
    assert np.abs(frames[5].depth_m - depth).max() < 0.001
    assert np.abs(frames[5].rgb.astype(int) - rgb).mean() < (3 if compressed else 0.01)
    assert frames[5].camera_frame_id == "camera_color_optical_frame"


def test_depth_in_metres_with_nan(tmp_path: Path) -> None:
    frames = list(open_recording(write_bag(tmp_path / "bag", BagForm(depth_encoding="32FC1"))))
    assert np.abs(frames[3].depth_m - render(camera_pose(3))[1]).max() < 1e-5


@pytest.mark.parametrize("pose", ["odom", "pose"])
def test_pose_from_odometry_or_a_pose_topic(tmp_path: Path, pose: str) -> None:
    frames = list(open_recording(write_bag(tmp_path / "bag", BagForm(pose=pose))))
    assert len(frames) == 12
    assert np.abs(frames[7].T_map_camera - camera_pose(7)).max() < 1e-6


def test_a_single_mcap_file_will_do(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag")
    file = next(bag.glob("*.mcap"))
    assert len(list(open_recording(file))) == 12


@BOTH
def test_a_folder_without_metadata_is_read_to_the_end_and_reported(tmp_path: Path, plugin: StoragePlugin) -> None:
    bag = write_bag(tmp_path / "bag", BagForm(plugin=plugin))
    (bag / "metadata.yaml").unlink()
    frames, error = _read_until_broken(open_recording(bag))
    assert len(frames) == 12
    assert error is not None and error.reason == "bag_truncated"


@BOTH
@pytest.mark.parametrize("share", [0.4, 0.8])
def test_a_truncated_bag_gives_what_it_has_and_says_how_much(
    tmp_path: Path, plugin: StoragePlugin, share: float
) -> None:
    bag = write_bag(tmp_path / "bag", BagForm(plugin=plugin, steps=40))
    file = next(f for f in bag.iterdir() if f.suffix in (".mcap", ".db3"))
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])
    frames, error = _read_until_broken(open_recording(bag))
    assert error is not None and error.reason == "bag_truncated" and "usable messages" in str(error)
    assert 0.4 * share * 40 < len(frames) <= 40 * share + 2
    assert np.abs(frames[2].T_map_camera - camera_pose(2)).max() < 1e-6


@pytest.mark.parametrize("count", ["1.5 #", "#"])
def test_counts_that_are_no_numbers_are_damage(tmp_path: Path, count: str) -> None:
    bag = write_bag(tmp_path / "bag")
    metadata = bag / "metadata.yaml"
    metadata.write_text(metadata.read_text().replace("message_count: ", f"message_count: {count} "))
    recording = open_recording(bag)
    assert len(recording) == 12
    frames, error = _read_until_broken(recording)
    assert len(frames) == 12 and error is not None and error.reason == "bag_truncated"


def test_a_file_of_noise_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "noise.mcap").write_bytes(b"\x00" * 1000)
    with pytest.raises(BadInputError) as caught:
        list(open_recording(tmp_path / "noise.mcap"))
    assert caught.value.reason == "bag_unreadable"


def test_missing_transforms_name_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="neither TF nor odometry nor poses"):
        list(open_recording(write_bag(tmp_path / "bag", BagForm(pose="none"))))


def test_missing_camera_info_names_the_option(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="--info-topic"):
        list(open_recording(write_bag(tmp_path / "bag", BagForm(info=False))))


def test_an_unknown_topic_lists_those_there_are(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag")
    with pytest.raises(BadInputError, match=r"/camera/depth/image_raw \(Image\)"):
        list(open_recording(bag, RecordingOptions(depth_topic="/nope")))


def test_an_unknown_map_frame_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no frame of the bag"):
        list(open_recording(write_bag(tmp_path / "bag"), RecordingOptions(map_frame="earth")))


def test_unaligned_depth_is_refused_with_the_reason(tmp_path: Path) -> None:
    recording = open_recording(write_bag(tmp_path / "bag", BagForm(depth_frame="camera_depth_optical_frame")))
    assert not list(recording)
    assert recording.refused == {"depth_unaligned": 12}


def test_coarser_depth_with_its_own_camera_info(tmp_path: Path) -> None:
    frame = next(iter(open_recording(write_bag(tmp_path / "bag", BagForm(depth_scale=2)))))
    assert frame.depth_camera is not None and frame.depth_camera.width == 80
    assert frame.depth_camera.K[0, 0] == pytest.approx(70.0)


def test_a_stamp_that_runs_back_is_counted(tmp_path: Path) -> None:
    recording = open_recording(write_bag(tmp_path / "bag", BagForm(stamp_back_at=6)))
    stamps = [f.stamp_ns for f in recording]
    assert recording.refused["stamp_back"] == 1 and stamps == sorted(stamps) and len(stamps) == 11


def test_lens_distortion_is_undone(tmp_path: Path) -> None:
    plain = next(iter(open_recording(write_bag(tmp_path / "a"))))
    bent = next(iter(open_recording(write_bag(tmp_path / "b", BagForm(distortion=(-0.3, 0.1, 0.0, 0.0, 0.0))))))
    assert np.abs(bent.camera.K - plain.camera.K).max() == 0
    assert (bent.rgb != plain.rgb).mean() > 0.01
    middle = (slice(50, 70), slice(70, 90))
    assert np.abs(bent.depth_m[middle] - plain.depth_m[middle]).max() < 0.1


def test_stride_limit_and_reading_twice(tmp_path: Path) -> None:
    recording = open_recording(write_bag(tmp_path / "bag"), RecordingOptions(stride=2, limit=4))
    first, second = ([f.stamp_ns for f in recording] for _ in range(2))
    assert first == second == [START_NS + i * 200_000_000 for i in range(4)] and len(recording) == 4


def test_a_bag_can_be_turned_upright_too(tmp_path: Path) -> None:
    frame = next(iter(open_recording(write_bag(tmp_path / "bag"), RecordingOptions(upright=True))))
    assert np.abs(frame.T_map_camera - camera_pose(0)).max() < 0.02


def test_a_damaged_index_with_types_that_are_no_text_is_refused() -> None:
    with pytest.raises(BadInputError, match="no colour topic"):
        choose_topics({"/a": 0.5, 0.5: "sensor_msgs/msg/CameraInfo"}, {"/a": 3, 0.5: 3}, RecordingOptions())
