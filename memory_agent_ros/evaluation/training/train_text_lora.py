"""Training of text-to-LoRA through the frozen model on the library of robot-language tasks. Needs torch.

Each step takes descriptions of some tasks, writes an adapter for each, and asks the frozen model commands of those
tasks; the loss of the right answers goes back through the model into the hypernetwork alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from memory_agent_ros.adapters.application import AdaptedModel
from memory_agent_ros.adapters.rows import LoraRows
from memory_agent_ros.adapters.text import TextEmbedder, TextLoraConfig, TextToLora, description_vectors, save_text_lora
from memory_agent_ros.evaluation.adapters.text_exam import Adapters, exam, scores
from memory_agent_ros.evaluation.adapters.text_models import Practice, embedded_base, tiny_base
from memory_agent_ros.evaluation.adapters.text_tasks import Task, draw_tasks
from memory_agent_ros.evaluation.hardware import commit
from memory_agent_ros.evaluation.training.distributed import Group
from memory_agent_ros.evaluation.training.learning import ALONE, Learner, Rhythm
from memory_agent_ros.evaluation.training.text_lessons import Lesson, Pace, Teacher, lessons
from memory_agent_ros.reasoning.language.embedded import LoadedModel
from memory_agent_ros.records.errors import BadInputError

_CHECKPOINT_EVERY, _LOOKS = 100, 4
#: Descriptions by which the spread of descriptions is known before training.
_MEASURED = 512


@dataclass(frozen=True)
class TextTraining:
    """What is trained and how.

    Attributes:
        practice: of the tiny model; None for the embedded one.
        tasks: in the library.
        kinds: last names of the linear layers that get an adapter.
        lowest: the first layer that gets one; below it nothing is differentiated.
        network: sizes of the hypernetwork.
        pace: of the lessons.
        minutes: longest time.
    """

    practice: Practice | None = field(default_factory=Practice)
    tasks: int = 1024
    kinds: tuple[str, ...] = ("w1", "w2", "w3")
    lowest: int = 0
    network: TextLoraConfig = field(default_factory=lambda: TextLoraConfig(alpha=5.66))
    pace: Pace = field(default_factory=Pace)
    minutes: float = 8.0

    @property
    def size(self) -> str:
        """Of the frozen model."""
        return "embedded" if self.practice is None else "tiny"


def training_of(size: str, seed: int, minutes: float | None = None, steps: int | None = None) -> TextTraining:
    """The settings of a size.

    Raises:
        BadInputError: ``size_unknown``.
    """
    if size == "tiny":
        found = TextTraining(Practice(seed))
    elif size == "embedded":
        found = TextTraining(
            None, kinds=("q_proj", "v_proj"), lowest=10, network=TextLoraConfig(hidden=512),
            pace=Pace(steps=1500, tasks=4, commands=3, rate=3e-4), minutes=60.0,
        )  # fmt: skip
    else:
        raise BadInputError("size_unknown", f"size must be tiny or embedded, got {size!r}")
    pace = replace(found.pace, seed=seed, steps=steps or found.pace.steps)
    return replace(found, pace=pace, minutes=minutes or found.minutes)


def base_of(training: TextTraining, folder: Path, *, progress: bool = False) -> LoadedModel:
    """The frozen model; a tiny one is trained into the folder where it is not there."""
    if training.practice is None:
        return embedded_base(progress=progress)
    return tiny_base(training.practice, folder, progress=progress)


def adapted_of(training: TextTraining, base: LoadedModel) -> AdaptedModel:
    """The frozen model with layers for adapters."""
    layers = range(training.lowest, base.model.config.num_hidden_layers)
    return AdaptedModel(base.model, training.kinds, list(layers))


def library_of(training: TextTraining) -> list[Task]:
    """The tasks that are trained on, without val's and test's."""
    return draw_tasks("train", training.tasks, training.pace.seed)


def network_of(training: TextTraining, adapted: AdaptedModel, embedder: TextEmbedder) -> TextToLora:
    """A hypernetwork at its beginning, which knows how far descriptions of the library lie apart."""
    torch.manual_seed(training.pace.seed)
    network = TextToLora(training.network, adapted.targets)
    rng = np.random.default_rng(training.pace.seed)
    told = [task.description(rng) for task in library_of(training)[:_MEASURED]]
    network.standardise(torch.from_numpy(description_vectors(embedder, told)))
    network.to(next(adapted.model.parameters()).device)
    return network


def written_by(network: TextToLora, embedder: TextEmbedder) -> Adapters:
    """What an examination answers with: an adapter from each description."""

    def adapters(_: Any, texts: Any) -> LoraRows:
        vectors = torch.from_numpy(description_vectors(embedder, texts))
        made: LoraRows = network(vectors.to(next(network.parameters()).device))
        return made

    return adapters


def teacher_of(network: TextToLora, adapted: AdaptedModel, pace: Pace, group: Group = ALONE) -> Teacher:
    """Teaches the hypernetwork through the frozen model."""

    def rows(lesson: Lesson) -> LoraRows:
        made: LoraRows = network(lesson.vectors.to(next(network.parameters()).device))
        return made.pick(lesson.owner)

    return Teacher(adapted, rows, list(network.parameters()), pace, group)


def train_text_lora(
    training: TextTraining,
    embedder: TextEmbedder,
    out: Path,
    *,
    resume: bool = True,
    progress: bool = False,
    group: Group = ALONE,
) -> dict[str, float]:
    """Train until the steps or the minutes are used up; write weights and card.

    Beside ``out`` lie the tiny model (``.base``), the figures (``.logs``), and while it trains a checkpoint. The
    weights so far are written with each look at ``val``.

    Args:
        training: what and how.
        embedder: of descriptions.
        out: safetensors file.
        resume: go on from a checkpoint of the same settings.
        progress: show bars.
        group: the processes that train together; the first one writes.

    Returns:
        the last figures on ``val``.
    """
    torch.set_num_threads(1)
    if group.first:  # the others find the tiny model that it trains
        base_of(training, out.with_suffix(".base"), progress=progress)
    group.wait()
    base = base_of(training, out.with_suffix(".base"))
    adapted, library = adapted_of(training, base), library_of(training)
    network = network_of(training, adapted, embedder)
    course = partial(lessons, library, base.tokenizer, embedder, training.pace, rank=group.rank)
    asked = exam("val", library)

    def examine() -> dict[str, float]:
        got = scores(adapted, base.tokenizer, asked, written_by(network.eval(), embedder))
        network.train()
        return {f"score_{kind}": float(np.mean(values)) for kind, values in asked.by_kind(got).items()}

    teacher = teacher_of(network, adapted, training.pace, group)
    learner = _Learner(training, network, teacher, course, examine, base.name, out)
    rhythm = Rhythm(training.pace.steps, keep=_CHECKPOINT_EVERY, looks=_LOOKS)
    return learner.train("text-lora", rhythm, out.with_suffix(""), training.minutes, resume=resume, progress=progress)


class _Learner(Learner):
    """The hypernetwork and its teacher."""

    training: TextTraining

    def __init__(
        self,
        training: TextTraining,
        network: TextToLora,
        teacher: Teacher,
        course: Callable[[int], Iterator[Lesson]],
        examine: Callable[[], dict[str, float]],
        base: str,
        out: Path,
    ) -> None:
        super().__init__(training, teacher.parameters, teacher.optimiser, teacher.group)
        self.network, self.teacher, self.course, self.examine = network, teacher, course, examine
        self.base, self.out = base, out

    def begin(self) -> None:
        """The lessons from this step on."""
        super().begin()
        self.teacher.step, self.lessons = self.step, self.course(self.step)

    def learn(self, share: float) -> dict[str, float]:
        """One lesson."""
        figures = self.teacher.learn(next(self.lessons), share)
        self.step = self.teacher.step
        return figures

    def look(self, last: bool) -> dict[str, float]:
        """Whole answers right on ``val``; the weights so far and a card are written."""
        figures = self.examine()
        self.point(figures)
        if self.group.first:
            self._write()
        return figures

    def finish(self) -> None:
        """The last look has written everything."""

    def _write(self) -> None:
        training, done = self.training, commit() or "unknown"
        about = {
            "base": self.base, "training": self.settings(), "commit": done, "curve": json.dumps(self.curve),
        }  # fmt: skip
        save_text_lora(self.out, self.network, about)
        last = self.curve[-1]
        rows = "\n".join(f"| {name} | {last[name]:.3f} |" for name in sorted(last, key=("seconds", "steps").count))
        told = _CARD.format(
            file=self.out.name, base=self.base, rows=rows, size=training.size, seed=training.pace.seed,
            minutes=training.minutes, parameters=sum(p.numel() for p in self.network.parameters()), commit=done,
        )  # fmt: skip
        self.out.with_suffix(".md").write_text(told)


_CARD = """# {file}

Writes a LoRA for {base} from the description of a robot-language task (`memory_agent_ros/adapters/text.py`,
Text-to-LoRA, arXiv 2506.06105).

- Data: the library of `memory_agent_ros/evaluation/adapters/text_tasks.py`, drawn without end; held-out tasks,
  wordings and commands are not among it. No data of others.
- Learnt: the hypernetwork, end to end through the frozen model; {parameters} parameters.
- Command: `memory-agent train text-lora --size {size} --seed {seed} --minutes {minutes:g} --out FILE`, commit {commit}.
- Licence: Apache-2.0, as the package.

Whole answers right under held-out wordings (`val`):

| figure | value |
|---|---|
{rows}
"""
