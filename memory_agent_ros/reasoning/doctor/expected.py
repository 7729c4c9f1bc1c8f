"""What should have been answered: the things that a right answer rests on."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.records.errors import BadInputError

_TEXT = re.compile(
    r"(?P<label>[^@]+?)(?:\s+in\s+(?:the\s+)?(?P<room>[^@]+?))?(?:\s*@\s*(?P<at>[-+0-9.,\s]+?))?(?P<gone>\s+gone)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, eq=False)
class Expected:
    """One thing as it is, or was, in the world.

    Attributes:
        label: what it is.
        position_m: (3,) or (2,) map position of its middle, or None if only its room is known.
        room: name of the room; "" for anywhere.
        gone: it stood there and does not any more.
        since_ns: since when it is so; earlier looks at the place tell nothing.
    """

    label: str
    position_m: NDArray[np.float64] | None = None
    room: str = ""
    gone: bool = False
    since_ns: int = 0

    def __str__(self) -> str:
        at = "" if self.position_m is None else f" at ({', '.join(f'{v:.1f}' for v in self.position_m)})"
        return f"{self.label}{f' in {self.room}' * bool(self.room)}{at}{' (gone)' * self.gone}"


def parse_expected(text: str) -> Expected:
    """``LABEL [in ROOM] [@ X,Y[,Z]] [gone]``, for example ``mug in kitchen @ 1.2,3.4``.

    Raises:
        BadInputError: ``expected_text``.
    """
    match = _TEXT.fullmatch(" ".join(text.split()))
    numbers = [n for n in re.split(r"[,\s]+", ((match and match["at"]) or "").strip()) if n]
    try:
        position = np.array([float(n) for n in numbers])
    except ValueError:
        position = np.zeros(1)
    if match is None or len(position) not in (0, 2, 3):
        raise BadInputError(
            "expected_text", f"{text!r} should read LABEL [in ROOM] [@ X,Y[,Z]] [gone], like 'mug in kitchen @ 1.2,3.4'"
        )
    return Expected(
        match["label"], position if len(position) else None, (match["room"] or "").strip(), bool(match["gone"])
    )
