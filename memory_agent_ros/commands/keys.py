"""The keys of a robot and its maps: show them, make another one for signing, wrap the keys of maps by a master key."""

from __future__ import annotations

import argparse
import contextlib
import os
from pathlib import Path
from typing import Any

from memory_agent_ros.commands.output import print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``keys show [MAP ...]``, ``keys new-master``, ``keys wrap|unwrap MAP ...``, ``keys new-signing MAP ...``."""
    parser.add_argument("what", choices=("show", "new-master", "wrap", "unwrap", "new-signing"))
    parser.add_argument("maps", nargs="*", metavar="MAP", help="map files, or maps on a server")


def run(args: argparse.Namespace) -> int:
    """0 once done; what there is now is printed, never a secret.

    ``new-master`` makes a master key, which wraps the keys of new maps from then on; ``wrap`` has it wrap those of maps
    that there are, in place of an older one too. ``new-signing`` makes another key for signing, which the ledgers of
    the maps record on the word of the old one.

    Raises:
        BadInputError: ``keys_maps``, ``map_missing``.
        StoreError: a key is missing, wrong or readable for others, or a map cannot be opened.
    """
    from memory_agent_ros.commands.open_map import map_place, need_map
    from memory_agent_ros.memory.storage.master_key import new_master_key
    from memory_agent_ros.records.errors import BadInputError

    places = [map_place(name) for name in args.maps]
    if (args.what in ("wrap", "unwrap", "new-signing")) != bool(places) and args.what != "show":
        raise BadInputError("keys_maps", f"{args.what} takes {'no map' if places else 'at least one map'}")
    for place in places:
        need_map(place)
    if args.what == "new-master":
        new_master_key()
    elif args.what == "new-signing":
        _new_signing_key(places)
    elif args.what != "show":
        _rewrap(places, wrap=args.what == "wrap")
    print_json(_shown(places))
    return 0


def _rewrap(places: list[Path | str], *, wrap: bool) -> None:
    from memory_agent_ros.memory.storage.master_key import wrapping_key
    from memory_agent_ros.memory.storage.wrapping import rewrap_map
    from memory_agent_ros.records.errors import StoreError

    master = wrapping_key() if wrap else None
    if wrap and master is None:
        raise StoreError("there is no master key; make one with: memory-agent keys new-master")
    for place in places:
        rewrap_map(place, master)


def _new_signing_key(places: list[Path | str]) -> None:
    """The maps stay open until the new key is in its file, since closing signs."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from memory_agent_ros.memory.ledger.signing import VARIABLE, key_file, signing_key, write_key
    from memory_agent_ros.memory.spatial_memory import SpatialMemory
    from memory_agent_ros.records.errors import StoreError

    if os.environ.get(VARIABLE):
        raise StoreError(f"{VARIABLE} holds the key for signing: unset it to have one in a file, and make that anew")
    old, fresh = signing_key(create=False), Ed25519PrivateKey.generate()
    with contextlib.ExitStack() as stack:
        memories = [stack.enter_context(SpatialMemory.open(place)) for place in places]
        for memory in memories:
            memory.ledger.rotate(old, fresh)
        write_key(fresh, key_file())


def _shown(places: list[Path | str]) -> dict[str, Any]:
    from memory_agent_ros.memory.ledger import signing
    from memory_agent_ros.memory.storage import master_key
    from memory_agent_ros.memory.storage.wrapping import wrapped_by
    from memory_agent_ros.records.errors import StoreError

    try:
        public = signing.public_bytes(signing.signing_key(create=False)).hex()
    except StoreError as error:
        public = f"none: {error}"
    return {
        "signing": {"public_key": public, "from": _where(signing.VARIABLE, signing.key_file())},
        "master": {
            "keys": [key.name for key in master_key.master_keys()],
            "from": _where(master_key.VARIABLE, master_key.key_file()),
        },
        "maps": {str(place): {"wrapped_by": wrapped_by(place)} for place in places},
    }


def _where(variable: str, path: Path) -> str:
    return variable if os.environ.get(variable) else str(path)
