"""Rows that do not hold what they should: told as damage of the map, whatever in them breaks first."""

from __future__ import annotations

import functools
import struct
import zlib
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from memory_agent_ros.records.errors import StoreError

P = ParamSpec("P")
R = TypeVar("R")

#: What decoding raises when it meets bytes, text or numbers that were never written so.
_SIGNS = (TypeError, ValueError, LookupError, ArithmeticError, AttributeError, MemoryError, struct.error, zlib.error)


def told_as_damage(what: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a function that decodes rows raise ``StoreError`` where they are damaged; ``what`` is what they hold."""

    def wrap(decode: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(decode)
        def decoded(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return decode(*args, **kwargs)
            except _SIGNS as error:
                raise StoreError(
                    f"{what} in the map are damaged ({error!r}); restore the map from a copy made with save()"
                ) from error

        return decoded

    return wrap
