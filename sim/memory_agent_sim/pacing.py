"""When the simulation may take its next step: not before real time, and in lossless mode not before the agent."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True)
class PacingConfig:
    """How the simulated time is held back.

    Attributes:
        real_time_factor: simulated seconds per second at most; 0 = no limit.
        lossless: wait until the memory has worked off a frame before more than ``window`` are under way.
        window: frames that may be under way at once.
        frame_timeout_s: wall seconds after which a frame that nobody reported as done is given up.
        command_timeout_s: wall seconds to wait for the velocity command that answers a frame.
        command_patience: unanswered frames in a row after which commands are not waited for until one comes again.
    """

    real_time_factor: float = 1.0
    lossless: bool = True
    window: int = 2
    frame_timeout_s: float = 2.0
    command_timeout_s: float = 0.1
    command_patience: int = 3


class Pacing:
    """Back-pressure of one simulation. Times are wall seconds of a steady clock, stamps simulated nanoseconds."""

    def __init__(self, config: PacingConfig) -> None:
        self.config = config
        self.frames_given_up = 0
        self._under_way: deque[tuple[int, float]] = deque()
        self._answered = True
        self._unanswered = config.command_patience
        self._sent_at = 0.0
        self._start: tuple[float, int] | None = None

    @property
    def frames_under_way(self) -> int:
        """Frames sent and not yet reported as done."""
        return len(self._under_way)

    def frame_sent(self, stamp_ns: int, now_s: float) -> None:
        """A frame was published."""
        if self._start is None:
            self._start = (now_s, stamp_ns)
        self._sent_at = now_s
        self._answered = False
        if self.config.lossless:
            self._under_way.append((stamp_ns, now_s))

    def frame_done(self, stamp_ns: int) -> None:
        """The memory has worked off the frame of this stamp, and with it every earlier one."""
        while self._under_way and self._under_way[0][0] <= stamp_ns:
            self._under_way.popleft()

    def command_received(self) -> None:
        """A velocity command arrived."""
        self._answered = True
        self._unanswered = 0

    def may_step(self, stamp_ns: int, now_s: float, memory_listens: bool) -> bool:
        """Whether time may go on from ``stamp_ns``.

        Args:
            stamp_ns: simulated time now.
            now_s: wall time now.
            memory_listens: whether anyone reports frames as done; if not, they are not waited for.
        """
        if not self._in_real_time(stamp_ns, now_s):
            return False
        if not self.config.lossless:
            return True
        return self._room_for_frame(now_s, memory_listens) and self._command_settled(now_s)

    def _in_real_time(self, stamp_ns: int, now_s: float) -> bool:
        if self.config.real_time_factor <= 0 or self._start is None:
            return True
        wall_start, stamp_start = self._start
        due = wall_start + (stamp_ns - stamp_start) * 1e-9 / self.config.real_time_factor
        if now_s < due:
            return False
        if now_s - due > 1.0:
            self._start = (now_s, stamp_ns)  # fell behind: do not race to catch up
        return True

    def _room_for_frame(self, now_s: float, memory_listens: bool) -> bool:
        if not memory_listens:
            self._under_way.clear()
        while self._under_way and now_s - self._under_way[0][1] > self.config.frame_timeout_s:
            self._under_way.popleft()
            self.frames_given_up += 1
        return len(self._under_way) < self.config.window

    def _command_settled(self, now_s: float) -> bool:
        if self._answered or self._unanswered >= self.config.command_patience:
            return True
        if now_s - self._sent_at < self.config.command_timeout_s:
            return False
        self._unanswered += 1
        self._answered = True
        return True
