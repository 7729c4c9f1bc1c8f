"""Write a map, or a text, into an adapter of the language model; list and drop adapters.

``ask --closed-book`` then answers from it. Of a map that was internalised before only changed rooms are written anew.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memory_agent_ros.commands.ask import source_line
from memory_agent_ros.commands.closed_book import folder_of, is_map, kit
from memory_agent_ros.commands.open_map import map_place
from memory_agent_ros.commands.output import print_json, tell
from memory_agent_ros.records.errors import BadInputError

if TYPE_CHECKING:
    from memory_agent_ros.adapters.adapter import Adapter
    from memory_agent_ros.adapters.library import AdapterLibrary


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``internalize MAP|FILE [--map M] [--adapters FOLDER] [--list | --drop NAME [--chunk C]] [--json]``."""
    parser.add_argument("what", type=map_place, metavar="MAP|FILE", help="a map, or a file of text")
    parser.add_argument("--map", type=map_place, metavar="FILE|URL", help="keep a text's adapter beside this map")
    parser.add_argument(
        "--adapters",
        type=Path,
        metavar="FOLDER",
        help="where adapters are kept; by default MAP.adapters",
    )
    parser.add_argument("--name", default="", help="of a text's adapter; by default the name of the file")
    todo = parser.add_mutually_exclusive_group()
    todo.add_argument("--list", action="store_true", help="list the adapters, and what they were made from")
    todo.add_argument("--drop", metavar="NAME", help="take away an adapter")
    parser.add_argument("--chunk", default="", metavar="NAME", help="--drop: only this chunk of it")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Do it and say what there is."""
    from memory_agent_ros.adapters.library import AdapterLibrary

    library = AdapterLibrary(folder_of(args, args.map or args.what))
    made: list[str] = []
    started = time.perf_counter()
    if args.drop is not None:
        library.drop(args.drop, args.chunk)
    elif not args.list:
        made = _internalise(args, library)
    elapsed_s = time.perf_counter() - started
    adapters = library.adapters()
    if args.json:
        print_json({
            "folder": str(library.folder), "made": made, "elapsed_s": round(elapsed_s, 3),
            "adapters": [_document(name, adapter) for name, adapter in adapters.items()],
        })  # fmt: skip
        return 0
    if not (args.list or args.drop):
        tell(args, f"wrote {', '.join(made) or 'nothing, all is up to date'} in {elapsed_s:.1f} s")
    lines = [line for name, adapter in adapters.items() for line in _lines(name, adapter)]
    print("\n".join(lines or ["no adapters"]))
    return 0


def _internalise(args: argparse.Namespace, library: AdapterLibrary) -> list[str]:
    """Names of the chunks that were made."""
    from memory_agent_ros.adapters.internaliser import Internaliser, text_of
    from memory_agent_ros.commands.open_map import open_map

    if not is_map(args.what):
        if not os.path.isfile(args.what):
            raise BadInputError("internalize_file", f"there is no map and no text {args.what}")
        name, text = text_of(args.name, str(args.what))
        return list(Internaliser(kit(), library).internalise_text(text, name).names)
    with open_map(args.what) as memory:
        return list(Internaliser(kit(), library).internalise_memory(memory).made)


def _document(name: str, adapter: Adapter) -> dict[str, Any]:
    chunks = [{"name": c.name, "rank": c.rows.rank, **{"source": c.source.to_dict()}} for c in adapter.chunks]
    return {"name": name, "base": adapter.base, "bytes": adapter.bytes, "chunks": chunks}


def _lines(name: str, adapter: Adapter) -> list[str]:
    head = f"{name}: {len(adapter.chunks)} chunks, {adapter.bytes / 1e6:.2f} MB, for {adapter.base}"
    return [head, *(f"  {c.name}: {source_line(c.source.to_dict())}" for c in adapter.chunks)]
