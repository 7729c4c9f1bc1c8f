"""Writes small rosbag2 bags of the synthetic room, in every form the reader should take."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from memory_agent_ros.geometry.se3 import R_BODY_OPTICAL, Matrix, inverse, to_position_quaternion
from tests.perception.recordings.room import K, camera_pose, render

STORE = get_typestore(Stores.ROS2_KILTED)
OPTICAL = "camera_color_optical_frame"
START_NS = 1_700_000_000_000_000_000


@dataclass(frozen=True)
class BagForm:
    """What a bag looks like; see the names."""

    plugin: StoragePlugin = StoragePlugin.MCAP
    steps: int = 12
    compressed: bool = False
    depth_encoding: str = "16UC1"
    pose: str = "tf"
    depth_frame: str = OPTICAL
    depth_scale: int = 1
    info: bool = True
    distortion: tuple[float, ...] = ()
    stamp_back_at: int | None = None


def _type(name: str) -> Any:
    return STORE.types[name]


def _stamp(ns: int) -> Any:
    return _type("builtin_interfaces/msg/Time")(sec=ns // 10**9, nanosec=ns % 10**9)


def _header(ns: int, frame: str) -> Any:
    return _type("std_msgs/msg/Header")(stamp=_stamp(ns), frame_id=frame)


def _info(ns: int, scale: int, frame: str, distortion: tuple[float, ...] = ()) -> Any:
    k = K / scale
    k[2, 2] = 1.0
    roi = _type("sensor_msgs/msg/RegionOfInterest")(x_offset=0, y_offset=0, height=0, width=0, do_rectify=False)
    p = np.hstack([k, np.zeros((3, 1))]).ravel()
    return _type("sensor_msgs/msg/CameraInfo")(
        header=_header(ns, frame), height=120 // scale, width=160 // scale, distortion_model="plumb_bob",
        d=np.array(distortion or [0.0] * 5), k=k.ravel(), r=np.eye(3).ravel(), p=p, binning_x=0, binning_y=0, roi=roi,
    )  # fmt: skip


def _image(ns: int, frame: str, pixels: np.ndarray, encoding: str) -> Any:
    data = np.frombuffer(np.ascontiguousarray(pixels).tobytes(), np.uint8)
    height, width = pixels.shape[:2]
    return _type("sensor_msgs/msg/Image")(
        header=_header(ns, frame),
        height=height,
        width=width,
        encoding=encoding,
        is_bigendian=0,
        step=len(data) // height,
        data=data,
    )


def _compressed(ns: int, frame: str, data: bytes, form: str) -> Any:
    return _type("sensor_msgs/msg/CompressedImage")(
        header=_header(ns, frame), format=form, data=np.frombuffer(data, np.uint8)
    )


def _pose(T: Matrix) -> tuple[Any, Any]:
    p, q = to_position_quaternion(T)
    return (p[0], p[1], p[2]), (q[0], q[1], q[2], q[3])


def _transform(ns: int, parent: str, child: str, T: Matrix) -> Any:
    (x, y, z), q = _pose(T)
    transform = _type("geometry_msgs/msg/Transform")(
        translation=_type("geometry_msgs/msg/Vector3")(x=x, y=y, z=z),
        rotation=_type("geometry_msgs/msg/Quaternion")(x=q[0], y=q[1], z=q[2], w=q[3]),
    )
    return _type("geometry_msgs/msg/TransformStamped")(
        header=_header(ns, parent), child_frame_id=child, transform=transform
    )


def _geometry_pose(T: Matrix) -> Any:
    (x, y, z), q = _pose(T)
    return _type("geometry_msgs/msg/Pose")(
        position=_type("geometry_msgs/msg/Point")(x=x, y=y, z=z),
        orientation=_type("geometry_msgs/msg/Quaternion")(x=q[0], y=q[1], z=q[2], w=q[3]),
    )


def base_to_optical() -> Matrix:
    """Where the camera sits on the base."""
    T = np.eye(4)
    T[:3, :3] = R_BODY_OPTICAL
    T[:3, 3] = [0.1, 0.0, 0.5]
    return T


def write_bag(path: Path, form: BagForm = BagForm()) -> Path:
    """Write a bag folder; poses come at twice the images' rate, between the images' stamps."""
    with Writer(path, version=9, storage_plugin=form.plugin) as writer:
        connections: dict[str, Any] = {}

        def put(topic: str, message: Any, ns: int) -> None:
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, message.__msgtype__, typestore=STORE)
            writer.write(connections[topic], ns, STORE.serialize_cdr(message, message.__msgtype__))

        if form.pose in ("tf", "odom"):
            static = _transform(START_NS, "base_link", OPTICAL, base_to_optical())
            put("/tf_static", _type("tf2_msgs/msg/TFMessage")(transforms=[static]), START_NS)
        for step in range(form.steps):
            ns = START_NS + step * 100_000_000
            for half in (-0.5, 0.0, 0.5):
                _put_pose(put, form, step + half, ns + round(half * 1e8))
            stamp = ns - 500_000_000 if step == form.stamp_back_at else ns
            _put_images(put, form, step, stamp, ns)
    return path


def _put_pose(put: Any, form: BagForm, step: float, ns: int) -> None:
    T = camera_pose(step)  # type: ignore[arg-type]
    T_base = T @ inverse(base_to_optical())
    if form.pose == "tf":
        message = _type("tf2_msgs/msg/TFMessage")(
            transforms=[_transform(ns, "odom", "base_link", T_base), _transform(ns, "map", "odom", np.eye(4))]
        )
        put("/tf", message, ns)
    elif form.pose == "odom":
        zero = _type("geometry_msgs/msg/Vector3")(x=0.0, y=0.0, z=0.0)
        twist = _type("geometry_msgs/msg/Twist")(linear=zero, angular=zero)
        message = _type("nav_msgs/msg/Odometry")(
            header=_header(ns, "odom"), child_frame_id="base_link",
            pose=_type("geometry_msgs/msg/PoseWithCovariance")(pose=_geometry_pose(T_base), covariance=np.zeros(36)),
            twist=_type("geometry_msgs/msg/TwistWithCovariance")(twist=twist, covariance=np.zeros(36)),
        )  # fmt: skip
        put("/odom", message, ns)
    elif form.pose == "pose":
        put(
            "/slam/pose",
            _type("geometry_msgs/msg/PoseStamped")(header=_header(ns, "world"), pose=_geometry_pose(T)),
            ns,
        )


def _put_images(put: Any, form: BagForm, step: int, stamp: int, ns: int) -> None:
    rgb, depth = render(camera_pose(step))
    depth = depth[:: form.depth_scale, :: form.depth_scale]
    millimetres = np.round(depth * 1000).astype(np.uint16)
    metres = np.where(depth > 0, depth, np.nan).astype(np.float32)
    if form.compressed:
        jpeg = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
        png = bytes(12) + cv2.imencode(".png", millimetres)[1].tobytes()
        put("/camera/color/image_raw/compressed", _compressed(stamp, OPTICAL, jpeg, "rgb8; jpeg compressed bgr8"), ns)
        put(
            "/camera/depth/image_raw/compressedDepth",
            _compressed(stamp, form.depth_frame, png, "16UC1; compressedDepth png"),
            ns + 5,
        )
    else:
        put("/camera/color/image_raw", _image(stamp, OPTICAL, rgb, "rgb8"), ns)
        pixels = metres if form.depth_encoding == "32FC1" else millimetres
        put("/camera/depth/image_raw", _image(stamp + 3_000_000, form.depth_frame, pixels, form.depth_encoding), ns + 5)
    if form.info:
        put("/camera/color/camera_info", _info(stamp, 1, OPTICAL, form.distortion), ns)
    if form.depth_scale > 1:
        put("/camera/depth/camera_info", _info(stamp, form.depth_scale, form.depth_frame), ns)
