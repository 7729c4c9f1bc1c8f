"""The arms of the ``qa`` benchmark on one apartment: the same questions, answered in different ways.

- ``full``: the reasoner with its language model, on the memory that lived through the walk.
- ``oracle``: the same on the memory that knows the truth; pictures are still read by the same reader.
- ``gold_tool_call``: the right calls on the real memory: what is lost here, the memory lost.
- ``rule_parser``: the reasoner without a language model.
- ``no_pictures``: full, but nobody reads pictures.
- ``no_tools``: the language model reads facts that were retrieved for the question, written as text.
- ``blind``: the language model reads the question and nothing else.
- ``shuffled_pictures``, ``colour_histogram``: full's calls on attribute questions, with the pictures of other things,
  or with colour histograms in place of the picture reader.

Each question goes through the arms in an order of its own, and the language model forgets what it read between two of
them, so that no arm is faster for what another one did before it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from memory_agent_ros.evaluation.qa.marks import Apartment, Mark, TaskMarks
from memory_agent_ros.evaluation.qa.sample import Asked, told_of
from memory_agent_ros.evaluation.qa.scoring import RoomKey, abstains, right
from memory_agent_ros.evaluation.qa.tasks import Task, tasks_of
from memory_agent_ros.evaluation.qa.text_scoring import text_abstains, text_right
from memory_agent_ros.evaluation.qa.truth_memory import TruthMemory
from memory_agent_ros.evaluation.qa.walk_world import real_memory, walk_world
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.perception.factory import lazy_text_embedder
from memory_agent_ros.reasoning.calls import CallError, parse_call
from memory_agent_ros.reasoning.citing import recompute
from memory_agent_ros.reasoning.dialogue import Dialogue
from memory_agent_ros.reasoning.language.embedded import embedded_installed, reader_adapter
from memory_agent_ros.reasoning.language.model import LanguageModel
from memory_agent_ros.reasoning.reasoner import Reasoner
from memory_agent_ros.reasoning.retrieval.rendering import render_facts
from memory_agent_ros.reasoning.rules.questions import QuestionNotUnderstoodError
from memory_agent_ros.reasoning.self_knowledge import shipped_self_knowledge
from memory_agent_ros.reasoning.toolbox import Toolbox
from memory_agent_ros.reasoning.tools.workspace import Looker
from memory_agent_ros.reasoning.vision.looker import PictureLooker
from memory_agent_ros.reasoning.vision.reader import VisionReader
from memory_agent_ros.reasoning.vision.readers import vision_reader
from memory_agent_ros.records.answer import Answer, AnswerState
from memory_agent_ros.records.errors import BadInputError, MissingExtraError
from memory_agent_ros.records.map_object import MapObject

if TYPE_CHECKING:
    from memory_agent_ros.reasoning.language.local import LocalModel

MODEL_FREE: tuple[str, ...] = ("gold_tool_call", "rule_parser")
WITH_MODEL: tuple[str, ...] = ("full", "oracle", "no_pictures", "no_tools", "blind")
PIXEL_ARMS: tuple[str, ...] = ("shuffled_pictures", "colour_histogram")
ARMS = ("full", "no_pictures", "no_tools", "blind", "rule_parser", "gold_tool_call", "oracle", *PIXEL_ARMS)
#: Arms that start from what full answered.
AFTER_FULL: tuple[str, ...] = ("no_pictures", *PIXEL_ARMS)
#: Tokens of facts that the reader gets without tools.
CONTEXT_TOKENS = 512

Memory = SpatialMemory | TruthMemory


def run_apartment(
    split: str, seed: int, arms: Sequence[str] = ARMS, config: MemoryConfig | None = None, budget_s: float = 20.0
) -> Apartment:
    """The questions of one apartment, by those of the arms that can run here."""
    world = walk_world(split, seed)
    tasks = tasks_of(world, seed)
    embedder = lazy_text_embedder("auto")
    with SpatialMemory.open(
        real_memory(world, config), config, text_embedder=embedder, read_only=True
    ) as memory:  # fmt: skip
        bench = _Bench(memory, world.truth, budget_s)
        answerers = {arm: bench.arm(arm) for arm in with_needed(arms) if arm in available()}
        rng = np.random.default_rng(seed)
        marks = [_asked_of(answerers, task, rng) for task in tasks]
    return Apartment(seed, [_task_marks(t, m) for t, m in zip(tasks, marks, strict=True)])


def with_needed(arms: Sequence[str]) -> tuple[str, ...]:
    """Some arms, and full where one of them starts from its answer.

    Raises:
        BadInputError: ``arm_unknown``.
    """
    unknown = set(arms) - set(ARMS)
    if unknown:
        raise BadInputError("arm_unknown", f"no arm {', '.join(sorted(unknown))}; there are: {', '.join(ARMS)}")
    return tuple(a for a in ARMS if a in arms or (a == "full" and set(arms) & set(AFTER_FULL)))


def turns(arms: Sequence[str], rng: np.random.Generator) -> list[str]:
    """The arms in a drawn order, full before those that start from its answer."""
    order = [arms[i] for i in rng.permutation(len(arms))]
    after = [n for n, arm in enumerate(order) if arm in AFTER_FULL]
    if after and order.index("full") > after[0]:
        order.remove("full")
        order.insert(after[0], "full")
    return order


def _asked_of(answerers: dict[str, _Answerer], task: Task, rng: np.random.Generator) -> dict[str, Mark]:
    """One question, answered by each arm as if it were the only one."""
    row: dict[str, Mark] = {}
    for arm in turns(list(answerers), rng):
        if arm not in MODEL_FREE:
            language_model().forget()
        mark = answerers[arm](task, row)
        if mark is not None:
            row[arm] = mark
    return row


def available() -> tuple[str, ...]:
    """Arms that can run here; the rest needs weights that are not there."""
    found = MODEL_FREE
    if reader_adapter() is not None and embedded_installed():
        found += WITH_MODEL
        if picture_reader() is not None:
            found += PIXEL_ARMS
    return found


@lru_cache(maxsize=1)
def language_model() -> LocalModel:
    """The embedded language model with its reader LoRA, once a process."""
    from memory_agent_ros.reasoning.language.local import LocalModel

    return LocalModel.embedded()


@lru_cache(maxsize=1)
def picture_reader() -> VisionReader | None:
    """What reads pictures, None where its weights or packages are not there."""
    try:
        return vision_reader("embedded")
    except (BadInputError, MissingExtraError):
        return None


@lru_cache(maxsize=1)
def _histogram_reader() -> VisionReader:
    from memory_agent_ros.evaluation.vision.baselines import ColourHistogramReader

    return ColourHistogramReader.of_train()


def _task_marks(task: Task, marks: dict[str, Mark]) -> TaskMarks:
    s = task.sample
    lead = f"{s.before.question} >> " if s.before else ""
    return TaskMarks(
        task.number, s.klass, s.family, s.held_out, task.openeqa, s.asked.truth.state is AnswerState.UNKNOWN,
        task.form, lead + s.asked.question, s.asked.truth.text, marks,
    )  # fmt: skip


_Answerer = Callable[[Task, dict[str, Mark]], Mark | None]


class _Bench:
    """Answers the questions of one apartment by any arm."""

    def __init__(self, memory: SpatialMemory, truth: TruthMemory, budget_s: float) -> None:
        self._memory, self._truth, self._budget_s = memory, truth, budget_s
        self._now_ns = truth.now_ns
        self._key = RoomKey(memory.rooms(), truth.rooms())
        self._true_key = RoomKey(truth.rooms(), truth.rooms())
        self._meaning = lazy_text_embedder("auto")
        if self._meaning is not None:
            self._meaning.embed_texts(["mug"])  # loading it is no part of a question's time
        self._full: dict[int, Answer] = {}

    def arm(self, name: str) -> _Answerer:
        """What answers for an arm."""
        looker = self._looker(self._memory)
        makers: dict[str, Callable[[], _Answerer]] = {
            "gold_tool_call": lambda: lambda task, _: self._gold(task, looker),
            "rule_parser": lambda: self._by_reasoner(name, self._memory, None, looker),
            "full": lambda: self._by_reasoner(name, self._memory, language_model(), looker),
            "oracle": lambda: self._by_reasoner(name, self._truth, language_model(), self._looker(self._truth)),
            "no_pictures": self._without_pictures,
            "no_tools": lambda: lambda task, _: self._by_reading(task, self._facts(task)),
            "blind": lambda: lambda task, _: self._by_reading(task, []),
            "shuffled_pictures": lambda: self._again(self._shuffled()),
            "colour_histogram": lambda: self._again(PictureLooker(self._memory, _histogram_reader())),
        }
        return makers[name]()

    def _looker(self, memory: Memory) -> Looker | None:
        reader = picture_reader()
        return None if reader is None else PictureLooker(memory, reader)

    def _shuffled(self) -> Looker:
        from memory_agent_ros.evaluation.vision.baselines import ShuffledLooker

        looker = self._looker(self._memory)
        assert isinstance(looker, PictureLooker)
        return ShuffledLooker(looker, self._memory.objects())

    # -- by calls ----------------------------------------------------------------------------------------------

    def _gold(self, task: Task, looker: Looker | None) -> Mark:
        started = time.perf_counter()
        before: tuple[MapObject, ...] | None = None
        try:
            if task.sample.before is not None:
                before = self._told(task.sample.before, looker)
            box = Toolbox(self._memory, self._now_ns, looker, before)
            answer, _ = box.run(task.sample.asked.calls)
        except CallError as error:
            return Mark(False, False, seconds=time.perf_counter() - started, told=str(error))
        return self._mark(task, answer, time.perf_counter() - started, self._memory, looker)

    def _told(self, asked: Asked, looker: Looker | None) -> tuple[MapObject, ...]:
        _, results = Toolbox(self._memory, self._now_ns, looker).run(asked.calls)
        return told_of(asked.calls, results)

    def _by_reasoner(self, arm: str, memory: Memory, model: LanguageModel | None, looker: Looker | None) -> _Answerer:
        reasoner = Reasoner(
            memory, model, looker, think="auto" if model else "never", budget_s=self._budget_s, meaning=self._meaning,
            knowing=shipped_self_knowledge(model is not None),
        )  # fmt: skip

        def answer(task: Task, _: dict[str, Mark]) -> Mark:
            dialogue = Dialogue()
            try:
                if task.sample.before is not None:
                    reasoner.answer(task.sample.before.question, self._now_ns, dialogue)
                started = time.perf_counter()
                found = reasoner.answer(task.sample.asked.question, self._now_ns, dialogue)
            except QuestionNotUnderstoodError as error:
                unknown = task.sample.asked.truth.state is AnswerState.UNKNOWN
                return Mark(unknown, True, confidence=0.5, route="none", told=str(error)[:120])
            if arm == "full":
                self._full[task.number] = found
            return self._mark(task, found, time.perf_counter() - started, memory, looker)

        return answer

    def _without_pictures(self) -> _Answerer:
        """Where full did not look at pictures its answer stands."""
        anew = self._by_reasoner("no_pictures", self._memory, language_model(), None)

        def answer(task: Task, row: dict[str, Mark]) -> Mark | None:
            looked = any("describe_view" in str(step) for step in self._full[task.number].details.get("steps", ()))
            looked |= any("describe_view" in text for text in self._full[task.number].calls)
            return anew(task, row) if looked or task.sample.before is not None else row["full"]

        return answer

    def _again(self, looker: Looker | None) -> _Answerer:
        """Full's calls with another reader of pictures, of questions for what pictures show."""

        def answer(task: Task, row: dict[str, Mark]) -> Mark | None:
            if task.form != "attribute" or task.sample.asked.truth.state is AnswerState.UNKNOWN:
                return None
            full = self._full[task.number]
            if not full.calls:
                return row["full"]
            started = time.perf_counter()
            box = Toolbox(self._memory, self._now_ns, looker, full.details.get("before"))
            try:
                found, _ = box.run([parse_call(text) for text in full.calls])
            except CallError as error:
                return Mark(False, False, told=str(error))
            return self._mark(task, found, time.perf_counter() - started, self._memory, looker)

        return answer

    def _mark(self, task: Task, answer: Answer, seconds: float, memory: Memory, looker: Looker | None) -> Mark:
        key = self._true_key if memory is self._truth else self._key
        good = right(answer, task.sample.asked.truth, task.form, key)
        steps = max(0, len(answer.details.get("steps", answer.calls)) - (not answer.details.get("steps")))
        return Mark(
            good, abstains(answer), float(answer.confidence), seconds, str(answer.details.get("route", "")), steps,
            self._cites(answer, memory, looker), answer.text[:200],
        )  # fmt: skip

    def _cites(self, answer: Answer, memory: Memory, looker: Looker | None) -> bool | None:
        if abstains(answer):
            return None
        try:
            again = recompute(answer, memory, looker)
        except (BadInputError, CallError):
            return False
        return bool(again.value == answer.value)

    # -- by reading --------------------------------------------------------------------------------------------

    def _facts(self, task: Task) -> list[str]:
        before = task.sample.before
        question = f"{before.question} {task.sample.asked.question}" if before else task.sample.asked.question
        return render_facts(self._memory, question, CONTEXT_TOKENS, meaning=self._meaning, now_ns=self._now_ns)

    def _by_reading(self, task: Task, facts: Sequence[str]) -> Mark:
        before = task.sample.before
        question = f"{before.question} {task.sample.asked.question}" if before else task.sample.asked.question
        started = time.perf_counter()
        text = language_model().read(facts, question).text
        seconds = time.perf_counter() - started
        truth = task.sample.asked.truth
        return Mark(text_right(text, truth, task.form), text_abstains(text), seconds=seconds, told=text)
