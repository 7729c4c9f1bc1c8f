"""Messages of a rosbag2 folder, ``.mcap`` or ``.db3`` file, whole or cut short.

Whole bags are read through ``rosbags``. One whose end is missing (the recorder was killed, the disk ran full) is
streamed from its start instead, through ``mcap`` or SQLite, until it breaks off; then BadInputError says how much
was read.
"""

from __future__ import annotations

import operator
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memory_agent_ros.records.errors import BadInputError, MissingExtraError

try:
    from mcap.reader import NonSeekingReader
    from rosbags.rosbag2 import Reader
    from rosbags.typesys import Stores, get_typestore
except ImportError as error:  # pragma: no cover - needs an environment without the extra
    raise MissingExtraError("reading bags needs rosbags and mcap: pip install 'memory_agent_ros[bags]'") from error

#: What reading a damaged bag ends with: the parsers (of YAML, MCAP, CDR, SQLite, Zstandard) have errors of their own,
#: and take numbers and lengths at their word, so that they raise whatever that leads to.
_DAMAGE = Exception


@dataclass(frozen=True)
class Raw:
    """One message as it lies in the bag."""

    topic: str
    msgtype: str
    stamp_ns: int
    data: bytes


class BagSource:
    """A bag's messages, deserialised. Opens nothing until asked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._store = get_typestore(Stores.ROS2_KILTED)
        self._survey: tuple[dict[str, str], Counter[str], str | None] | None = None

    @property
    def topics(self) -> dict[str, str]:
        """Type by topic."""
        return self._look()[0]

    @property
    def counts(self) -> Counter[str]:
        """Readable messages by topic."""
        return self._look()[1]

    @property
    def damage(self) -> str | None:
        """Why the bag could not be opened as a whole; None for a sound one."""
        return self._look()[2]

    def messages(self, topics: Collection[str]) -> Iterator[tuple[str, int, Any]]:
        """Topic, record time and message of every message on ``topics``, in recorded order.

        Raises:
            BadInputError: ``bag_truncated`` after the last readable message, if the bag breaks off.
        """
        read = 0
        last_ns = 0
        try:
            for raw in self._stream(set(topics)) if self.damage else self._whole(set(topics)):
                read, last_ns = read + 1, raw.stamp_ns
                yield raw.topic, raw.stamp_ns, self._store.deserialize_cdr(raw.data, raw.msgtype)
        except _DAMAGE as error:
            raise self._broken(read, last_ns, str(error)) from error
        if self.damage:
            raise self._broken(read, last_ns, self.damage)

    def _broken(self, read: int, last_ns: int, why: str) -> BadInputError:
        return BadInputError(
            "bag_truncated",
            f"{self.path} breaks off after {read} usable messages (last at {last_ns / 1e9:.3f} s): {why}; "
            "what was read before is kept",
        )

    def _look(self) -> tuple[dict[str, str], Counter[str], str | None]:
        if self._survey is None:
            try:
                with Reader(self.path) as reader:
                    types = {c.topic: c.msgtype for c in reader.connections}
                    counts = Counter({c.topic: operator.index(c.msgcount) for c in reader.connections})
                self._survey = types, counts, None
            except _DAMAGE as error:
                self._survey = *self._scan(), str(error)
        return self._survey

    def _scan(self) -> tuple[dict[str, str], Counter[str]]:
        types: dict[str, str] = {}
        counts: Counter[str] = Counter()
        try:
            for raw in self._stream(None):
                types[raw.topic] = raw.msgtype
                counts[raw.topic] += 1
        except _DAMAGE:
            pass  # the reason is kept from the failed opening; reading again reports it
        if not types:
            raise BadInputError(
                "bag_unreadable", f"{self.path} holds no readable message; is it a rosbag2 or MCAP file?"
            )
        return types, counts

    def _whole(self, topics: set[str]) -> Iterator[Raw]:
        with Reader(self.path) as reader:
            wanted = [c for c in reader.connections if c.topic in topics]
            for connection, stamp_ns, data in reader.messages(wanted) if wanted else ():
                yield Raw(connection.topic, connection.msgtype, stamp_ns, data)

    def _stream(self, topics: set[str] | None) -> Iterator[Raw]:
        files = [self.path] if self.path.is_file() else sorted([*self.path.glob("*.mcap"), *self.path.glob("*.db3")])
        for file in files:
            yield from _stream_mcap(file, topics) if file.suffix == ".mcap" else _stream_sqlite(file, topics)


def _stream_mcap(path: Path, topics: set[str] | None) -> Iterator[Raw]:
    with path.open("rb") as stream:
        for schema, channel, message in NonSeekingReader(stream).iter_messages(topics, log_time_order=False):
            if schema is not None:
                yield Raw(channel.topic, schema.name, message.log_time, message.data)


def _stream_sqlite(path: Path, topics: set[str] | None) -> Iterator[Raw]:
    connection = sqlite3.connect(f"file:{path}?immutable=1", uri=True)
    try:
        connection.execute(
            "PRAGMA writable_schema=ON"
        )  # else SQLite reads nothing of a file shorter than its header says
        names = {i: (name, kind) for i, name, kind in connection.execute("SELECT id, name, type FROM topics")}
        for topic_id, stamp_ns, data in connection.execute("SELECT topic_id, timestamp, data FROM messages"):
            name, kind = names[topic_id]
            if topics is None or name in topics:
                yield Raw(name, kind, stamp_ns, data)
    finally:
        connection.close()
