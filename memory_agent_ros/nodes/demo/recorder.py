"""Writes an MCAP bag from our own subscriptions, thinned so that it stays small."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import TracebackType
from typing import Any

from ament_index_python.packages import get_package_share_directory
from rclpy.serialization import serialize_message
from rosbags.rosbag2 import CompressionMode, StoragePlugin, Writer
from rosbags.rosbag2.enums import CompressionFormat
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from memory_agent_ros.records.errors import BadInputError


class BagRecorder:
    """One bag folder; a context manager. Not thread-safe: write from one executor thread.

    Args:
        path: folder to make; one from an earlier run is replaced.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.messages = 0
        self._writer: Writer | None = None
        self._connections: dict[str, Any] = {}
        self._store = get_typestore(Stores.ROS2_KILTED)

    def __enter__(self) -> BagRecorder:
        if self.path.is_dir():
            shutil.rmtree(self.path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._register_own_types()
        self._writer = Writer(self.path, version=9, storage_plugin=StoragePlugin.MCAP)
        self._writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
        self._writer.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def write(self, topic: str, message: Any, stamp_ns: int) -> None:
        """Append a message (an rclpy message object) under ``topic``; ignored after closing."""
        if self._writer is None:
            return
        if topic not in self._connections:
            kind = f"{type(message).__module__.split('.')[0]}/msg/{type(message).__name__}"
            self._connections[topic] = self._writer.add_connection(topic, kind, typestore=self._store)
        self._writer.write(self._connections[topic], stamp_ns, serialize_message(message))
        self.messages += 1

    def _register_own_types(self) -> None:
        folder = Path(get_package_share_directory("memory_agent_msgs")) / "msg"
        types: dict[str, Any] = {}
        for file in sorted(folder.glob("*.msg")):
            types.update(get_types_from_msg(file.read_text(encoding="utf-8"), f"memory_agent_msgs/msg/{file.stem}"))
        if not types:
            raise BadInputError("messages_missing", f"{folder} holds no message definitions; build memory_agent_msgs")
        self._store.register(types)
