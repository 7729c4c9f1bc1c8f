"""``memory-agent``: the command line. Thin: finds the verb, turns our errors into one line and exit code 2."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from memory_agent_ros import commands
from memory_agent_ros.commands import (
    ask,
    audit,
    bench,
    demo,
    doctor,
    edit,
    episode,
    forget,
    ingest,
    internalize,
    keys,
    learn,
    map_file,
    merge,
    prove,
    quarantine,
    receipts,
    show,
    train,
    unlearn,
    up,
    verify,
)
from memory_agent_ros.records.errors import MemoryAgentError

__all__ = ["build_parser", "main"]

_VERBS = {
    "demo": demo,
    "up": up,
    "episode": episode,
    "ingest": ingest,
    "ask": ask,
    "internalize": internalize,
    "doctor": doctor,
    "show": show,
    "map": map_file,
    "merge": merge,
    "edit": edit,
    "forget": forget,
    "receipts": receipts,
    "quarantine": quarantine,
    "verify": verify,
    "prove": prove,
    "audit": audit,
    "keys": keys,
    "bench": bench,
    "train": train,
    "learn": learn,
    "unlearn": unlearn,
}


def build_parser() -> argparse.ArgumentParser:
    """The parser with all verbs."""
    parser = argparse.ArgumentParser(
        prog="memory-agent", description="A robot memory that lasts.", epilog=commands.EPILOG
    )
    parser.add_argument("--debug", action="store_true", help="show tracebacks and debug messages")
    parser.add_argument("--quiet", action="store_true", help="no progress, only results and errors")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, module in _VERBS.items():
        summary = (module.__doc__ or "").strip().splitlines()[0]
        verb = verbs.add_parser(name, help=summary, description=summary)
        module.add_arguments(verb)
        verb.set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a verb. Results go to stdout, everything else to stderr.

    Returns:
        0 if all went well, 1 if the verb says so, 2 for bad input or a missing part, 130 after Ctrl-C.
    """
    args = build_parser().parse_args(argv)
    level = logging.DEBUG if args.debug else logging.ERROR if args.quiet else logging.INFO
    logging.basicConfig(stream=sys.stderr, level=level, format="%(levelname).1s %(name)s: %(message)s")
    for noisy in ("matplotlib", "PIL", "jax", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        code: int = args.run(args)
        sys.stdout.flush()
        return code
    except MemoryAgentError as error:
        if args.debug:
            raise
        print(f"memory-agent {args.verb}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # a file or folder that cannot be read or written; the error names it
        if args.debug:
            raise
        print(f"memory-agent {args.verb}: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
