"""Answers are scored after a question and a crop's vectors as if each were written out alone."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from memory_agent_ros.reasoning.vision.likelihood import AnswerLikelihood
from tests.reasoning.language import tiny

ANSWERS = ("red mug", "kitchen", "red mug in the bath room")


@pytest.mark.parametrize("kind", ["llama", "qwen2"])
def test_the_likelihood_is_that_of_the_whole_answer_alone(kind: str) -> None:
    model, tokenizer = tiny.model(kind=kind), tiny.tokenizer()
    judge = AnswerLikelihood(model, tokenizer)
    vectors = torch.randn(2, 5, 32, generator=torch.Generator().manual_seed(1))
    found = judge.log_likelihood("where is it?", vectors, ANSWERS)
    head, mid = (tokenizer.encode(t) for t in ("Question: where is it?\nPicture:", "\nAnswer:"))
    for row in range(2):
        for column, answer in enumerate(ANSWERS):
            end = tokenizer.encode(f" {answer}")
            assert column == 1 or len(end) > 1
            embedded = torch.cat([judge.words[head], vectors[row], judge.words[mid + end]])[None]
            with torch.inference_mode():
                heard = model(inputs_embeds=embedded).logits[0].log_softmax(dim=-1)
            start = embedded.shape[1] - len(end) - 1
            expected = sum(heard[start + i, token].item() for i, token in enumerate(end))
            assert found[row, column].item() == pytest.approx(expected, abs=1e-4)


def test_the_error_goes_back_to_the_vectors_and_not_into_the_model() -> None:
    model = tiny.model().requires_grad_(False)
    judge = AnswerLikelihood(model, tiny.tokenizer())
    vectors = torch.zeros(3, 4, 32, requires_grad=True)
    judge.log_likelihood("where?", vectors, ANSWERS)[:, 1].sum().backward()
    assert vectors.grad is not None and (vectors.grad.abs().sum(dim=2) > 0).all()
    assert all(p.grad is None for p in model.parameters())


def test_each_crop_and_each_answer_is_scored_for_itself() -> None:
    judge = AnswerLikelihood(tiny.model(), tiny.tokenizer())
    vectors = torch.randn(3, 4, 32, generator=torch.Generator().manual_seed(2))
    whole = judge.log_likelihood("where?", vectors, ANSWERS).detach().numpy()
    assert np.allclose(judge.log_likelihood("where?", vectors[1:2], ANSWERS).detach().numpy(), whole[1:2], atol=1e-4)
    turned = judge.log_likelihood("where?", vectors, ANSWERS[::-1]).detach().numpy()
    assert np.allclose(turned[:, ::-1], whole, atol=1e-4)
    assert not np.allclose(judge.log_likelihood("why?", vectors, ANSWERS).detach().numpy(), whole, atol=1e-3)
