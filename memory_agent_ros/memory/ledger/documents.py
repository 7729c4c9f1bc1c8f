"""Documents that come from elsewhere as JSON: checkpoints, proofs, receipts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from memory_agent_ros.records.errors import BadInputError


def parse_document(text: str | bytes, code: str, what: str) -> dict[str, Any]:
    """The object that a text in JSON is.

    Args:
        text: as it came.
        code: of the error.
        what: it should be, for people.

    Raises:
        BadInputError: ``code``.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInputError(code, f"this is no {what} ({error})") from error
    if not isinstance(found, dict):
        raise BadInputError(code, f"this is no {what}: it must be a JSON object")
    return found


def read_document(path: Path | str, code: str, what: str) -> dict[str, Any]:
    """:func:`parse_document` of a file.

    Raises:
        BadInputError: ``code``.
    """
    try:
        text = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        raise BadInputError(code, f"{str(path)!r} cannot be read ({error})") from error
    return parse_document(text, code, what)
