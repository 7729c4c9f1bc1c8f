"""``ask --closed-book``: questions to what was internalised, answered by the language model's weights alone."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from memory_agent_ros.commands.ask_live import questions
from memory_agent_ros.commands.output import print_json

if TYPE_CHECKING:
    from memory_agent_ros.adapters.internaliser import Internaliser
    from memory_agent_ros.reasoning.names import MemoryNames
    from memory_agent_ros.records.answer import Answer


def run(args: argparse.Namespace, text: Callable[[Answer], str]) -> int:
    """Print the answers; 0 also for *unknown*."""
    from memory_agent_ros.commands.closed_book import is_map, opened
    from memory_agent_ros.reasoning.internalised import closed_book_answer

    place: Path | str | None = args.map
    if place is None and args.adapters.suffix == ".adapters" and is_map(args.adapters.with_suffix("")):
        place = args.adapters.with_suffix("")
    internaliser = opened(args, place)
    names = _names(internaliser, place) if place is not None and is_map(place) else None
    for question in questions(args.question, args.dialogue, sys.stdin):
        answer = closed_book_answer(internaliser.book, question, names)
        if args.json:
            print_json(answer.to_dict())
        else:
            print(text(answer), flush=True)
    return 0


def _names(internaliser: Internaliser, place: Path | str) -> MemoryNames:
    """Names that may be answers; chunks of what the map does not hold any more are made anew before, or dropped."""
    from memory_agent_ros.commands.open_map import open_map
    from memory_agent_ros.reasoning.names import names_of

    with open_map(place) as memory:
        internaliser.settle(memory)
        return names_of(memory)
