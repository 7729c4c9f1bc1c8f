"""Questions of a passage are learnt side by side without seeing each other."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from memory_agent_ros.evaluation.adapters.facts import content_words  # noqa: E402
from memory_agent_ros.evaluation.training.passages import Passage, answer_logits, answers_right, packed  # noqa: E402
from memory_agent_ros.evaluation.training.train_tiny_reader import FactCourse, thinned  # noqa: E402


@pytest.fixture(scope="module")
def model():
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=30, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval()


CONTEXT = (1, 5, 6, 7)
FIRST, SECOND = ((8, 9), (10,)), ((11,), (12, 13))


def logits(model, *passages):
    with torch.no_grad():
        return answer_logits(model, packed(passages))


def test_a_question_is_answered_as_if_it_were_asked_alone(model) -> None:
    together, wanted = logits(model, Passage(CONTEXT, (FIRST, SECOND)), Passage((1,), (FIRST,)))
    alone, _ = logits(model, Passage(CONTEXT, (SECOND,)))
    assert wanted.tolist() == [10, 12, 13, 10]
    assert torch.allclose(together[1:3], alone, atol=1e-5)


def test_it_reads_what_a_plain_row_of_tokens_reads(model) -> None:
    found, _ = logits(model, Passage(CONTEXT, (FIRST, SECOND)))
    with torch.no_grad():
        plain = model(torch.tensor([[*CONTEXT, *SECOND[0], *SECOND[1]]])).logits[0, -3:-1]
    assert torch.allclose(found[1:], plain, atol=1e-5)


def test_right_are_questions_whose_every_token_is_likeliest(model) -> None:
    row = [*CONTEXT, *FIRST[0]]
    with torch.no_grad():
        likely = int(model(torch.tensor([row])).logits[0, -1].argmax())
    passages = [Passage(CONTEXT, (FIRST, (FIRST[0], (likely,)))), Passage(CONTEXT, ((FIRST[0], (likely,)),))]
    assert answers_right(model, passages) == [False, True, True]
    assert answers_right(model, passages, tokens=1) == [False, True, True]


def test_thinning_keeps_the_words_that_matter() -> None:
    rng = np.random.default_rng(0)
    text = "the red mug is on the shelf."
    assert thinned(text, 0.0, content_words(), rng) == "red mug shelf ."
    assert thinned(text, 1.0, content_words(), rng) == text


def test_documents_of_the_course_grow() -> None:
    def tokenizer(text: str):
        return type("Ids", (), {"input_ids": list(range(len(text.split())))})

    def length(share: float) -> float:
        course = FactCourse(thinned=0.0, unasked=0.0)
        return float(np.mean([len(p.context) for p in course.batch(tokenizer, np.random.default_rng(3), share, 3000)]))

    assert length(0.0) < length(0.4) < length(0.9)
