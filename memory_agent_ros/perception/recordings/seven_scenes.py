"""7-Scenes folders: ``frame-NNNNNN.color.(jpg|png)``, ``.depth.png`` (millimetres), ``.pose.txt`` (camera to world).

The world of a 7-Scenes recording is that of its first camera, so it is turned upright on reading. Depth and colour of
the Kinect are not registered in the original; they are taken as they are, a few pixels of parallax included.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from memory_agent_ros.perception.recordings.folder import (
    FolderRecording,
    build_frame,
    read_color,
    read_depth,
    read_intrinsics,
    read_numbers,
)
from memory_agent_ros.perception.recordings.recording import RecordingOptions
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.frame import Frame

#: Kinect as the authors of 7-Scenes give it, 640x480.
DEFAULT_K = np.array([[585.0, 0.0, 320.0], [0.0, 585.0, 240.0], [0.0, 0.0, 1.0]])
RATE_HZ = 30.0
_NAME = re.compile(r"^frame-(\d+)\.color\.(jpg|jpeg|png)$")


def is_seven_scenes(path: Path) -> bool:
    """Whether the folder holds 7-Scenes pictures."""
    return path.is_dir() and any(_NAME.match(p.name) for p in path.glob("frame-*.color.*"))


def open_seven_scenes(path: Path, options: RecordingOptions) -> FolderRecording:
    """Reader of one 7-Scenes sequence folder. Stamps are frame number / 30 s, counted from 1 s.

    Raises:
        BadInputError: ``recording_empty`` if the folder holds no such pictures, ``intrinsics`` for a bad K file.
    """
    pictures = sorted((int(m.group(1)), p) for p in path.glob("frame-*.color.*") if (m := _NAME.match(p.name)))
    if not pictures:
        raise BadInputError("recording_empty", f"{path} holds no frame-NNNNNN.color.jpg or .png")
    intrinsics = path / "camera-intrinsics.txt"
    K = read_intrinsics(intrinsics) if intrinsics.exists() else DEFAULT_K

    def load(index: int) -> Frame:
        number, picture = pictures[index]
        stem = picture.name.split(".")[0]
        pose = read_numbers(path / f"{stem}.pose.txt", (4, 4), "pose_file")
        depth_m = read_depth(path / f"{stem}.depth.png", 0.001)
        return build_frame(round((1 + number / RATE_HZ) * 1e9), read_color(picture), depth_m, K, pose)

    return FolderRecording(path, len(pictures), load, options, path.name)
