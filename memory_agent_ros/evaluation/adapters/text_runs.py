"""All arms of text-to-LoRA with one training seed, on one frozen model, and what each answers. Needs torch.

What is trained sees the same number of lessons of the same size, on the library's tasks; ``task_lora`` alone is trained
on the held-out tasks themselves, one adapter for each, and shows what an adapter of this size can do.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from memory_agent_ros.adapters.application import AdaptedModel
from memory_agent_ros.adapters.rows import LoraRows
from memory_agent_ros.adapters.text import TextEmbedder, TextToLora, rows_loss
from memory_agent_ros.evaluation.adapters.text_exam import Adapters, Exam, exam, scores
from memory_agent_ros.evaluation.adapters.text_models import cosine
from memory_agent_ros.evaluation.adapters.text_tasks import Task
from memory_agent_ros.evaluation.training.text_lessons import Library, Pace, Rows, Teacher, lessons, teach
from memory_agent_ros.evaluation.training.train_text_lora import (
    TextTraining,
    adapted_of,
    base_of,
    library_of,
    network_of,
    teacher_of,
    training_of,
    written_by,
)
from memory_agent_ros.evaluation.walks.walk import cache_folder
from memory_agent_ros.reasoning.language.embedded import LoadedModel

ARMS = (
    "base", "base_described", "multi_task", "multi_task_described", "task_lora", "generated", "shuffled",
    "reconstruction",
)  # fmt: skip


@dataclass(frozen=True)
class TextComparison:
    """What is compared.

    Attributes:
        training: of the hypernetwork; its seeds are replaced by each training seed.
        shared_rate: learning rate of the adapters that all tasks share.
        own_rate: of the adapters that one task has for itself.
        own_steps: lessons of those; each task has its turn in a share of them.
        reconstructed: tasks whose adapters are reconstructed.
        reconstruction_steps: of the hypernetwork that reconstructs.
        split: of the held-out tasks.
    """

    training: TextTraining = field(default_factory=TextTraining)
    shared_rate: float = 3e-3
    own_rate: float = 5e-3
    own_steps: int = 500
    reconstructed: int = 64
    reconstruction_steps: int = 1500
    split: str = "test"


def comparison_of(size: str, split: str, minutes: float | None = None) -> TextComparison:
    """The settings of a size.

    Args:
        size: ``tiny`` or ``embedded``.
        split: of the held-out tasks.
        minutes: longest time of each training.

    Raises:
        BadInputError: ``size_unknown``.
    """
    found = TextComparison(training_of(size, 0, minutes), split=split)
    if size == "embedded":
        return replace(found, shared_rate=3e-4, own_rate=1e-3, own_steps=400, reconstructed=24)
    return found


def text_cache() -> Path:
    """Where frozen models and runs are kept."""
    return cache_folder().parent / "text_lora"


def cached_run(seed: int, comparison: TextComparison, progress: bool = False) -> dict[str, Any]:
    """:func:`run`, or what it gave before with the same settings and code."""
    told = json.dumps([seed, asdict(comparison), _code()], sort_keys=True)
    path = text_cache() / f"{comparison.training.size}-{seed}-{hashlib.sha256(told.encode()).hexdigest()[:16]}.json"
    if path.exists():
        found: dict[str, Any] = json.loads(path.read_text())
        return found
    from memory_agent_ros.perception.embedders.minilm import MiniLmEmbedder

    result = run(seed, comparison, MiniLmEmbedder.from_package(), text_cache(), progress=progress)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    draft.write_text(json.dumps(result))
    draft.replace(path)
    return result


def run(
    seed: int, comparison: TextComparison, embedder: TextEmbedder, folder: Path, *, progress: bool = False
) -> dict[str, Any]:
    """Train every arm with one seed and examine it.

    Args:
        seed: of the tiny model, the library, the lessons and the weights.
        comparison: what is compared.
        embedder: of descriptions.
        folder: where tiny models are kept.
        progress: show bars.

    Returns:
        JSON-ready: by arm, by kind of tasks (``combination``, ``attribute``, ``trained``) the score of each task;
        ``seconds`` of each training.
    """
    torch.set_num_threads(1)
    comparison = replace(comparison, training=_seeded(comparison.training, seed))
    training, started = comparison.training, time.monotonic()
    told = hashlib.sha256(json.dumps(asdict(training), sort_keys=True).encode()).hexdigest()[:12]
    base = base_of(training, folder / f"base-{seed}-{told}", progress=progress)
    work = _Work(comparison, base, adapted_of(training, base), library_of(training), embedder, progress)
    seconds = {"base": time.monotonic() - started}
    asked = exam(comparison.split, work.library)
    out = dict[str, dict[str, list[float]]]()
    for title, make in _MAKERS.items():
        begun = time.monotonic()
        for arm, (adapters, in_prompt, swap) in make(work, asked).items():
            shown = asked.swapped() if swap else asked
            found = scores(work.adapted, base.tokenizer, shown, adapters, in_prompt=in_prompt)
            out[arm] = asked.by_kind(found.round(4))
        seconds[title] = round(time.monotonic() - begun, 1)
    return {"seed": seed, "size": training.size, "arms": out, "seconds": seconds, "base": base.name}


@dataclass(frozen=True)
class _Work:
    """What all arms share."""

    comparison: TextComparison
    base: LoadedModel
    adapted: AdaptedModel
    library: Sequence[Task]
    embedder: TextEmbedder
    progress: bool

    @property
    def training(self) -> TextTraining:
        return self.comparison.training

    def network(self) -> TextToLora:
        return network_of(self.training, self.adapted, self.embedder)

    def course(self, library: Sequence[Task], pace: Pace, in_prompt: bool = False) -> Iterator[Any]:
        return lessons(library, self.base.tokenizer, self.embedder, pace, in_prompt=in_prompt)

    def teach(self, teacher: Teacher, course: Iterator[Any], title: str) -> None:
        teach(teacher, course, title, minutes=self.training.minutes, progress=self.progress)


#: Adapters of an examination, whether descriptions stand in the prompt, whether they are swapped.
_Answers = dict[str, tuple[Adapters, bool, bool]]


def _base(work: _Work, _: Exam) -> _Answers:
    def nothing(_: object, __: object) -> None:
        return None

    return {"base": (nothing, False, False), "base_described": (nothing, True, False)}


def _multi_task(work: _Work, _: Exam, in_prompt: bool = False) -> _Answers:
    """One LoRA for all tasks."""
    network = work.network()
    pace = replace(work.training.pace, rate=work.comparison.shared_rate)
    teacher = Teacher(work.adapted, lambda lesson: network.shared(), list(network.bias.values()), pace)
    name = "multi_task_described" if in_prompt else "multi_task"
    work.teach(teacher, work.course(work.library, pace, in_prompt), name)
    return {name: (lambda _, __: network.shared(), in_prompt, False)}


def _described(work: _Work, exam: Exam) -> _Answers:
    return _multi_task(work, exam, in_prompt=True)


def _generated(work: _Work, _: Exam) -> _Answers:
    network = work.network()
    teacher = teacher_of(network, work.adapted, work.training.pace)
    work.teach(teacher, work.course(work.library, work.training.pace), "generated")
    adapters = written_by(network.eval(), work.embedder)
    return {"generated": (adapters, False, False), "shuffled": (adapters, False, True)}


def _task_lora(work: _Work, exam: Exam) -> _Answers:
    """An adapter for each task of the examination, trained on it."""
    rows = _own_adapters(work, exam.tasks, "task_lora")
    return {"task_lora": (lambda numbers, _: rows.pick(list(numbers)), False, False)}


def _own_adapters(work: _Work, tasks: Sequence[Task], title: str) -> LoraRows:
    library = Library(work.network().shared(), len(tasks))
    pace = replace(work.training.pace, rate=work.comparison.own_rate, steps=work.comparison.own_steps)
    rows: Rows = lambda lesson: library().pick(lesson.tasks[lesson.owner])  # noqa: E731
    work.teach(Teacher(work.adapted, rows, list(library.parameters()), pace), work.course(tasks, pace), title)
    made: LoraRows = library()
    return made.map(Tensor.detach)


def _reconstruction(work: _Work, _: Exam) -> _Answers:
    """The hypernetwork that reproduces adapters of trained tasks, and never sees an answer."""
    tasks, comparison = list(work.library[: work.comparison.reconstructed]), work.comparison
    wanted = _own_adapters(work, tasks, "adapters to reconstruct")
    network, pace = work.network(), work.training.pace
    with torch.no_grad():
        for kind, bias in network.bias.items():
            names = [t.name for t in network.targets if t.kind == kind]
            middles = [torch.cat([wanted.down[n].mean(dim=0), wanted.up[n].mean(dim=0)], dim=-1) for n in names]
            bias.copy_(torch.stack(middles))
    spread = {n: (_spread(a), _spread(wanted.up[n])) for n, a in wanted.down.items()}
    optimiser = torch.optim.AdamW(network.parameters(), lr=pace.rate, weight_decay=0.0)
    course = work.course(tasks, pace)
    for step in range(comparison.reconstruction_steps):
        for group in optimiser.param_groups:
            group["lr"] = pace.rate * cosine(step, step / comparison.reconstruction_steps)
        lesson = next(course)
        loss = rows_loss(network(lesson.vectors), wanted.pick(lesson.tasks), spread)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
    return {"reconstruction": (written_by(network.eval(), work.embedder), False, False)}


def _spread(values: Tensor) -> Tensor:
    """Of each number over the library; numbers that hardly differ count as those that differ a little."""
    found = values.std(dim=0)
    return found.clamp(min=0.1 * float(found.mean()) + 1e-8)


_MAKERS: dict[str, Callable[[_Work, Exam], _Answers]] = {
    "base": _base,
    "multi_task": _multi_task,
    "multi_task_described": _described,
    "generated": _generated,
    "task_lora": _task_lora,
    "reconstruction": _reconstruction,
}


def _seeded(training: TextTraining, seed: int) -> TextTraining:
    practice = None if training.practice is None else replace(training.practice, seed=seed)
    return replace(training, practice=practice, pace=replace(training.pace, seed=seed))


@cache
def _code() -> str:
    """Digest of the code that decides what a run gives."""
    import memory_agent_ros

    package = Path(memory_agent_ros.__file__).parent
    files = [
        *(package / "adapters" / name for name in ("application.py", "rows.py", "text.py")),
        *sorted((package / "evaluation" / "adapters").glob("text_*.py")),
        package / "evaluation" / "adapters" / "tiny_model.py",
        *(
            package / "evaluation" / "training" / f"{name}.py"
            for name in ("learning", "text_lessons", "train_text_lora")
        ),
    ]
    return hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()[:16]
