"""Knowing what one knows: where the answer to a question lives, and what to do about it.

An answer lives in what the camera sees now (*in view*), in the stored memory (*in store*), in an adapter into which
memory was written (*in adapter*), in the language model's own weights (*in weights*), or *nowhere*. From that follows
the deed: answer, look (go and see, through the Explore action, where that is allowed) or abstain. This alone decides:
the tools say how sure they are, an adapter how relevant it is, and no more.

The split into places is NanoKnow's (arXiv 2602.20122), the threshold on a calibrated probability is selective
prediction's (Geifman and El-Yaniv, arXiv 1705.08500).
"""

from __future__ import annotations

import dataclasses
import enum
from dataclasses import dataclass

from memory_agent_ros.reasoning.calibration import Calibrator, Uncalibrated, shipped
from memory_agent_ros.reasoning.signals import Signals, words_of
from memory_agent_ros.records.answer import Answer, AnswerState


class Where(enum.StrEnum):
    """Where an answer lives."""

    IN_VIEW = "in_view"
    IN_STORE = "in_store"
    IN_ADAPTER = "in_adapter"
    IN_WEIGHTS = "in_weights"
    NOWHERE = "nowhere"


class Deed(enum.StrEnum):
    """What to do."""

    ANSWER = "answer"
    LOOK = "look"
    ABSTAIN = "abstain"


class Reason(enum.StrEnum):
    """Why nothing is told."""

    NEVER_SEEN = "never_seen"
    NOT_TOLD = "not_told"
    DOUBTFUL = "doubtful"


_IN_WORDS = {
    Reason.DOUBTFUL: "I do not know: I am not sure that what I remember answers this.",
    Reason.NOT_TOLD: "I do not know: what I remember does not tell.",
}


@dataclass(frozen=True)
class Knowledge:
    """What is known of the answer to a question.

    Attributes:
        where: it lives.
        deed: that follows.
        confidence: probability that what is told is right; of "unknown", that nobody could know.
        known: probability that a memory could know it.
        look_for: what to look for where the deed is ``look``.
        reason: why nothing is told, "" where something is.
    """

    where: Where
    deed: Deed
    confidence: float
    known: float
    look_for: str = ""
    reason: Reason | None = None


@dataclass(frozen=True)
class SelfKnowledgeConfig:
    """What self-knowledge may use.

    Attributes:
        least_confidence: answers less likely right than this are not told either; 0 tells all that can be known.
        adapter_relevance: an adapter answers from this relevance on.
        general_knowledge: whether the language model may answer from its own weights what no memory tells; marked as
            not from memory.
    """

    least_confidence: float = 0.0
    adapter_relevance: float = 0.5
    general_knowledge: bool = False


class SelfKnowledge:
    """Decides what is done about a question.

    Args:
        calibrator: turns signals into probabilities; without one they are taken as they are.
        config: what may be used.
    """

    def __init__(self, calibrator: Calibrator | None = None, config: SelfKnowledgeConfig | None = None) -> None:
        self._calibrator = calibrator or Uncalibrated()
        self._config = config or SelfKnowledgeConfig()

    def knowledge(
        self,
        answer: Answer,
        signals: Signals,
        noun: str = "",
        *,
        adapter_relevance: float | None = None,
        general: bool = False,
    ) -> Knowledge:
        """Where the answer lives, and the deed.

        Args:
            answer: what memory and tools say.
            signals: of it.
            noun: what the question calls a thing that the memory does not hold, "" if it holds all that is asked for.
            adapter_relevance: how relevant an adapter says that it is, [0, 1]; None where there is no adapter.
            general: whether the question names nothing of this place, so that a language model may know of itself.
        """
        sure = self._calibrator
        known, right = sure.known(signals), sure.right(signals)
        told = not signals.unknown
        if told and known >= sure.least_known and right >= self._config.least_confidence:
            return Knowledge(Where.IN_VIEW if signals.in_view else Where.IN_STORE, Deed.ANSWER, right, known)
        if adapter_relevance is not None and adapter_relevance >= self._config.adapter_relevance:
            return Knowledge(Where.IN_ADAPTER, Deed.ANSWER, adapter_relevance, known)
        unsaid = 1.0 - known if told else right
        if general and self._config.general_knowledge and not answer.evidence:
            return Knowledge(Where.IN_WEIGHTS, Deed.ANSWER, unsaid, known, reason=Reason.NOT_TOLD)
        seek = self._seek(answer, signals, noun)
        if seek:
            return Knowledge(Where.NOWHERE, Deed.LOOK, unsaid, known, seek, Reason.NEVER_SEEN)
        return Knowledge(
            Where.NOWHERE, Deed.ABSTAIN, unsaid, known, reason=Reason.DOUBTFUL if told else Reason.NOT_TOLD
        )

    def closed_book(self, relevance: float) -> Knowledge:
        """Where an answer lives that only adapters may give, and the deed.

        Args:
            relevance: how relevant the most relevant one says that it is, [0, 1].
        """
        if relevance >= self._config.adapter_relevance:
            return Knowledge(Where.IN_ADAPTER, Deed.ANSWER, relevance, relevance)
        return Knowledge(Where.NOWHERE, Deed.ABSTAIN, 1.0 - relevance, relevance, reason=Reason.NOT_TOLD)

    def recalled(self, known: Knowledge, confidence: float) -> Knowledge:
        """The deed once an adapter has answered.

        Args:
            known: with the answer in an adapter.
            confidence: of what it answered.
        """
        if confidence >= self._config.least_confidence:
            return dataclasses.replace(known, confidence=confidence)
        return Knowledge(Where.NOWHERE, Deed.ABSTAIN, 1.0 - known.known, known.known, reason=Reason.DOUBTFUL)

    def _seek(self, answer: Answer, signals: Signals, noun: str) -> str:
        """What a look would help to find; "" where no look tells what is asked ("who bought the piano?")."""
        if not noun or answer.evidence:
            return ""
        own = set(words_of(noun))
        return "" if any(word not in own for word in self._calibrator.strange(signals)) else noun


def with_knowledge(answer: Answer, known: Knowledge) -> Answer:
    """An answer with its calibrated confidence and what is done about it; "unknown" in place of what is not told."""
    about = {**dataclasses.asdict(known), "reason": known.reason or ""}
    details = {**answer.details, "knowledge": about}
    if known.deed is Deed.LOOK:
        details["look_for"] = known.look_for
    answer = dataclasses.replace(answer, details=details, confidence=known.confidence)
    if known.deed is Deed.ANSWER or answer.state is AnswerState.UNKNOWN:
        return answer
    told = {"text": answer.text, "value": answer.value, "calls": list(answer.calls)}
    withheld = {**details, "withheld": told, "about": [], "short": "not known"}
    text = _IN_WORDS.get(known.reason or Reason.DOUBTFUL, _IN_WORDS[Reason.DOUBTFUL])
    return dataclasses.replace(answer, text=text, state=AnswerState.UNKNOWN, value=None, pictures=(), calls=(),
                               details=withheld)  # fmt: skip


def shipped_self_knowledge(with_model: bool, general_knowledge: bool = False) -> SelfKnowledge:
    """With the calibration that comes with this package, where it does better than none: without a language model.

    Args:
        with_model: whether a language model takes part; how sure memory and model are is then as well calibrated.
        general_knowledge: whether the model may answer from its own weights what names nothing of this place.
    """
    return SelfKnowledge(None if with_model else shipped(), SelfKnowledgeConfig(general_knowledge=general_knowledge))
