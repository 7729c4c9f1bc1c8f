"""Finding out what kind of recording a path is."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from memory_agent_ros.perception.recordings.recording import Recording, RecordingOptions
from memory_agent_ros.perception.recordings.seven_scenes import is_seven_scenes, open_seven_scenes
from memory_agent_ros.perception.recordings.tum import is_tum, open_tum
from memory_agent_ros.records.errors import BadInputError

_BAG_SUFFIXES = {".mcap", ".db3"}


def is_bag(path: Path) -> bool:
    """Whether the path is a rosbag2 folder (with or without its metadata) or a storage file."""
    if path.is_file():
        return path.suffix in _BAG_SUFFIXES
    return (path / "metadata.yaml").exists() or any(p.suffix in _BAG_SUFFIXES for p in path.iterdir())


def open_recording(path: Path | str, options: RecordingOptions | None = None) -> Recording:
    """The reader that fits: 7-Scenes folder, TUM folder, rosbag2 folder, ``.mcap`` or ``.db3`` file.

    Raises:
        BadInputError: ``recording_missing`` or ``recording_unknown``, saying what was looked for.
        MissingExtraError: for a bag, if ``rosbags`` is not installed.
    """
    path, options = Path(path), options or RecordingOptions()
    if not path.exists():
        raise BadInputError("recording_missing", f"{path} does not exist")
    if path.is_dir() and is_seven_scenes(path):
        return open_seven_scenes(path, options)
    if path.is_dir() and is_tum(path):
        return open_tum(path, options)
    if is_bag(path):
        from memory_agent_ros.perception.recordings.rosbag import RosbagRecording

        return RosbagRecording(path, dataclasses.replace(options, upright=bool(options.upright)))
    if path.suffix == ".bag":
        raise BadInputError(
            "recording_unknown", f"{path} is a ROS 1 bag; convert it: rosbags-convert --src {path.name} --dst out"
        )
    raise BadInputError(
        "recording_unknown",
        f"{path} is not a recording: expected a 7-Scenes folder (frame-NNNNNN.color.jpg, .depth.png, .pose.txt), a TUM "
        "folder (rgb.txt, depth.txt, groundtruth.txt), a rosbag2 folder (metadata.yaml), or a .mcap or .db3 file",
    )
