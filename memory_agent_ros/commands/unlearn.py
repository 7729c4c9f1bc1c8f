"""Take a class out of what was learnt: a recognition head, and adapters beside a map; --audit shows that it is gone.

``forget`` erases from a map and its tips; this goes after the models. The crops that were given are left to their
owner, who should erase those of the class afterwards.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memory_agent_ros.commands.open_map import map_place
from memory_agent_ros.commands.output import print_json

if TYPE_CHECKING:
    from memory_agent_ros.perception.recognition.recogniser import Recogniser


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``unlearn HEAD --label L --crops FOLDER [--audit FOLDER] [--map M] [--out F] [--json]``."""
    parser.add_argument("head", type=Path, metavar="HEAD", help="file that `train recognition` wrote")
    parser.add_argument("--label", required=True, help="class to unlearn")
    parser.add_argument(
        "--crops", type=Path, required=True, metavar="FOLDER", help="pictures of all classes: FOLDER/LABEL/*.png"
    )
    parser.add_argument(
        "--audit", type=Path, default=None, metavar="FOLDER", help="pictures of the same classes that nobody trained on"
    )
    parser.add_argument("--out", type=Path, default=None, metavar="FILE", help="where to write; default: in its place")
    parser.add_argument(
        "--map", type=map_place, default=None, metavar="FILE|URL", help="drop adapters' chunks of what it forgot"
    )
    parser.add_argument("--adapters", type=Path, default=None, metavar="FOLDER", help="default: MAP.adapters")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """0; 1 if an audit tells the head from ones that were trained anew without the class.

    Raises:
        BadInputError: ``label_unknown``, ``unlearn_examples``, ``crops_folder``, ``recognition_weights``.
        MissingExtraError: torch is not installed.
    """
    from memory_agent_ros.perception.recognition.labelled_crops import read_crops
    from memory_agent_ros.perception.recognition.recogniser import read_recogniser, save_recogniser
    from memory_agent_ros.records.errors import MissingExtraError

    try:
        from memory_agent_ros.perception.recognition.learning import forget_label
        from memory_agent_ros.perception.recognition.unlearning import Unlearning
    except ImportError as error:
        raise MissingExtraError("unlearning needs PyTorch: pip install memory_agent_ros[models]") from error
    before, crops = read_recogniser(args.head), read_crops(args.crops)
    after = forget_label(before, crops, args.label, Unlearning(seed=args.seed))
    told: dict[str, Any] = {"labels": list(after.labels)}
    if args.audit is not None:
        told["audit"] = _audit(args, before, after)
    save_recogniser(args.out or args.head, after)
    if args.map is not None:
        told["adapter_chunks"] = _drop_chunks(args)
    if args.json:
        print_json(told)
    else:
        print("\n".join(_lines(told)))
    return 1 if told.get("audit", {}).get("told_apart") else 0


def _audit(args: argparse.Namespace, before: Recogniser, after: Recogniser) -> dict[str, Any]:
    from memory_agent_ros.evaluation.unlearning.heads import audit_heads
    from memory_agent_ros.perception.recognition.labelled_crops import read_crops

    return audit_heads(before, after, read_crops(args.crops), read_crops(args.audit), args.label)


def _drop_chunks(args: argparse.Namespace) -> int:
    """Take away chunks that were made from objects which the map does not hold any more."""
    from memory_agent_ros.adapters.library import AdapterLibrary
    from memory_agent_ros.commands.closed_book import folder_of
    from memory_agent_ros.commands.open_map import open_map

    library = AdapterLibrary(folder_of(args, args.map))
    with open_map(args.map) as memory:
        held, dropped = [o.id for o in memory.objects()], 0
    for name in library.names():
        chunks = library.forgotten(held, name)
        library.without(chunks, name)
        dropped += len(chunks)
    return dropped


def _lines(told: dict[str, Any]) -> list[str]:
    lines = [f"still known: {', '.join(told['labels'])}"]
    if "adapter_chunks" in told:
        lines.append(f"{told['adapter_chunks']} chunks of adapters dropped")
    if "audit" in told:
        for arm in ("before", "after", "retrained"):
            lines.append(f"{arm}: " + ", ".join(f"{n} {v:.3f}" for n, v in told["audit"][arm].items()))
        lines += [f"told apart: {line}" for line in told["audit"]["told_apart"]] or ["not told from retrained heads"]
    return lines
