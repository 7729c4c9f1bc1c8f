"""What a node tells about itself once a second: rates, timings, counts, and what it waits for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

import numpy as np
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

OK: bytes = DiagnosticStatus.OK
WARN: bytes = DiagnosticStatus.WARN
ERROR: bytes = DiagnosticStatus.ERROR


class RateMeter:
    """Events per second over the last ``window_s`` seconds of a monotonic clock."""

    def __init__(self, window_s: float = 5.0) -> None:
        self._window_ns = int(window_s * 1e9)
        self._ticks: deque[int] = deque()

    def tick(self, now_ns: int) -> None:
        """One event happened."""
        self._ticks.append(now_ns)
        self._forget(now_ns)

    def hz(self, now_ns: int) -> float:
        """Rate of the events still in the window."""
        self._forget(now_ns)
        if len(self._ticks) < 2:
            return len(self._ticks) * 1e9 / self._window_ns
        return (len(self._ticks) - 1) * 1e9 / max(now_ns - self._ticks[0], 1)

    def _forget(self, now_ns: int) -> None:
        while self._ticks and now_ns - self._ticks[0] > self._window_ns:
            self._ticks.popleft()


class Timing:
    """Median and 95th percentile of the last ``size`` durations in milliseconds."""

    def __init__(self, size: int = 200) -> None:
        self._values: deque[float] = deque(maxlen=size)

    def add(self, milliseconds: float) -> None:
        """Record one duration."""
        self._values.append(milliseconds)

    def summary(self) -> str:
        """``p50 3.1 ms, p95 4.0 ms (n=200)``, or ``no samples``."""
        if not self._values:
            return "no samples"
        p50, p95 = np.percentile(np.fromiter(self._values, dtype=np.float64), [50, 95])
        return f"p50 {p50:.1f} ms, p95 {p95:.1f} ms (n={len(self._values)})"


class WaitingList:
    """Conditions that must hold before a node can do its job; each check returns a sentence while it does not."""

    def __init__(self) -> None:
        self._checks: dict[str, Callable[[], str | None]] = {}

    def add(self, key: str, check: Callable[[], str | None]) -> None:
        """Add or replace the condition ``key``."""
        self._checks[key] = check

    def remove(self, key: str) -> None:
        """Forget the condition ``key`` if there is one."""
        self._checks.pop(key, None)

    def clear(self) -> None:
        """Forget all conditions."""
        self._checks.clear()

    def unmet(self) -> dict[str, str]:
        """Sentences of the conditions that do not hold now, by key, in the order they were added."""
        sentences = {key: check() for key, check in self._checks.items()}
        return {key: sentence for key, sentence in sentences.items() if sentence}


def diagnostic_array(
    stamp: Time, node_name: str, level: bytes, message: str, values: Mapping[str, object]
) -> DiagnosticArray:
    """One status of one node, numbers as text, as ``/diagnostics`` carries it."""
    status = DiagnosticStatus(level=level, name=node_name, message=message, hardware_id="")
    status.values = [KeyValue(key=key, value=_text(value)) for key, value in values.items()]
    array = DiagnosticArray(status=[status])
    array.header.stamp = stamp
    return array


def _text(value: object) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
