"""``ask --map``: questions to a stored map, answered on this machine."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from memory_agent_ros.commands.ask_live import questions
from memory_agent_ros.commands.output import print_json

if TYPE_CHECKING:
    from memory_agent_ros.memory.spatial_memory import SpatialMemory
    from memory_agent_ros.reasoning.calls import ToolCall
    from memory_agent_ros.reasoning.internalised import Internalised
    from memory_agent_ros.reasoning.known import Meaning
    from memory_agent_ros.reasoning.language.model import LanguageModel
    from memory_agent_ros.reasoning.reasoner import Reasoner
    from memory_agent_ros.reasoning.tools.workspace import Looker
    from memory_agent_ros.records.answer import Answer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``ask`` that need a map."""
    models = parser.add_argument_group("models (--map)")
    models.add_argument(
        "--model",
        default="auto",
        metavar="NAME",
        help="language model for questions that the templates are not sure of: none, auto (the embedded one if it is "
        "installed), embedded, URL#MODEL, openai:MODEL, or an id of transformers",
    )
    models.add_argument(
        "--vision",
        default="auto",
        metavar="NAME",
        help="reader of evidence pictures: none, auto, embedded, openai:MODEL, or an id of transformers",
    )
    models.add_argument(
        "--own-words", action="store_true", help="let the language model word what it answered, where its words hold"
    )
    models.add_argument(
        "--general-knowledge",
        action="store_true",
        help="let the language model answer of itself what names nothing of the map; said to be so",
    )
    models.add_argument(
        "--use-adapters", action="store_true", help="let what was internalised answer what the map does not tell"
    )
    models.add_argument(
        "--answer-unsafe",
        action="store_true",
        help="do not let the embedded language model refuse requests that could do harm",
    )
    models.add_argument("--trace", action="store_true", help="print each call and what it gave")


def run(args: argparse.Namespace, text: Callable[[Answer], str]) -> int:
    """Print the answers; 1 in a dialogue if a question was not understood."""
    from memory_agent_ros.commands.open_map import open_map
    from memory_agent_ros.perception.factory import lazy_text_embedder
    from memory_agent_ros.reasoning.dialogue import Dialogue
    from memory_agent_ros.reasoning.rules.questions import QuestionNotUnderstoodError

    embedder = lazy_text_embedder(args.embedder)
    code = 0
    with open_map(args.map, embedder=embedder) as memory:
        reasoner = _reasoner(memory, embedder, args)
        dialogue = Dialogue() if args.dialogue else None
        for question in _asked(args, sys.stdin):
            try:
                answer = reasoner.answer(question, memory.last_stamp_ns, dialogue, _trace if args.trace else None)
            except QuestionNotUnderstoodError as error:
                if dialogue is None:
                    raise
                print(error, file=sys.stderr)
                code = 1
                continue
            if args.json:
                print_json(answer.to_dict())
            else:
                print("\n".join([text(answer), *_told_by(memory, answer)]), flush=True)
    return code


def _told_by(memory: SpatialMemory, answer: Answer) -> list[str]:
    """Who saw the objects that an answer rests on, and how far they are believed; nothing of sources without a name."""
    lines = []
    for object_id in dict.fromkeys(item.object_id for item in answer.evidence[:3]):
        found = memory.provenance(object_id)
        said = [f"{s.source}, trust {s.trust:.2f}" for s in found.sources if s.source.sensor]
        contested = "; sources disagree" if found.contested else ""
        lines += [f"  object {object_id} told by {'; '.join(said)}{contested}"] if said else []
    return lines


def _asked(args: argparse.Namespace, lines: Iterable[str]) -> Iterable[str]:
    return questions(args.question, args.dialogue, lines)


def _trace(number: int, call: ToolCall, line: str) -> None:
    print(f"  {number}. {call} = {line}", file=sys.stderr)


def _reasoner(memory: SpatialMemory, embedder: Meaning | None, args: argparse.Namespace) -> Reasoner:
    from memory_agent_ros.reasoning.reasoner import Reasoner
    from memory_agent_ros.reasoning.self_knowledge import shipped_self_knowledge

    model = _model(args.model, refuses=not args.answer_unsafe)
    return Reasoner(
        memory,
        model,
        _looker(args.vision, memory),
        think=args.think,
        budget_s=args.budget or 20.0,
        meaning=embedder,
        knowing=shipped_self_knowledge(model is not None, args.general_knowledge),
        own_words=args.own_words,
        internalised=_internalised(memory, args),
    )


def _internalised(memory: SpatialMemory, args: argparse.Namespace) -> Internalised | None:
    """The adapters beside the map, none made from what it does not hold any more; None unless they are asked for."""
    if not args.use_adapters:
        return None
    from memory_agent_ros.commands.closed_book import opened

    internaliser = opened(args, args.map)
    internaliser.settle(memory)
    return internaliser.book


def _model(name: str, *, refuses: bool = True) -> LanguageModel | None:
    """The model of a name, loaded when it is needed; None if there is none."""
    from memory_agent_ros.reasoning.language.models import language_model, model_name
    from memory_agent_ros.reasoning.lazily import LazyModel

    wanted = model_name(name)
    if wanted == "none":
        return None

    def load() -> LanguageModel:
        model = language_model(wanted, refuses=refuses, progress=sys.stderr.isatty())
        assert model is not None
        return model

    return LazyModel(wanted, load)


def _looker(name: str, memory: SpatialMemory) -> Looker | None:
    """The reader of pictures of a name, loaded at the first look; None if there is none."""
    from memory_agent_ros.reasoning.lazily import LazyLooker
    from memory_agent_ros.reasoning.vision.readers import reader_name

    wanted = reader_name(name)
    if wanted == "none":
        return None

    def load() -> Looker:
        from memory_agent_ros.reasoning.vision.looker import PictureLooker
        from memory_agent_ros.reasoning.vision.readers import vision_reader

        return PictureLooker(memory, vision_reader(wanted))

    return LazyLooker(load)
