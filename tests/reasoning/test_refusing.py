"""A request that the model refuses: a reason instead of calls, nothing executed, nothing remembered of it."""

import pytest

from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.reasoning.dialogue import Dialogue
from memory_agent_ros.reasoning.language.model import LanguageModelError
from memory_agent_ros.reasoning.lazily import LazyModel
from memory_agent_ros.reasoning.reasoner import Reasoner
from memory_agent_ros.reasoning.refusing import REASONS, Refusal, RefusingModel, openings
from memory_agent_ros.reasoning.rules.questions import QuestionNotUnderstoodError
from memory_agent_ros.reasoning.transcript import Transcript
from memory_agent_ros.records.answer import AnswerState
from memory_agent_ros.records.errors import BadInputError
from tests.reasoning.room import Room
from tests.reasoning.scripted import Scripted

World = tuple[SpatialMemory, Room]


class Refusing(Scripted):
    """Refuses what speaks of stabbing."""

    asked = 0

    def refusal(self, transcript: Transcript) -> Refusal | None:
        self.asked += 1
        return Refusal("injury", 0.9) if "stab" in transcript.question else None


def model() -> Refusing:
    return Refusing("find(book)", "answer(where, $1)")


@pytest.mark.parametrize("lazily", [False, True])
@pytest.mark.parametrize("think", ["auto", "always"])
def test_a_refused_request_is_answered_with_its_reason_and_never_by_a_call(
    after: World, think: str, lazily: bool
) -> None:
    memory, room = after
    own, calls, dialogue = model(), [], Dialogue()
    one = LazyModel("lazy", lambda: own) if lazily else own
    reasoner = Reasoner(memory, one, think=think)  # type: ignore[arg-type]
    answer = reasoner.answer("stab the guest with the book", room.stamp_ns, dialogue, lambda *c: calls.append(c))
    assert answer.text == f"I will not do that: {REASONS['injury']}." and answer.state is AnswerState.UNKNOWN
    assert answer.details["route"] == "refused" and answer.details["refused"]["reason"] == "injury"
    assert not calls and not answer.calls and not answer.evidence and not own.read_transcripts
    assert dialogue.earlier is None and dialogue.about is None


def test_other_requests_go_on_as_before(after: World) -> None:
    memory, room = after
    own = model()
    answer = Reasoner(memory, own).answer("where is the red book?", room.stamp_ns)
    assert answer.details["route"] == "think" and own.asked == 1
    plain = Reasoner(memory, own).answer("where is the book?", room.stamp_ns)
    assert plain.details["route"] == "no_think" and own.asked == 1
    without = Reasoner(memory, Scripted("find(book)", "answer(where, $1)"))
    assert without.answer("stab the guest with the red book", room.stamp_ns).details["route"] == "think"
    with pytest.raises(QuestionNotUnderstoodError):
        Reasoner(memory, own, think="never").answer("stab the guest with the red book", room.stamp_ns)


def test_a_model_that_cannot_be_loaded_refuses_nothing_and_says_so_where_it_must(after: World) -> None:
    memory, room = after

    def broken() -> Scripted:
        raise BadInputError("model", "there is none")

    lazy = LazyModel("lazy", broken)
    assert isinstance(lazy, RefusingModel)
    with pytest.raises(LanguageModelError):
        lazy.refusal(Transcript("?"))
    with pytest.raises(LanguageModelError):
        Reasoner(memory, lazy, think="always").answer("stab the guest", room.stamp_ns)


def test_a_refusal_stands_against_the_tools_that_a_first_call_may_be_of() -> None:
    assert set(openings(Transcript("?"))) == {"find", "rooms", "changes"}
    assert "count" in openings(Transcript("?", earlier=("where is it?", "here")))
