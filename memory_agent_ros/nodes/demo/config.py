"""Settings of the demo."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DemoConfig:
    """What is shown, and for how long.

    Attributes:
        split, seed: the apartment; any integer is a valid seed.
        rooms: 3 to 6.
        width: of the camera image, pixels, 320 or 640; the height is three quarters of it.
        rate_hz: camera frames per second of simulated time.
        policy: who chooses where to explore; ``frontier`` for the nearest frontier without candidates. One that cannot
            be had gives way to that, with a reason.
        moves, removes: objects moved and removed behind the robot's back.
        explore_limit_s, patrol_limit_s: simulated seconds each round may take.
        start_limit_s: wall seconds the nodes may take to become active.
        out: folder of everything that is written; files of an earlier run are replaced.
        film: ``gif``, ``mp4`` or ``none``.
        record_every_s: simulated seconds between recorded camera frames and film frames.
    """

    split: str = "test"
    seed: int = 3
    rooms: int = 3
    width: int = 320
    rate_hz: float = 5.0
    policy: str = "learned"
    moves: int = 2
    removes: int = 1
    explore_limit_s: float = 240.0
    patrol_limit_s: float = 180.0
    start_limit_s: float = 90.0
    out: Path = Path("out/demo")
    film: str = "gif"
    record_every_s: float = 1.0
