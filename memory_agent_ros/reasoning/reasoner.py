"""The face of the reasoner: a question in, an answer with its evidence out.

    reasoner = Reasoner(memory)                      # templates and tools alone
    reasoner = Reasoner(memory, model=load_model())  # a language model for what the templates are not sure of
    reasoner.answer("how many mugs are in the kitchen?")

Routes, in ``answer.details["route"]``:

- ``no_think``: the templates surely understand the question; tools alone answer it.
- ``think``: the language model turns it into calls, one by one.
- ``rules``: the templates answer as well as they can: there is no model, or it failed, or the question is one that
  calls cannot say (a corner of a room, coordinates).
- ``closed_book``: nothing was looked up, adapters answered.
- ``refused``: the language model refuses the request, with a reason; nothing was called. What templates and tools
  alone answer is a plain question and not shown to it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Literal, Protocol, runtime_checkable

from memory_agent_ros.reasoning.acting import LOOK, ActingTools
from memory_agent_ros.reasoning.agent import Agent, OnCall
from memory_agent_ros.reasoning.dialogue import Dialogue, refers_back
from memory_agent_ros.reasoning.internalised import Internalised, choices_of, with_recall
from memory_agent_ros.reasoning.known import Meaning, known_names, opening
from memory_agent_ros.reasoning.language.model import LanguageModel, LanguageModelError, Talk, TalkingModel
from memory_agent_ros.reasoning.memory_reader import MemoryReader
from memory_agent_ros.reasoning.names import MemoryNames, names_of
from memory_agent_ros.reasoning.refusing import RefusingModel, refused_answer
from memory_agent_ros.reasoning.results import Result
from memory_agent_ros.reasoning.rules.pictures import corner_room
from memory_agent_ros.reasoning.rules.questions import QuestionKind, QuestionNotUnderstoodError, parse, singular
from memory_agent_ros.reasoning.rules.reasoner import UNCHECKED, RuleReasoner
from memory_agent_ros.reasoning.rules.translate import Translation, loosely, translate
from memory_agent_ros.reasoning.self_knowledge import SelfKnowledge, Where, with_knowledge
from memory_agent_ros.reasoning.signals import signals_of
from memory_agent_ros.reasoning.toolbox import Toolbox
from memory_agent_ros.reasoning.tools.workspace import Looker
from memory_agent_ros.reasoning.transcript import Transcript
from memory_agent_ros.reasoning.worded import worded
from memory_agent_ros.records.answer import Answer, AnswerState

Think = Literal["auto", "always", "never"]


@runtime_checkable
class Forgets(Protocol):
    """A language model that keeps what it read last."""

    def forget(self) -> None:
        """Let go of it."""
        ...


class Reasoner:
    """Answers questions from anything that reads like a memory.

    Args:
        memory: what is asked.
        model: turns questions into calls; without one the templates serve.
        vision: reads pictures for ``describe_view``.
        think: ``auto`` uses the model where the templates are not sure, ``always`` for every question, ``never`` not.
        budget_s: wall seconds for a question that the model works on.
        meaning: finds names of the memory that mean what a question says in other words.
        knowing: decides whether what was found is told, and how sure that is; all is told, uncalibrated, without one.
        acting: tools that act, with the names that are allowed; none by default.
        own_words: let the model word what it answered, where its words hold; the templates' sentences otherwise. In a
            dialogue it knows what was said before, in constant memory however long that goes on.
        internalised: adapters that answer what the memory does not tell, where they say that they hold it.
    """

    def __init__(
        self,
        memory: MemoryReader,
        model: LanguageModel | None = None,
        vision: Looker | None = None,
        *,
        think: Think = "auto",
        budget_s: float = 20.0,
        meaning: Meaning | None = None,
        knowing: SelfKnowledge | None = None,
        acting: ActingTools | None = None,
        own_words: bool = False,
        internalised: Internalised | None = None,
    ) -> None:
        self._memory = memory
        self._model = model
        self._vision = vision
        self._think: Think = think
        self._budget_s = budget_s
        self._meaning = meaning
        self._knowing = knowing or SelfKnowledge()
        self._acting = acting or ActingTools()
        self._own_words = own_words
        self._internalised = internalised
        self._names: MemoryNames | None = None

    def answer(
        self,
        question: str,
        now_ns: int | None = None,
        dialogue: Dialogue | None = None,
        on_call: OnCall | None = None,
        *,
        think: Think | None = None,
        budget_s: float | None = None,
    ) -> Answer:
        """Answer one question.

        Args:
            question: English.
            now_ns: the clock that "ago" refers to; the last time anything was looked at if None.
            dialogue: what was said before; the answer is added to it.
            on_call: told of each call as it happens; what it raises ends the question.
            think: instead of the reasoner's own.
            budget_s: instead of the reasoner's own.

        Raises:
            QuestionNotUnderstoodError: the templates do not understand it, and there is no model that could.
            LanguageModelError: ``think`` is ``always`` and there is no model, or it failed.
        """
        way = _Way(question, now_ns, dialogue, on_call, think or self._think, budget_s or self._budget_s)
        answer = self._answer(way)
        if (
            answer.details.get("look_for")
            and LOOK in self._acting
            and self._acting.act(LOOK, answer.details["look_for"])
        ):
            answer = self._answer(way)
        if dialogue is not None and answer.details.get("route") != "refused":  # what was refused colours nothing
            dialogue.add(question, answer)
        return answer

    def _answer(self, way: _Way) -> Answer:
        before, names = self._names, names_of(self._memory, self._names)
        self._names = names
        model: object = self._model
        if before is not None and not set(before.things) <= set(names.things) and isinstance(model, Forgets):
            model.forget()  # something was forgotten: what the model read of it must not stay
        follows = way.dialogue is not None and way.dialogue.about is not None
        sure = None
        if way.think != "always":
            helped = self._model is not None and way.think == "auto"
            sure = translate(way.question, self._memory, names, follows, lambda noun: self._unheard(noun, helped))
        if sure is not None:
            return self._finished(self._by_tools(sure, way), "no_think", sure.noun, names, way)
        if way.think == "always" and self._model is None:
            raise LanguageModelError("there is no language model; name one, or do not ask for thinking")
        failure, noun = "", _noun(way.question, names)
        sayable = way.think == "always" or (way.think == "auto" and not _beyond_calls(way.question))
        if sayable and (refused := self._refused(names, way)) is not None:
            return refused
        if self._model is not None and sayable:
            try:
                return self._finished(self._by_model(self._model, names, way), "think", noun, names, way)
            except LanguageModelError as error:
                if way.think == "always":
                    raise
                failure = str(error)
        try:
            return self._finished(self._by_rules(way, failure, follows), "rules", noun, names, way)
        except QuestionNotUnderstoodError:
            recalled = self._by_adapters(_not_understood(way), "closed_book", noun, names, way)
            if recalled is None:
                raise
            return recalled

    def _unheard(self, noun: str, helped: bool) -> bool:
        """Whether a noun surely means nothing in the memory. A model would know words that mean the same better."""
        if self._names is None or not helped:
            return True
        return self._meaning is not None and not known_names(noun, self._names, self._meaning)

    def _box(self, way: _Way, noun: str) -> Toolbox:
        about = way.dialogue.about if way.dialogue is not None else None
        return Toolbox(self._memory, way.now_ns, self._vision, about, noun)

    def _by_tools(self, sure: Translation, way: _Way) -> Answer:
        box, results = self._box(way, sure.noun), list[Result]()
        for number, call in enumerate(sure.calls[:-1], start=1):
            results.append(box.execute(call, results))
            if way.on_call is not None:
                way.on_call(number, call, results[-1].short)
        answer = box.answer(sure.calls[-1], results, sure.calls[:-1])
        if way.on_call is not None:
            way.on_call(len(sure.calls), sure.calls[-1], answer.details["short"])
        sure_of = {"memory": float(answer.confidence)}
        return dataclasses.replace(answer, details={**answer.details, "confidence": sure_of})

    def _by_model(self, model: LanguageModel, names: MemoryNames, way: _Way) -> Answer:
        transcript = self._opening(names, way)
        box = self._box(way, _noun(way.question, names))
        answer = Agent(model, way.budget_s).answer(transcript, names, box, way.on_call)
        if not self._own_words:
            return answer
        return worded(answer, way.question, model, names, _talk(model, way.dialogue))

    def _opening(self, names: MemoryNames, way: _Way) -> Transcript:
        earlier = way.dialogue.earlier if way.dialogue is not None and refers_back(way.question, names) else None
        return opening(way.question, names, self._meaning, earlier)

    def _refused(self, names: MemoryNames, way: _Way) -> Answer | None:
        """What is told where the model refuses; None where it does not, or cannot be asked."""
        model: object = self._model
        if not isinstance(model, RefusingModel):
            return None
        try:
            refusal = model.refusal(self._opening(names, way))
        except LanguageModelError:
            return None
        return None if refusal is None else refused_answer(refusal, way.now_ns, model.name)

    def _by_rules(self, way: _Way, failure: str, follows: bool) -> Answer:
        """As well as templates can: by the tools where calls can say it."""
        loose = None
        if self._names is not None and not _beyond_calls(way.question):
            loose = loosely(way.question, self._memory, self._names, follows)
        answer = self._without_calls(way, failure) if loose is None else _hedged(self._by_tools(loose, way), loose)
        details = {**answer.details, "model_failed": failure} if failure else answer.details
        return dataclasses.replace(answer, details=details)

    def _without_calls(self, way: _Way, failure: str) -> Answer:
        try:
            answer = RuleReasoner(self._memory).answer(way.question, way.now_ns)
        except QuestionNotUnderstoodError as error:
            reason = failure or ("thinking is off" if self._model is not None else "there is no language model")
            raise QuestionNotUnderstoodError(f"{error} (A language model might understand it: {reason}.)") from error
        about = list(dict.fromkeys(e.object_id for e in answer.evidence))
        sure_of = {"memory": float(answer.confidence)}
        details = {**answer.details, "about": about, "short": answer.text, "confidence": sure_of, "now_ns": way.now_ns}
        return dataclasses.replace(answer, details={**details, "no_calls": "no list of calls says this question"})

    def _finished(self, answer: Answer, route: str, noun: str, names: MemoryNames, way: _Way) -> Answer:
        """With its route, and as self-knowledge has it: told or not, how sure, what to look for."""
        seen = signals_of(way.question, answer, route, self._memory, names, self._meaning)
        general = self._model is not None and not noun and not known_names(way.question, names)
        knowledge = self._knowing.knowledge(answer, seen, noun, general=general)
        if knowledge.where in (Where.IN_WEIGHTS, Where.NOWHERE):
            recalled = self._by_adapters(answer, route, noun, names, way)
            if recalled is not None:
                return recalled
        details = {**answer.details, "route": route, "signals": seen.to_dict()}
        answer = with_knowledge(dataclasses.replace(answer, details=details), knowledge)
        return self._of_itself(answer, way) if knowledge.where is Where.IN_WEIGHTS else answer

    def _by_adapters(self, answer: Answer, route: str, noun: str, names: MemoryNames, way: _Way) -> Answer | None:
        """What adapters answer where self-knowledge says that the answer lives there; None where it does not."""
        relevance = None if self._internalised is None else self._internalised.relevance(way.question)
        if self._internalised is None or relevance is None:
            return None
        seen = signals_of(way.question, answer, route, self._memory, names, self._meaning)
        known = self._knowing.knowledge(answer, seen, noun, adapter_relevance=relevance)
        if known.where is not Where.IN_ADAPTER:
            return None
        recall = self._internalised.recall(way.question, choices_of(way.question, names))
        if recall is None:
            return None
        known = self._knowing.recalled(known, recall.confidence)
        details = {**answer.details, "route": route, "signals": seen.to_dict()}
        answer = dataclasses.replace(answer, details=details)
        return with_recall(answer, recall, known) if known.where is Where.IN_ADAPTER else None

    def _of_itself(self, answer: Answer, way: _Way) -> Answer:
        """What the language model knows without any memory, said to be so; to the memory it stays unknown."""
        if self._model is None:
            return answer
        try:
            text = self._model.read([], way.question).text
        except LanguageModelError:
            return answer
        details = {**answer.details, "from_memory": False}
        return dataclasses.replace(answer, text=f"Not from my memory: {text}", details=details)


@dataclasses.dataclass(frozen=True, eq=False)
class _Way:
    """A question with all that was asked about it."""

    question: str
    now_ns: int | None
    dialogue: Dialogue | None
    on_call: Callable[..., None] | None
    think: Think
    budget_s: float


def _not_understood(way: _Way) -> Answer:
    """What there is to say of a question that only adapters may be able to answer."""
    details: dict[str, object] = {"about": [], "short": "not known", "now_ns": way.now_ns}
    return Answer("I do not know.", AnswerState.UNKNOWN, 0.5, details=details)


def _talk(model: LanguageModel, dialogue: Dialogue | None) -> Talk | None:
    """The dialogue as the model keeps it, begun now if it does not yet."""
    if dialogue is not None and dialogue.talk is None and isinstance(model, TalkingModel):
        talk = model.talk()
        if talk is not None:
            dialogue.keep_in(talk)
    return dialogue.talk if dialogue is not None else None


def _hedged(answer: Answer, loose: Translation) -> Answer:
    """An answer of calls that leave out what things were said to be like."""
    if not loose.unchecked or not answer.evidence:
        return answer
    sure = UNCHECKED * float(answer.confidence)
    text = f"{answer.text} I could not check whether it is {', '.join(map(repr, loose.unchecked))}."
    details = {**answer.details, "confidence": {"memory": sure}, "unchecked": list(loose.unchecked)}
    return dataclasses.replace(answer, text=text, confidence=sure, details=details)


def _beyond_calls(question: str) -> bool:
    """Whether it is of a kind that templates understand and calls cannot say."""
    try:
        asked = parse(question)
    except QuestionNotUnderstoodError:
        return False
    return asked.kind is QuestionKind.REGION or corner_room(asked.subject) is not None


def _noun(question: str, names: MemoryNames) -> str:
    """What a question calls the thing that it is about, if the memory has no such name; "" if that is not plain."""
    try:
        subject = singular(parse(question).subject)
    except QuestionNotUnderstoodError:
        return ""
    return subject if len(subject.split()) <= 3 and subject not in names else ""
