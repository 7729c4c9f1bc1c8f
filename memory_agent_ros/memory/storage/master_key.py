"""The master key, if there is one: it wraps the keys that lie in a map, so that the map alone cannot be read.

The variable ``MEMORY_AGENT_MASTER_KEY`` holds 64 hexadecimal digits; without it the key is in ``master_key`` of the
user's configuration folder. There is none unless somebody made one. Either may hold several, one a line or separated
by commas: the first one wraps, all of them unwrap, so that maps can go over to another key one by one.
"""

from __future__ import annotations

import os
import re
import secrets
from hashlib import blake2b
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from platformdirs import user_config_path

from memory_agent_ros.memory.storage.private_file import read_private, write_private
from memory_agent_ros.records.errors import StoreError

VARIABLE = "MEMORY_AGENT_MASTER_KEY"
_WHAT = "the master key"
_KEY_BYTES, _NONCE_BYTES, _TAG_BYTES = 32, 12, 16
#: A key of the map (32 bytes), wrapped.
WRAPPED_BYTES = _NONCE_BYTES + 32 + _TAG_BYTES


class MasterKey:
    """Wraps keys (AES-256-GCM).

    Args:
        secret: 32 bytes.

    Attributes:
        name: 16 hexadecimal digits that tell master keys apart and nothing of the key.
    """

    def __init__(self, secret: bytes) -> None:
        self._cipher = AESGCM(secret)
        self.name = blake2b(b"name of this master key", digest_size=8, key=secret).hexdigest()

    def wrap(self, kind: str, owner: int, key: bytes) -> bytes:
        """The key of an owner, as it lies in the map."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, key, _place(kind, owner))

    def unwrap(self, kind: str, owner: int, wrapped: bytes) -> bytes | None:
        """Inverse of :meth:`wrap`; None if it was changed, is of another owner or was wrapped by another key."""
        try:
            return self._cipher.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], _place(kind, owner))
        except (InvalidTag, ValueError):
            return None


def key_file() -> Path:
    """Where the master keys of this user are, if there are any."""
    return user_config_path("memory_agent_ros") / "master_key"


def master_keys() -> list[MasterKey]:
    """Those of this process's environment, or of this user, the one that wraps first; none if nobody made one.

    Raises:
        StoreError: not readable, readable for others, or no keys.
    """
    named = os.environ.get(VARIABLE)
    if named:
        return _parsed(named, VARIABLE)
    path = key_file()
    return _parsed(_text(path), str(path)) if path.exists() else []


def wrapping_key() -> MasterKey | None:
    """The one that wraps the keys of new maps; None if there is none.

    Raises:
        StoreError: as :func:`master_keys`.
    """
    return next(iter(master_keys()), None)


def named_key(name: str) -> MasterKey:
    """The master key of this name.

    Raises:
        StoreError: it is not there; the text says where it is looked for.
    """
    known = master_keys()
    for key in known:
        if key.name == name:
            return key
    there = f"; there are: {', '.join(k.name for k in known)}" if known else ""
    raise StoreError(
        f"the keys of this map are wrapped by master key {name}, which is neither in {VARIABLE} nor in {key_file()}"
        f"{there}; put it there to read the map"
    )


def new_master_key() -> MasterKey:
    """Make another one, first of those in the file: it wraps from now on, and the others still unwrap.

    Raises:
        StoreError: the environment names one, or the file cannot be read or written.
    """
    if os.environ.get(VARIABLE):
        raise StoreError(
            f"{VARIABLE} holds the master key: put the new one there, in front of the old one, and a comma"
        )
    path, secret = key_file(), secrets.token_bytes(_KEY_BYTES)
    before = ""
    if path.exists():
        before = _text(path)
        _parsed(before, str(path))
    write_private(path, f"{secret.hex()}\n{before}".encode(), _WHAT)
    return MasterKey(secret)


def _text(path: Path) -> str:
    try:
        return read_private(path, _WHAT).decode("ascii")
    except UnicodeDecodeError as error:
        raise StoreError(f"{path} is no file of master keys: {error}") from error


def _parsed(text: str, where: str) -> list[MasterKey]:
    words = [word for word in re.split(r"[,\s]+", text) if word]
    if not words or not all(re.fullmatch("[0-9a-fA-F]{64}", word) for word in words):
        raise StoreError(f"{where} must hold 64 hexadecimal digits (the 32 bytes of a master key)")
    return [MasterKey(bytes.fromhex(word)) for word in words]


def _place(kind: str, owner: int) -> bytes:
    return f"keys/{kind}/{owner}".encode()
