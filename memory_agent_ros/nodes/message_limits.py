"""Size limits on every field of every message that comes in; see :mod:`memory_agent_ros.records.limits`.

A string, an array of numbers or bytes and a list of messages each have a limit: that of their field if the table names
one, else that of their kind. :class:`~memory_agent_ros.nodes.node_base.AgentNode` looks at every message before a node
does.
"""

from __future__ import annotations

import functools
import importlib
import re
from dataclasses import dataclass
from typing import Any

from memory_agent_ros.records import limits
from memory_agent_ros.records.errors import BadInputError

#: Limits by "type/field" or by field alone; the first wins.
_FIELDS: dict[str, int] = {
    "std_msgs/String/data": limits.DOCUMENT_CHARACTERS,
    "sensor_msgs/CameraInfo/d": limits.DISTORTION,
    "nav_msgs/OccupancyGrid/data": limits.CELLS,
    "nav_msgs/Path/poses": limits.POSES,
    "memory_agent_msgs/ObservationArray/observations": limits.OBSERVATIONS,
    "memory_agent_msgs/Observation/points": 3 * limits.POINTS,
    "memory_agent_msgs/Observation/labels": limits.LABELS,
    "memory_agent_msgs/Observation/label_scores": limits.LABELS,
    "memory_agent_msgs/Internalize_Request/text": limits.DOCUMENT_CHARACTERS,
    "memory_agent_msgs/QueryObjects_Request/text": limits.TEXT_CHARACTERS,
    "memory_agent_msgs/QueryObjects_Response/objects": limits.ANSWERED,
    "memory_agent_msgs/QueryObjects_Response/events": limits.ANSWERED,
    "memory_agent_msgs/QueryObjects_Response/relations": limits.ANSWERED,
    "memory_agent_msgs/Room/object_ids": limits.ANSWERED,
    "value_json": limits.DOCUMENT_CHARACTERS,
    "provenance_json": limits.DOCUMENT_CHARACTERS,
    "proof_json": limits.DOCUMENT_CHARACTERS,
    "checkpoint_json": limits.TEXT_CHARACTERS,
    "like_appearance": limits.VECTOR,
    "data": limits.IMAGE_BYTES,
    "text": limits.TEXT_CHARACTERS,
    "words": limits.TEXT_CHARACTERS,
    "question": limits.TEXT_CHARACTERS,
    "goal_text": limits.TEXT_CHARACTERS,
    "answer": 2 * limits.TEXT_CHARACTERS,
    "reason": limits.TEXT_CHARACTERS,
    "detail": limits.TEXT_CHARACTERS,
    "message": limits.TEXT_CHARACTERS,
    "path": limits.TEXT_CHARACTERS,
    "embedding": limits.VECTOR,
    "situation": limits.VECTOR,
    "choice": limits.VECTOR,
}
_SEQUENCE = re.compile(r"^sequence<([^,]+)(?:, \d+)?>$")


@dataclass(frozen=True)
class _Field:
    """One field that can be too large, or that holds messages.

    Attributes:
        name: of the field.
        limit: characters or elements.
        text: limit of each string of an array of strings, None for others.
        nested: whether it holds messages (one or many).
        many: whether it is an array or a string, so that it has a length.
    """

    name: str
    limit: int
    text: int | None
    nested: bool
    many: bool


def check_limits(message: Any) -> None:
    """Refuse a message one of whose fields is too large.

    Raises:
        BadInputError: ``message_too_large``, naming the field.
    """
    _check(message, type(message).__name__)


def _check(message: Any, where: str) -> None:
    kind: Any = type(message)
    for field in _fields(kind):
        value = getattr(message, field.name)
        if field.many:
            if len(value) > field.limit:
                raise _too_large(f"{where}.{field.name}", len(value), field.limit)
            if field.text is not None:
                longest = max(map(len, value), default=0)
                if longest > field.text:
                    raise _too_large(f"a text of {where}.{field.name}", longest, field.text)
            elif field.nested:
                for index, item in enumerate(value):
                    _check(item, f"{where}.{field.name}[{index}]")
        else:
            _check(value, f"{where}.{field.name}")


def _too_large(what: str, size: int, limit: int) -> BadInputError:
    return BadInputError("message_too_large", f"{what} has a length of {size}, the most is {limit}; send less at once")


@functools.cache
def _fields(message_type: type) -> tuple[_Field, ...]:
    package = message_type.__module__.split(".")[0]
    known: dict[str, str] = message_type.get_fields_and_field_types()  # type: ignore[attr-defined]
    found = (_field(f"{package}/{message_type.__name__}", name, kind) for name, kind in known.items())
    return tuple(field for field in found if field is not None)


def _field(owner: str, name: str, kind: str) -> _Field | None:
    """What is to be looked at in a field; None for numbers, arrays of fixed length, and messages of nothing else."""
    sequence = _SEQUENCE.match(kind)
    element = sequence[1] if sequence else kind
    text, nested = element.startswith(("string", "wstring")), "/" in element
    if not (sequence or text or nested) or element.endswith("]"):
        return None
    if nested and not sequence and not _fields(_class(element)):
        return None
    if text and not sequence:
        standard = limits.NAME_CHARACTERS
    elif element in ("uint8", "int8", "octet", "byte", "char"):
        standard = limits.IMAGE_BYTES
    else:
        standard = limits.NAMED
    limit = _FIELDS.get(f"{owner}/{name}", _FIELDS.get(name, standard))
    each = limits.TEXT_CHARACTERS if sequence and text else None
    return _Field(name, limit, each, nested and bool(_fields(_class(element))), bool(sequence or text))


def _class(kind: str) -> type:
    package, name = kind.split("/")
    found: type = getattr(importlib.import_module(f"{package}.msg"), name)
    return found
