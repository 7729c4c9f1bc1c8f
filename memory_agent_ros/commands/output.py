"""How verbs print: JSON on stdout for programs, progress on stderr for people."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


def print_json(document: Mapping[str, Any]) -> None:
    """One JSON object on stdout; numbers that JSON lacks (NaN, infinity) are refused."""
    json.dump(document, sys.stdout, indent=2, allow_nan=False)
    sys.stdout.write("\n")


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """The same into a file, its folder made if needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def shown(text: str) -> str:
    """Words that came from elsewhere, on one line and without what a terminal obeys: that is written as an escape."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def tell(args: argparse.Namespace, text: str) -> None:
    """A line for a person, on stderr; left out with ``--quiet``."""
    if not args.quiet:
        print(text, file=sys.stderr)


def progress(args: argparse.Namespace, items: Iterable[T], total: int | None, what: str) -> Iterable[T]:
    """The items with a bar on stderr; without one if ``--quiet``."""
    from tqdm import tqdm

    return tqdm(items, total=total, desc=what, unit="", file=sys.stderr, disable=args.quiet or None, dynamic_ncols=True)
