"""Train a learned part on simulated apartments."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from memory_agent_ros.commands.output import tell

_T = TypeVar("_T")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``train encoder|explorer|reader|vision --seed S --minutes M --out F``; other parts ``train PART --out F``."""
    parser.add_argument("what", choices=tuple(_PARTS), help="which part")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--minutes",
        type=float,
        default=None,
        help="longest time, without making the data (20; explorer: 90; reader: 50; vision: 15; reidentification: 10; "
        "safety: 20; "
        "text-lora: 8 or 60)",
    )
    parser.add_argument(
        "--steps",
        type=int,
        default=None,
        help="most steps (1200; explorer: of EMPO2 after the school, 0; reader: 4000; vision: 600; "
        "safety: 300; "
        "reidentification: 3000)",
    )
    parser.add_argument(
        "--apartments", type=int, default=None, help="seeds of the train split (24; explorer: 240 for EMPO2)"
    )
    parser.add_argument("--engine", default="here", help="explorer: where rollouts are played: here, processes, ray")
    parser.add_argument("--jobs", type=int, default=1, help="calibration: processes; explorer: workers of the engine")
    parser.add_argument("--start", type=Path, default=None, metavar="FILE", help="reader: weights to begin with")
    parser.add_argument(
        "--size",
        choices=("tiny", "embedded"),
        default="tiny",
        help="document-lora, text-lora, memory-lora: of the model",
    )
    parser.add_argument(
        "--base",
        type=Path,
        default=None,
        metavar="FOLDER",
        help="document-lora, memory-lora: a tiny reader, instead of the shipped or cached one",
    )
    parser.add_argument(
        "--crops", type=Path, default=None, metavar="FOLDER", help="recognition: pictures, FOLDER/LABEL/*.png"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="weights, with a card beside or inside")
    parser.add_argument("--restart", action="store_true", help="do not go on from a checkpoint")


def run(args: argparse.Namespace) -> int:
    """0; needs the simulator, the encoder also torch."""
    if args.what not in _WITHOUT_TORCH:
        from memory_agent_ros.records.errors import MissingExtraError

        try:
            import torch  # noqa: F401
        except ImportError as error:
            raise MissingExtraError("training needs PyTorch: pip install memory_agent_ros[models]") from error
    told = _PARTS[args.what](args)
    tell(args, told if isinstance(told, str) else ", ".join(f"{name} {value:.3f}" for name, value in told.items()))
    return 0


def _settings(usual: _T, args: argparse.Namespace, *names: str) -> _T:
    """The usual settings but for the seed and what is told of these names."""
    told = {name: getattr(args, name) or getattr(usual, name) for name in names}
    return dataclasses.replace(usual, seed=args.seed, **told)  # type: ignore[type-var]


def _encoder(args: argparse.Namespace) -> dict[str, float]:
    from memory_agent_ros.evaluation.training.train_encoder import TrainConfig, train_encoder

    config = TrainConfig(args.seed, args.steps or 1200, args.minutes or 20.0, args.apartments or 24)
    return train_encoder(config, args.out, resume=not args.restart, progress=not args.quiet)


def _explorer(args: argparse.Namespace) -> dict[str, float]:
    from memory_agent_ros.evaluation.training.explorer_courses import SHIPPED
    from memory_agent_ros.evaluation.training.train_explorer import train_explorer

    steps = SHIPPED.empo2.decisions if args.steps is None else args.steps
    empo2 = dataclasses.replace(SHIPPED.empo2, seed=args.seed, decisions=steps)
    school = None if SHIPPED.school is None else dataclasses.replace(SHIPPED.school, seed=args.seed)
    apartments = args.apartments or SHIPPED.apartments
    training = dataclasses.replace(SHIPPED, empo2=empo2, school=school, apartments=apartments)
    return train_explorer(
        training,
        args.out,
        minutes=args.minutes or 90.0,
        engine=args.engine if args.jobs == 1 or args.engine != "here" else "processes",
        jobs=args.jobs,
        resume=not args.restart,
        progress=not args.quiet,
    )


