"""Files with secrets: only their owner may read them."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from memory_agent_ros.records.errors import StoreError


def read_private(path: Path, what: str) -> bytes:
    """What is in such a file.

    Args:
        path: the file.
        what: it holds, for people.

    Raises:
        StoreError: not readable, or readable for others.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read()
    except (OSError, ValueError) as error:
        raise StoreError(f"{what} at {path} cannot be read ({error})") from error
    if mode & 0o077:
        raise StoreError(f"others may read {what} at {path}; run: chmod 600 {path}")
    return content


def _settle(folder: Path) -> None:
    """The names in a folder outlast a power failure: what a lost key has sealed could not be read any more."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_private(path: Path, content: bytes, what: str) -> None:
    """Put such a file in place of one that is there, in one move.

    Raises:
        StoreError: it cannot be written.
    """
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
        _settle(path.parent)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise StoreError(f"{what} could not be written to {path} ({error})") from error
