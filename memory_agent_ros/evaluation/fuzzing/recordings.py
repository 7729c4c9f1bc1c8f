"""Damaged recordings (folders of pictures, bags) and image payloads."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from memory_agent_ros.evaluation.fuzzing import sample
from memory_agent_ros.evaluation.fuzzing.hostile import Hostile
from memory_agent_ros.evaluation.fuzzing.target import Target
from memory_agent_ros.geometry.se3 import to_position_quaternion
from memory_agent_ros.perception import image_decoding
from memory_agent_ros.perception.recordings.open_recording import open_recording
from memory_agent_ros.perception.recordings.recording import RecordingOptions
from memory_agent_ros.records.errors import MemoryAgentError

_STEPS = 4
_ENCODINGS = (
    "rgb8",
    "bgr8",
    "mono8",
    "bayer_rggb8",
    "yuv422",
    "rgba8",
    "16UC1",
    "32FC1",
    "64FC1",
    "8UC1",
    "mono16",
    "",
)


class DamagedRecordings:
    """Reads recordings of which one file, sometimes two, are damaged.

    Args:
        folder: of its own.
        write: writes a sound recording into a folder that is there.
    """

    def __init__(self, folder: Path, write: Callable[[Path], None]) -> None:
        self._sound, self._home = folder / "sound", folder / "freiburg1"
        self._sound.mkdir()
        write(self._sound)

    def case(self, hostile: Hostile) -> bool:
        """Read one; whether any picture of it could be used."""
        shutil.rmtree(self._home, ignore_errors=True)
        shutil.copytree(self._sound, self._home)
        files = sorted(p for p in self._home.rglob("*") if p.is_file())
        for _ in range(1 + hostile.chance(0.2)):
            self._damage(hostile.pick([p for p in files if p.exists()]), hostile)
        options = RecordingOptions(upright=hostile.pick([None, True, False]), stride=hostile.pick([1, 2]))
        # A bag that is one file is opened as that, a folder as a folder.
        single = [p for p in files if p.suffix in (".mcap", ".db3")]
        place = single[0] if single and hostile.chance(0.5) else self._home
        try:
            recording = open_recording(place, options)
            return len(recording) >= 0 and len(list(islice(recording, 20))) > 0
        except MemoryAgentError:
            return False

    def close(self) -> None:
        """Nothing is open."""

    @staticmethod
    def _damage(path: Path, hostile: Hostile) -> None:
        data = path.read_bytes()
        if path.suffix in (".txt", ".yaml") and hostile.chance(0.6):
            text = hostile.damaged_text(data.decode(errors="replace"))
            if hostile.chance(0.3):
                text = text.replace(hostile.pick(text.split() or ["0"]), repr(hostile.number()))
            path.write_bytes(text.encode(errors="surrogatepass"))
        elif hostile.chance(0.05):
            path.unlink()
        else:
            path.write_bytes(hostile.damaged(data))


def write_seven_scenes(folder: Path) -> None:
    """Numbered pictures with poses."""
    for number in range(_STEPS):
        frame, stem = sample.frame(number), folder / f"frame-{number:06d}"
        stem.with_suffix(".color.png").write_bytes(bytes(cv2.imencode(".png", frame.rgb)[1]))
        stem.with_suffix(".depth.png").write_bytes(sample.png16())
        np.savetxt(stem.with_suffix(".pose.txt"), frame.T_map_camera)
    np.savetxt(folder / "camera-intrinsics.txt", sample.camera().K)


def write_tum(folder: Path) -> None:
    """Lists of pictures and poses."""
    rgb, depth, truth = ["# colour"], ["# depth"], ["# poses"]
    for number in range(_STEPS):
        frame = sample.frame(number)
        stamp = f"{frame.stamp_ns / 1e9:.6f}"
        (folder / f"{number}.png").write_bytes(bytes(cv2.imencode(".png", frame.rgb)[1]))
        (folder / f"{number}d.png").write_bytes(sample.png16())
        rgb.append(f"{stamp} {number}.png")
        depth.append(f"{stamp} {number}d.png")
        position, quaternion = to_position_quaternion(frame.T_map_camera)
        truth.append(" ".join([stamp, *(f"{v:.6f}" for v in (*position, *quaternion))]))
    for name, lines in (("rgb.txt", rgb), ("depth.txt", depth), ("groundtruth.txt", truth)):
        (folder / name).write_text("\n".join(lines) + "\n")


def write_bag(folder: Path, plugin: str, *, compressed: bool = False) -> None:
    """A rosbag2 folder in place of ``folder``, with TF, intrinsics, colour and depth."""
    from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
    from rosbags.typesys import Stores, get_typestore

    store = get_typestore(Stores.ROS2_KILTED)
    shutil.rmtree(folder)
    writer = Writer(folder, version=9, storage_plugin=StoragePlugin[plugin])
    if compressed:
        writer.set_compression(
            CompressionMode.MESSAGE if plugin == "SQLITE3" else CompressionMode.STORAGE, CompressionFormat.ZSTD
        )
    with writer:
        connections: dict[str, Any] = {}
        for number in range(_STEPS):
            frame = sample.frame(number)
            for topic, message in _messages(store.types, number).items():
                if topic not in connections:
                    connections[topic] = writer.add_connection(topic, message.__msgtype__, typestore=store)
                writer.write(connections[topic], frame.stamp_ns, store.serialize_cdr(message, message.__msgtype__))


def _messages(types: Any, number: int) -> dict[str, Any]:
    """Topic -> message of one step."""
    frame, optical = sample.frame(number), "camera_color_optical_frame"
    stamp = types["builtin_interfaces/msg/Time"](sec=frame.stamp_ns // 10**9, nanosec=frame.stamp_ns % 10**9)

    def header(name: str) -> Any:
        return types["std_msgs/msg/Header"](stamp=stamp, frame_id=name)

    (x, y, z), (qx, qy, qz, qw) = (v.tolist() for v in to_position_quaternion(frame.T_map_camera))
    link = types["geometry_msgs/msg/TransformStamped"](
        header=header("map"),
        child_frame_id=optical,
        transform=types["geometry_msgs/msg/Transform"](
            translation=types["geometry_msgs/msg/Vector3"](x=x, y=y, z=z),
            rotation=types["geometry_msgs/msg/Quaternion"](x=qx, y=qy, z=qz, w=qw),
        ),
    )
    camera = sample.camera()
    info = types["sensor_msgs/msg/CameraInfo"](
        header=header(optical), height=camera.height, width=camera.width, distortion_model="plumb_bob", d=np.zeros(5),
        k=camera.K.ravel(), r=np.eye(3).ravel(), p=np.hstack([camera.K, np.zeros((3, 1))]).ravel(), binning_x=0,
        binning_y=0,
        roi=types["sensor_msgs/msg/RegionOfInterest"](x_offset=0, y_offset=0, height=0, width=0, do_rectify=False),
    )  # fmt: skip
    pictures = {}
    for topic, form, data in (
        ("color", "jpeg", sample.jpeg()),
        ("depth", "16UC1; compressedDepth png", bytes(12) + sample.png16()),
    ):
        pictures[f"/camera/{topic}/image_raw/compressed"] = types["sensor_msgs/msg/CompressedImage"](
            header=header(optical), format=form, data=np.frombuffer(data, np.uint8)
        )
    return {
        "/tf": types["tf2_msgs/msg/TFMessage"](transforms=[link]),
        "/camera/color/camera_info": info,
        **pictures,
    }


class Payloads:
    """Image payloads with hostile sizes, encodings and bytes."""

    def __init__(self, folder: Path) -> None:
        self._raw = sample.frame(0).rgb.tobytes()
        self._jpeg, self._png = sample.jpeg(), sample.png16()

    def case(self, hostile: Hostile) -> bool:
        """Decode one."""
        try:
            kind = hostile.pick(["color", "depth", "packed color", "packed depth"])
            if kind == "packed color":
                image_decoding.decode_compressed_color(hostile.damaged(hostile.pick([self._jpeg, self._png])))
            elif kind == "packed depth":
                data = hostile.damaged(bytes(12) + self._png if hostile.chance(0.7) else self._png)
                image_decoding.decode_compressed_depth(
                    data, hostile.pick(["16UC1; png", "32FC1; png", "rvl", hostile.text()])
                )
            else:
                decode = image_decoding.decode_color if kind == "color" else image_decoding.decode_depth
                height, width = (hostile.whole(0, 2**32 - 1) if hostile.chance(0.3) else size for size in (72, 96))
                data = self._raw if hostile.chance(0.5) else hostile.damaged(self._raw)
                step = hostile.pick([0, 96, 192, 288, hostile.whole(0, 2**32 - 1)])
                encoding = hostile.pick(_ENCODINGS)
                decode(data, height, width, encoding, step=step, big_endian=hostile.chance(0.3))
        except MemoryAgentError:
            return False
        return True

    def close(self) -> None:
        """Nothing is open."""


def _bags(name: str, plugin: str, share: float, *, compressed: bool = False) -> Target:
    return Target(
        name, lambda folder: DamagedRecordings(folder, lambda f: write_bag(f, plugin, compressed=compressed)), share
    )


TARGETS: tuple[Target, ...] = (
    Target("image_payloads", Payloads, share=6.0),
    Target("seven_scenes_folders", lambda folder: DamagedRecordings(folder, write_seven_scenes), share=2.0),
    Target("tum_folders", lambda folder: DamagedRecordings(folder, write_tum), share=2.0),
)
if importlib.util.find_spec("rosbags") and importlib.util.find_spec("mcap"):
    TARGETS += (
        _bags("mcap_bags", "MCAP", 2.5),
        _bags("packed_mcap_bags", "MCAP", 1.5, compressed=True),
        _bags("sqlite_bags", "SQLITE3", 2.5),
    )