def _reader(args: argparse.Namespace) -> dict[str, float]:
    from functools import partial

    from memory_agent_ros.evaluation.training.practice.catalogue import PRACTICE
    from memory_agent_ros.evaluation.training.reader_examples import examples, practised
    from memory_agent_ros.evaluation.training.reader_figures import ValFigures
    from memory_agent_ros.evaluation.training.train_reader import ReaderTraining, train_reader
    from memory_agent_ros.perception.embedders.minilm import MiniLmEmbedder
    from memory_agent_ros.reasoning.language.embedded import load_embedded
    from memory_agent_ros.reasoning.language.encoding import Encoder

    training = _settings(ReaderTraining(), args, "steps")
    loaded, meaning = load_embedded(progress=not args.quiet), MiniLmEmbedder.from_package()
    encoder = Encoder(loaded.tokenizer)
    families = (*practised()[0], *practised()[0], *PRACTICE)  # of a class there are more of the latter
    return train_reader(
        training,
        loaded,
        partial(examples, encoder=encoder, meaning=meaning, families=families, reading=training.reading),
        ValFigures(encoder, meaning),
        args.out,
        start=args.start,
        minutes=args.minutes or 50.0,
        resume=not args.restart,
        progress=not args.quiet,
    )


def _safety(args: argparse.Namespace) -> dict[str, float]:
    from memory_agent_ros.evaluation.safety.runs import train_selected
    from memory_agent_ros.evaluation.training.train_safety import SafetyTraining

    training = _settings(SafetyTraining(), args, "steps")
    return train_selected(
        training, args.out, minutes=args.minutes or 20.0, resume=not args.restart, progress=not args.quiet
    )


def _tiny_gist_reader(args: argparse.Namespace) -> dict[str, float]:
    from memory_agent_ros.evaluation.adapters.gist_runs import scale_of, train_gist_reader

    usual = scale_of("tiny")
    scale = dataclasses.replace(
        usual,
        reader_steps=args.steps or usual.reader_steps,
        reader_minutes=args.minutes or usual.reader_minutes,
    )
    return train_gist_reader(scale, args.out, args.seed, resume=not args.restart, progress=not args.quiet)


def _memory_lora(args: argparse.Namespace) -> dict[str, float]:
    from memory_agent_ros.evaluation.adapters.gist_runs import gist_base, scale_of, train_maker
    from memory_agent_ros.evaluation.training.distributed import group

    scale = scale_of(args.size, args.minutes)
    training = _settings(scale.training, args, "steps", "apartments")
    with group() as processes:
        base = gist_base(scale, start=args.base, progress=not args.quiet)
        return train_maker(
            dataclasses.replace(scale, training=training), base, args.out,
            resume=not args.restart, progress=not args.quiet, group=processes,
        )  # fmt: skip


def _calibration(args: argparse.Namespace) -> dict[str, float]:
    from memory_agent_ros.evaluation.training.train_calibration import CalibrationTraining, train_calibration

    training = CalibrationTraining(apartments=args.apartments or CalibrationTraining.apartments)
    return train_calibration(training, args.out, jobs=args.jobs, progress=not args.quiet)


def _vision(args: argparse.Namespace) -> dict[str, float]:
    from memory_agent_ros.evaluation.training.train_vision import VisionTraining, train_vision

    training = _settings(VisionTraining(), args, "minutes", "steps", "apartments")
    return train_vision(training, args.out, progress=not args.quiet)


def _reidentification(args: argparse.Namespace) -> dict[str, float]:
    from memory_agent_ros.evaluation.training.train_reidentification import (
        ReidentificationTraining,
        train_reidentification,
    )

    training = _settings(ReidentificationTraining(), args, "minutes", "steps", "apartments")
    return train_reidentification(training, args.out, progress=not args.quiet)


