"""Adapters as messages."""

from __future__ import annotations

from memory_agent_msgs.msg import Adapter as AdapterMessage
from memory_agent_msgs.msg import AdapterChunk
from memory_agent_ros.adapters.adapter import Adapter
from memory_agent_ros.nodes.conversions import nanoseconds, time_message
from memory_agent_ros.records.source import Source


def adapter_message(name: str, adapter: Adapter) -> AdapterMessage:
    """Adapter -> message, without its weights."""
    chunks = [chunk_message(chunk.source, chunk.name, chunk.rows.rank) for chunk in adapter.chunks]
    return AdapterMessage(name=name, base=adapter.base, chunks=chunks, bytes=adapter.bytes)


def chunk_message(source: Source, name: str = "", rank: int = 0) -> AdapterChunk:
    """What a chunk was made from -> message."""
    return AdapterChunk(
        name=name,
        kind=source.kind,
        source=source.name,
        digest=source.digest,
        stamp=time_message(source.stamp_ns),
        object_ids=list(source.object_ids),
        made_by=source.made_by,
        rank=rank,
    )


def source_from_message(message: AdapterChunk) -> Source:
    """Message -> what a chunk was made from."""
    ids = tuple(message.object_ids)
    return Source(message.kind, message.source, message.digest, nanoseconds(message.stamp), ids, message.made_by)
