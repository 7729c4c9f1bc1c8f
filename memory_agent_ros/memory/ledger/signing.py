"""The key that signs checkpoints (Ed25519): from the environment, or a file only its owner may read.

The variable ``MEMORY_AGENT_SIGNING_KEY`` holds 64 hexadecimal digits; without it the key is in ``signing_key.pem`` of
the user's configuration folder, made at first use.
"""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from platformdirs import user_config_path

from memory_agent_ros.memory.storage.private_file import read_private, write_private
from memory_agent_ros.records.errors import StoreError

VARIABLE = "MEMORY_AGENT_SIGNING_KEY"
_WHAT = "the key for signing"


def key_file() -> Path:
    """Where the key of this user is."""
    return user_config_path("memory_agent_ros") / "signing_key.pem"


def signing_key(*, create: bool = True) -> Ed25519PrivateKey:
    """The key of this user, or of this process if its environment names one.

    Args:
        create: make one if there is none yet.

    Raises:
        StoreError: none, not readable, readable for others, or none of Ed25519.
    """
    named = os.environ.get(VARIABLE)
    if named:
        try:
            return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(named.strip()))
        except ValueError as error:
            raise StoreError(f"{VARIABLE} must hold 64 hexadecimal digits (the 32 bytes of an Ed25519 key)") from error
    path = key_file()
    if not path.exists():
        if not create:
            raise StoreError(f"there is no key for signing at {path}, and {VARIABLE} is not set")
        write_key(Ed25519PrivateKey.generate(), path)
    return read_key(path)


def read_key(path: Path) -> Ed25519PrivateKey:
    """The key in a file.

    Raises:
        StoreError: not readable, readable for others, or none of Ed25519.
    """
    text = read_private(path, _WHAT)
    try:
        key = serialization.load_pem_private_key(text, password=None)
    except (ValueError, TypeError) as error:
        raise StoreError(f"{path} is no key in PEM form: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise StoreError(f"the key at {path} is none of Ed25519")
    return key


def write_key(key: Ed25519PrivateKey, path: Path) -> None:
    """Put a key into a file that only its owner may read, in place of one that is there, in one move.

    Raises:
        StoreError: it cannot be written.
    """
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_private(path, text, _WHAT)


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """The 32 bytes by which others check what a key signed."""
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def is_signed(public: bytes, signature: bytes, data: bytes) -> bool:
    """Whether the holder of a key signed these bytes."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True