def _recognition(args: argparse.Namespace) -> str:
    from memory_agent_ros.perception.recognition.labelled_crops import read_crops
    from memory_agent_ros.perception.recognition.learning import train_recogniser
    from memory_agent_ros.perception.recognition.network import RecognitionTraining
    from memory_agent_ros.perception.recognition.recogniser import save_recogniser
    from memory_agent_ros.records.errors import BadInputError

    if args.crops is None:
        raise BadInputError("crops_folder", "name a folder of pictures with --crops: a sub-folder for each class")
    crops = read_crops(args.crops)
    made = train_recogniser(crops, _settings(RecognitionTraining(), args, "steps"))
    save_recogniser(args.out, made)
    return f"{len(crops.labels)} crops of {len(made.labels)} classes, written to {args.out}"


def _tiny_reader(args: argparse.Namespace) -> dict[str, float]:
    import torch

    from memory_agent_ros.evaluation.adapters.facts import words
    from memory_agent_ros.evaluation.training.train_tiny_reader import TinyTraining, fact_course, train_tiny

    torch.set_num_threads(1)
    return train_tiny(
        _settings(TinyTraining(), args, "steps"),
        fact_course,
        words(),
        args.out,
        minutes=args.minutes or 20.0,
        resume=not args.restart,
        progress=not args.quiet,
    )


def _document_lora(args: argparse.Namespace) -> dict[str, float]:
    import torch

    from memory_agent_ros.evaluation.adapters.bases import base_of
    from memory_agent_ros.evaluation.training.distributed import group
    from memory_agent_ros.evaluation.training.document_card import write_document_card, write_document_curve
    from memory_agent_ros.evaluation.training.train_document_lora import settings_of, train_document_lora

    torch.set_num_threads(1)
    training = _settings(settings_of(args.size), args, "steps")
    with group() as processes:
        base = base_of(args.size, args.base, progress=not args.quiet)
        figures = train_document_lora(
            training, base.adapted, base.prompts, base.name, args.out, minutes=args.minutes or 20.0,
            resume=not args.restart, progress=not args.quiet, group=processes,
        )  # fmt: skip
        if processes.first:
            write_document_card(args.out, args.size)
            write_document_curve(args.out)
    return figures


def _text_lora(args: argparse.Namespace) -> dict[str, float]:
    from memory_agent_ros.evaluation.training.distributed import group
    from memory_agent_ros.evaluation.training.train_text_lora import train_text_lora, training_of
    from memory_agent_ros.perception.embedders.minilm import MiniLmEmbedder

    training = training_of(args.size, args.seed, args.minutes, args.steps)
    embedder = MiniLmEmbedder.from_package()
    with group() as processes:
        return train_text_lora(
            training, embedder, args.out, resume=not args.restart, progress=not args.quiet, group=processes
        )


def _detection_model(args: argparse.Namespace) -> str:
    from memory_agent_ros.evaluation.training.detection_model import train

    card = train(args.out, range(args.seed, args.seed + (args.apartments or 24)), progress=not args.quiet)
    return f"{card['examples']} examples, log loss {card['log_loss']}, written to {args.out}"


def _cooccurrence(args: argparse.Namespace) -> str:
    from memory_agent_ros.evaluation.exploration.counting import count

    counts = count(range(args.seed, args.seed + (args.apartments or 24)), progress=not args.quiet)
    counts.save(args.out)
    return f"{len(counts.near)} goals counted in {counts.card['apartments']} apartments, written to {args.out}"


#: What trains each part, and gives figures or a line to tell.
_PARTS: dict[str, Callable[[argparse.Namespace], dict[str, float] | str]] = {
    "encoder": _encoder,
    "detection-model": _detection_model,
    "cooccurrence": _cooccurrence,
    "explorer": _explorer,
    "reader": _reader,
    "safety": _safety,
    "calibration": _calibration,
    "vision": _vision,
    "reidentification": _reidentification,
    "recognition": _recognition,
    "tiny-reader": _tiny_reader,
    "document-lora": _document_lora,
    "tiny-gist-reader": _tiny_gist_reader,
    "memory-lora": _memory_lora,
    "text-lora": _text_lora,
}
_WITHOUT_TORCH = ("detection-model", "cooccurrence", "calibration")
