"""Messages with hostile fields: types as they are declared, values at the limits of their types and beyond sense."""

from __future__ import annotations

import array
import copy
from collections.abc import Iterator
from typing import Any

import numpy as np

from memory_agent_ros.evaluation.fuzzing.hostile import Hostile

_RANGES = {f"{sign}int{bits}": bits for bits in (8, 16, 32, 64) for sign in ("", "u")}
_FLOAT32 = 3.4e38


def damaged_message(sound: Any, hostile: Hostile) -> Any:
    """A copy of a message in which a few fields hold something else."""
    message = copy.deepcopy(sound)
    for _ in range(1 + hostile.count(4)):
        fields = list(_fields(message))
        if not fields:
            break
        owner, field, kind = hostile.pick(fields)
        setattr(owner, field, _other(getattr(owner, field), kind, hostile))
    return message


def _fields(message: Any) -> Iterator[tuple[Any, str, str]]:
    """(message, field, type) of all fields that can be set, those of messages within included."""
    for name, kind in message.get_fields_and_field_types().items():
        value = getattr(message, name)
        if hasattr(value, "get_fields_and_field_types"):
            yield from _fields(value)
            continue
        yield message, name, kind
        if isinstance(value, list):
            for item in value[:5]:
                if hasattr(item, "get_fields_and_field_types"):
                    yield from _fields(item)


def _other(value: Any, kind: str, hostile: Hostile) -> Any:
    """A hostile value that the field takes."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        bits = _RANGES.get(kind, 8)
        return (
            hostile.whole(0, 2**bits - 1)
            if kind.startswith("u")
            else hostile.whole(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        )
    if isinstance(value, float):
        return _fitting(hostile.number(), kind)
    if isinstance(value, str):
        other = hostile.damaged_text(value) if value and hostile.chance(0.5) else hostile.text()
        return _bounded(other.replace("/", "|"), kind)
    if isinstance(value, np.ndarray):
        with np.errstate(all="ignore"):
            return np.resize(hostile.numbers(value), value.shape).astype(value.dtype)
    if isinstance(value, array.array):
        return _other_array(value, hostile)
    return _other_list(value, kind, hostile)


def _fitting(number: float, kind: str) -> float:
    if kind == "float" and abs(number) > _FLOAT32 and not np.isinf(number):
        return float(np.copysign(np.inf, number))
    return number


def _bounded(text: str, kind: str) -> str:
    return text[: int(kind[7:-1])] if kind.startswith("string<") else text


def _other_array(value: array.array[Any], hostile: Hostile) -> array.array[Any]:
    numbers = np.frombuffer(value, dtype=value.typecode) if len(value) else np.zeros(1, dtype=value.typecode)
    if value.typecode in "fd":
        with np.errstate(all="ignore"):
            other = hostile.numbers(numbers).astype(value.typecode)
        return array.array(value.typecode, other.tobytes())
    data = hostile.damaged(numbers.tobytes())
    return array.array(value.typecode, data[: len(data) // value.itemsize * value.itemsize])


def _other_list(value: list[Any], kind: str, hostile: Hostile) -> list[Any]:
    if "string" in kind:
        inner = kind[len("sequence<") : -1]
        return [_bounded(hostile.text(), inner) for _ in range(hostile.pick([0, 1, 2, 5, 3000, 30_000]))]
    return value * hostile.pick([0, 2, 3, 300, 3000]) if hostile.chance(0.7) else value[: len(value) // 2]
