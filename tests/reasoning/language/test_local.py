"""Models in this process: whatever the weights, calls are valid; what is kept between turns changes nothing."""

from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("llguidance")

import torch

from memory_agent_ros.reasoning.calls import check_references
from memory_agent_ros.reasoning.language.embedded import LoadedModel
from memory_agent_ros.reasoning.language.local import LocalConfig, LocalModel
from memory_agent_ros.reasoning.language.model import LanguageModelError
from memory_agent_ros.reasoning.transcript import Transcript, context_text
from tests.reasoning.language import tiny

NAMES = SimpleNamespace(things=("mug", "red mug"), rooms=("bath room", "kitchen"), version=1)
FACTS = ["a mug is in the kitchen", "a red mug is in the bath room"]


def local(config: LocalConfig | None = None, seed: int = 0, kind: str = "llama") -> LocalModel:
    words = tiny.tokenizer()
    return LocalModel(LoadedModel(tiny.model(len(words), kind, seed), words, "tiny"), config)


def played(model: LocalModel, question: str, turns: int = 5) -> list[Any]:
    """What a model calls when every call gives the same."""
    transcript, out = Transcript(question, ("mug", "kitchen")), []
    for _ in range(turns):
        emission = model.next_call(transcript, NAMES)
        out.append(emission)
        if emission.call.is_answer:
            break
        transcript = transcript.after(emission.call, "1 mug present")
    return out


@pytest.mark.parametrize("kind", ["llama", "qwen2"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_calls_are_valid_and_reuse_changes_nothing(kind: str, seed: int) -> None:
    kept, anew = local(seed=seed, kind=kind), local(LocalConfig(reuse=False), seed, kind)
    for question in ("where is the mug?", "what is next to it?"):
        found, plain = played(kept, question), played(anew, question)
        assert [e.call for e in found] == [e.call for e in plain]
        for one, other in zip(found, plain, strict=True):
            assert one.log_prob == pytest.approx(other.log_prob, abs=1e-3) and one.log_prob <= 0
            assert one.mass == pytest.approx(other.mass, rel=1e-3) and 0 <= one.mass <= 1
            assert one.tokens == other.tokens > 0
        check_references([e.call for e in found])
    assert kept.cached.tokens_read < anew.cached.tokens_read / 2


def test_names_follow_the_memory() -> None:
    model = local(seed=1)
    only = SimpleNamespace(things=("zebra",), rooms=(), version=2)
    asked = Transcript("where?", ())
    for names in (NAMES, only, NAMES):
        made = model.next_call(asked, SimpleNamespace(things=names.things, rooms=names.rooms, version=names.version))
        thing = made.call.arguments.get("thing")
        assert thing in (None, "anything", "nothing", *names.things)
        assert made.call.arguments.get("in") in (None, *names.rooms)


def test_a_choice_is_read_by_its_likelihood_with_the_end_of_its_line() -> None:
    words = tiny.tokenizer()
    network = tiny.model(len(words))
    model = LocalModel(LoadedModel(network, words, "tiny"))
    choices = ["kitchen", "bath room", "mug"]
    found = model.read(FACTS, "where is the mug?", choices)
    start = words.encode(context_text(FACTS, "where is the mug?"))
    scores = []
    for choice in choices:
        end = words.encode(f" {choice}") + words.encode("\n")
        with torch.inference_mode():
            heard = network(torch.tensor([start + end])).logits[0].log_softmax(dim=-1)
        scores.append(sum(float(heard[len(start) - 1 + n, t]) for n, t in enumerate(end)))
    wanted = torch.tensor(scores).softmax(dim=0)
    assert list(found.probabilities) == choices
    assert torch.allclose(torch.tensor(list(found.probabilities.values())), wanted, atol=1e-4)
    assert found.text == choices[int(wanted.argmax())]


def test_free_answers_are_one_line_and_short() -> None:
    found = local(LocalConfig(reading_tokens=6)).read(FACTS, "where is the mug?")
    assert "\n" not in found.text and len(found.text) < 60 and not found.probabilities


def test_time_is_limited() -> None:
    with pytest.raises(LanguageModelError, match="took over 0 s"):
        local(LocalConfig(seconds=0.0)).next_call(Transcript("where is the mug?"), NAMES)


def test_instructions_are_read_once() -> None:
    model = local(LocalConfig(instructed=True))
    model.next_call(Transcript("where is the mug?"), NAMES)
    first = model.cached.tokens_read
    model.next_call(Transcript("how many mugs are there?"), NAMES)
    assert model.cached.tokens_read - first < first / 4


def test_calls_of_dialogue_may_name_what_was_spoken_of() -> None:
    transcript = Transcript("and which is it?", (), ("where is the mug?", "in the kitchen"))
    found = [local(seed=s).next_call(transcript, NAMES).call for s in range(6)]
    for one in found:
        check_references([one], dialogue=True)
    assert any("$0" in str(c) for c in found), found
