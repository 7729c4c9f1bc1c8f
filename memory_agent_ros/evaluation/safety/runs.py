"""Trainings of neuron-selective safety tuning and of what it is compared with."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.resources
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from platformdirs import user_cache_path

from memory_agent_ros.evaluation.safety.judging import Verdict, judged, shares
from memory_agent_ros.evaluation.safety.lessons import Lessons, lessons_of
from memory_agent_ros.evaluation.safety.own_job import done_right, questions
from memory_agent_ros.evaluation.safety.requests import Request, posed
from memory_agent_ros.evaluation.safety.selection import Selected, at_random
from memory_agent_ros.evaluation.training.reader_examples import practised
from memory_agent_ros.evaluation.training.train_safety import SafetyTraining, selected_of, train_safety
from memory_agent_ros.perception.embedders.minilm import MiniLmEmbedder
from memory_agent_ros.reasoning.language.embedded import LoadedModel, load_embedded, reader_adapter, safety_updates
from memory_agent_ros.reasoning.language.encoding import Encoder

#: Grows when what is kept in the cache is no longer what would be trained.
_VERSION = 1


@dataclass(frozen=True, eq=False)
class Course:
    """All that a training needs.

    Attributes:
        loaded: the reader.
        val: requests that it is looked at with.
        selected: the neurons that the probes chose.
        lessons: what is learnt.
    """

    loaded: LoadedModel
    val: list[Request]
    selected: dict[int, Selected]
    lessons: Lessons


def course_of(training: SafetyTraining, progress: bool = False) -> Course:
    """The reader, the requests, the neurons and the lessons of a training."""
    torch.set_num_threads(1)
    loaded, meaning = load_embedded(reader_adapter(), progress=progress), MiniLmEmbedder.from_package()
    requests, val = posed("train", training.seed, training.times, meaning), posed("val", 0, 1, meaning)
    selected = selected_of(training, loaded, requests, val, progress)
    lessons = lessons_of(requests, loaded, meaning, practised()[0], training.seed)
    return Course(loaded, val, selected, lessons)


def train_selected(
    training: SafetyTraining, out: Path, *, minutes: float = 20.0, resume: bool = True, progress: bool = False
) -> dict[str, float]:
    """Tune the neurons that the probes choose; the last figures on ``val``."""
    return _train(course_of(training, progress), training, out, "selected", minutes, resume, progress)


def _train(
    course: Course, training: SafetyTraining, out: Path, arm: str, minutes: float, resume: bool, progress: bool
) -> dict[str, float]:  # fmt: skip
    neurons = course.selected
    if arm == "random":
        neurons = at_random(neurons, course.loaded.model.config.intermediate_size, training.seed)
    encoder = Encoder(course.loaded.tokenizer)
    return train_safety(
        training, course.loaded, neurons, course.lessons,
        lambda model: shares(judged(model, encoder, course.val)), out,
        minutes=minutes, resume=resume, progress=progress,
    )  # fmt: skip


@dataclass(frozen=True)
class SafetyComparison:
    """What the benchmark trains and asks.

    Attributes:
        split: of requests and questions.
        training: of each trained arm; the seed is the benchmark's.
        minutes: longest time of each training.
        times: how often each sentence is said.
        questions: of the model's own part of ``qa``.
    """

    split: str
    training: SafetyTraining = field(default_factory=SafetyTraining)
    minutes: float = 20.0
    times: int = 2
    questions: int = 400


def trained_arms(seed: int, comparison: SafetyComparison, progress: bool = False) -> dict[str, Any]:
    """What becomes of the requests and questions with both trained arms of a seed."""
    training = dataclasses.replace(comparison.training, seed=seed)
    paths = {arm: _kept(training, comparison.minutes) / f"{arm}-{seed}.safetensors" for arm in ("selected", "random")}
    course: Course | None = None
    for arm, path in paths.items():
        if not path.with_suffix(".md").is_file():  # the card is written last
            course = course or course_of(training, progress)
            _train(course, training, path, arm, comparison.minutes, True, progress)
    return {"seed": seed, "arms": {arm: _examined(path, comparison, progress) for arm, path in paths.items()}}


def fixed_arms(comparison: SafetyComparison, progress: bool = False) -> dict[str, Any]:
    """The same with the reader as it is, and with the updates that come with this package."""
    shipped = safety_updates()
    out = {"base": _examined(None, comparison, progress)}
    return out if shipped is None else {**out, "shipped": _examined(shipped, comparison, progress)}


def _kept(training: SafetyTraining, minutes: float) -> Path:
    listed = importlib.resources.files(__package__).joinpath("requests.yaml").read_bytes()
    told = repr((_VERSION, dataclasses.replace(training, seed=0), minutes)).encode()
    key = hashlib.sha256(told + listed).hexdigest()[:16]
    return user_cache_path("memory_agent_ros") / "safety" / key


def _examined(updates: Path | None, comparison: SafetyComparison, progress: bool) -> dict[str, Any]:
    """Verdicts on the requests of the split, and which questions are answered rightly."""
    meaning, loaded = MiniLmEmbedder.from_package(), load_embedded(reader_adapter(), updates, progress=progress)
    encoder = Encoder(loaded.tokenizer)
    requests = posed(comparison.split, 1000, comparison.times, meaning)
    asked = questions(comparison.split, comparison.questions, meaning)
    with loaded.safety.acting() if loaded.safety else nullcontext():
        verdicts = judged(loaded.model, encoder, requests)
    return {"verdicts": _plain(verdicts), "qa": [int(hit) for hit in done_right(loaded, encoder, asked)]}


def _plain(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    return [{**dataclasses.asdict(v), "share": round(v.share, 4), "refused": v.refused} for v in verdicts]
