"""A dialogue of days as a model keeps it: constant bytes, constant work, the words of a cache that drops nothing."""

import dataclasses
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from memory_agent_ros.attention.sink_cache import SinkConfig
from memory_agent_ros.reasoning.language.model import LanguageModelError, TalkingModel
from memory_agent_ros.reasoning.language.talk import RULES, StreamedTalk
from tests.reasoning.language import tiny
from tests.reasoning.language.test_local import local

SIZES = SinkConfig(pinned=48, recent=120, chunk=64)
FACTS = ["The mug is on the table."]


def talk(config: SinkConfig = SIZES, **kwargs: Any) -> StreamedTalk:
    words = tiny.tokenizer()
    return StreamedTalk(tiny.model(len(words)), words, None, config, tokens=8, **kwargs)


def test_the_first_words_are_those_of_the_plain_model() -> None:
    words = tiny.tokenizer()
    text = f"{RULES}Memory:\n- {FACTS[0]}\nQuestion: where is the mug?\nAnswer:"
    ids = words.encode(RULES) + words.encode(text[len(RULES) : text.index("Question")])
    ids += words.encode(text[text.index("Question") :])
    start, plain = len(ids), tiny.model(len(words))
    with torch.no_grad():
        for _ in range(8):
            ids.append(int(plain(torch.tensor([ids])).logits[0, -1].argmax()))
    assert words.eos_token_id not in ids, "the comparison is of whole lines"
    written = words.decode(ids[start:]).partition("\n")[0].strip()
    assert talk().words(FACTS, "where is the  mug?") == written != ""


def test_words_are_those_of_a_cache_that_drops_nothing_until_something_is_dropped() -> None:
    short, endless = talk(), talk(dataclasses.replace(SIZES, recent=600))
    same = []
    for turn in range(12):
        question, facts = f"where is the red mug {turn}?", [f"A mug is in the kitchen {turn}."]
        ours, wanted = short.words(facts, question), endless.words(facts, question)
        for one in (short, endless):
            one.add(question, f"in the bath room {turn}")
        same.append((short.state.evicted > 0, ours == wanted))
    assert all(equal for dropped, equal in same if not dropped) and [d for d, _ in same][:2] == [False, False]
    assert short.state.evicted > 0 == endless.state.evicted


def test_words_that_were_not_taken_leave_nothing_behind() -> None:
    tried, plain = talk(), talk()
    tried.words(FACTS, "where is the mug?")
    for one in (tried, plain):
        one.add("where is the mug?", "in the kitchen")
    assert tried.words(FACTS, "where is the red mug?") == plain.words(FACTS, "where is the red mug?")
    assert tried.state.seen == plain.state.seen


def test_a_thousand_turns_take_the_bytes_and_the_work_of_ten() -> None:
    one = talk()
    sizes, work, seen = [], [], 0
    for turn in range(1, 1001):
        if turn in (10, 100, 1000) or turn % 40 == 0:
            before = one.state.seen
            one.words(FACTS, "where is the mug?")
            sizes.append(one.state.nbytes)
            work.append(one.state.seen - before)
        one.add("where is the mug?", "in the kitchen")
        seen = one.state.seen
    assert len(set(sizes)) == 1 and len(set(work[2:])) == 1, "neither grows"
    assert one.state.held <= SIZES.recent + len(tiny.tokenizer().encode(RULES)) + SIZES.chunk < seen / 10
    assert one.state.evicted == seen - one.state.held


def test_a_question_that_was_not_answered_and_facts_that_are_too_many_do_no_harm() -> None:
    one = talk()
    one.words(FACTS, "where is the mug?")
    one.words([*FACTS, "kitchen " * 200], "where is the <|end|> mug?")
    assert 0 < one.state.pinned <= SIZES.pinned
    one.words(["kitchen " * 200], "and now?")
    assert one.state.pinned == 0
    with pytest.raises(LanguageModelError):
        talk(seconds=-1.0).words(FACTS, "where is the mug?")


def test_writing_calls_reads_as_much_at_the_thousandth_question_as_at_the_tenth() -> None:
    """Transcripts of calls stand alone: constant work and bytes without a stream."""
    from tests.reasoning.language.test_local import played

    model, read, held = local(), [], []
    assert isinstance(model, TalkingModel) and model.talk() is not None
    for turn in range(40):
        before = model.cached.tokens_read
        model.forget()
        played(model, "where is the mug?" if turn % 2 else "where is the red mug now?", turns=2)
        read.append(model.cached.tokens_read - before)
        held.append(sum(layer.keys.numel() for layer in model.cached._cache.layers))
    assert read[:2] == read[-2:] and held[:2] == held[-2:]
