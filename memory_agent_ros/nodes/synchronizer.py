"""Brings images of the same moment together and counts, by cause, what has no partner.

Matching is by nearest stamp within ``slop_s`` of the first (reference) stream; equal stamps match at once, others as
soon as no nearer partner can come. The queues, unlike those of ``message_filters``, tell what they drop and why.
"""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class _Stream:
    name: str
    stamps: list[int] = field(default_factory=list)
    items: list[Any] = field(default_factory=list)
    newest_ns: int | None = None

    def put(self, stamp_ns: int, item: Any) -> None:
        index = bisect.bisect_left(self.stamps, stamp_ns)
        self.stamps.insert(index, stamp_ns)
        self.items.insert(index, item)
        self.newest_ns = stamp_ns if self.newest_ns is None else max(self.newest_ns, stamp_ns)

    def drop(self, count: int) -> None:
        del self.stamps[:count], self.items[:count]

    def clear(self) -> None:
        self.drop(len(self.stamps))
        self.newest_ns = None


class Synchronizer:
    """Approximate-time matching of two or more streams.

    Args:
        names: names of the streams for the counts, reference first, e.g. ``("color", "depth")``.
        callback: called with the reference's stamp and one item of each stream, in the order of ``names``.
        slop_s: largest difference to the reference's stamp, seconds.
        queue_size: items a stream may hold without a partner.
        jump_s: a stamp running back further than this clears the queues (a bag that starts again).
        counts: receives ``sync_<name>_unmatched``, ``sync_<name>_overflow``, ``stamp_runs_back`` and ``time_jump``.
        on_jump: called after a jump back, with the seconds it went back.
    """

    def __init__(
        self,
        names: Sequence[str],
        callback: Callable[[int, tuple[Any, ...]], None],
        *,
        slop_s: float,
        queue_size: int,
        counts: Counter[str],
        jump_s: float = 1.0,
        on_jump: Callable[[float], None] | None = None,
    ) -> None:
        self._streams = [_Stream(name) for name in names]
        self._callback = callback
        self._slop_ns = int(slop_s * 1e9)
        self._jump_ns = jump_s * 1e9
        self._queue_size = queue_size
        self._counts = counts
        self._on_jump = on_jump
        self._emitted_ns: int | None = None

    def add(self, index: int, stamp_ns: int, item: Any) -> None:
        """An item of stream ``index`` arrived; may call back, once for each completed set."""
        stream = self._streams[index]
        if stream.newest_ns is not None and stream.newest_ns - stamp_ns > self._jump_ns:
            self._jump((stream.newest_ns - stamp_ns) / 1e9)
        if self._emitted_ns is not None and stamp_ns <= self._emitted_ns - (self._slop_ns if index else 0):
            self._counts["stamp_runs_back"] += 1
            return
        stream.put(stamp_ns, item)
        while self._match():
            pass
        for queue in self._streams:
            if len(queue.stamps) > self._queue_size:
                self._counts[f"sync_{queue.name}_overflow"] += len(queue.stamps) - self._queue_size
                queue.drop(len(queue.stamps) - self._queue_size)

    def clear(self) -> None:
        """Forget everything, the time included."""
        for stream in self._streams:
            stream.clear()
        self._emitted_ns = None

    def _jump(self, seconds: float) -> None:
        self._counts["time_jump"] += 1
        self.clear()
        if self._on_jump is not None:
            self._on_jump(seconds)

    def _match(self) -> bool:
        """Settle the oldest item of the reference, or emit a later one that is complete; False if nothing was done."""
        reference = self._streams[0]
        for position, stamp_ns in enumerate(reference.stamps):
            partners = [self._partner(stream, stamp_ns) for stream in self._streams[1:]]
            if all(partner is not None and partner >= 0 for partner in partners):
                self._emit(position, [partner for partner in partners if partner is not None])
                return True
            if position == 0 and -1 in partners:
                self._counts[f"sync_{reference.name}_unmatched"] += 1
                reference.drop(1)
                return True
        return False

    def _partner(self, stream: _Stream, stamp_ns: int) -> int | None:
        """Position of the nearest item; None: a nearer one may still come; -1: there is none and none will come."""
        right = bisect.bisect_left(stream.stamps, stamp_ns)
        if right == len(stream.stamps):
            return None
        best = right
        if right > 0 and stamp_ns - stream.stamps[right - 1] < stream.stamps[right] - stamp_ns:
            best = right - 1
        return best if abs(stream.stamps[best] - stamp_ns) <= self._slop_ns else -1

    def _emit(self, position: int, partners: Sequence[int]) -> None:
        taken = [position, *partners]
        stamp_ns = self._streams[0].stamps[position]
        items = tuple(stream.items[i] for stream, i in zip(self._streams, taken, strict=True))
        for stream, i in zip(self._streams, taken, strict=True):
            if i:
                self._counts[f"sync_{stream.name}_unmatched"] += i
            stream.drop(i + 1)
        self._emitted_ns = stamp_ns
        self._callback(stamp_ns, items)
