"""Lessons of gist: gradients reach the network, colours get in through crops alone, forgetting leaves no bit."""

from functools import partial

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

import torch

from memory_agent_ros.adapters.application import AdaptedModel
from memory_agent_ros.adapters.memory import MemoryToLora
from memory_agent_ros.adapters.memory_network import MemoryNetworkSize
from memory_agent_ros.adapters.memory_reading import read_chunk
from memory_agent_ros.adapters.prompts import Prompts
from memory_agent_ros.evaluation.adapters.gist import (
    CANDIDATES,
    COLOUR,
    COUNT,
    TOLD_IN_TEXT,
    KindGist,
    Question,
    ask,
    words,
)
from memory_agent_ros.evaluation.adapters.gist_forgetting import forget_one
from memory_agent_ros.evaluation.adapters.gist_lessons import (
    GistLesson,
    generated_rows,
    gist_loss,
    ranked,
    ranked_right,
)
from memory_agent_ros.evaluation.adapters.gist_runs import cached_maker, gist_base, scale_of
from memory_agent_ros.evaluation.adapters.gist_worlds import GistSize, GistWorld, example, lived_in
from memory_agent_ros.evaluation.adapters.tiny_model import TinySize, new_model, tiny_prompts, tokenizer_of
from tests.adapters.test_memory import Map, small_encoder, thing

TOKENIZER = tokenizer_of(words())
PROMPTS = tiny_prompts(TOKENIZER)
SHADES = ("red", "blue", "green", "white")


@pytest.fixture
def adapted() -> AdaptedModel:
    return AdaptedModel(new_model(len(TOKENIZER), TinySize(width=32, layers=2, heads=2, inner=64, window=64)))


def maker(adapted: AdaptedModel) -> MemoryToLora:
    size = MemoryNetworkSize(width=32, blocks=1, heads=2, encoded=32)
    return MemoryToLora.new(adapted, TOKENIZER, PROMPTS, size, encoder=small_encoder())


def lesson(look: int, shown: int | None) -> GistLesson:
    """A mug in the kitchen of a colour, whose crop shows another or none; what colour is it?"""
    reading = read_chunk(Map([thing(1, "mug", 1.0, look=shown)]), "room 1")
    world = GistWorld((reading,), {"kitchen": {"mug": KindGist(1)}})
    text = "what colour is the mug in the kitchen?"
    return GistLesson(world, (Question(text, COLOUR, SHADES[look], "kitchen"),))


def test_an_untrained_network_learns_first_through_its_factors_of_b(adapted: AdaptedModel) -> None:
    made = maker(adapted)
    loss, figures = gist_loss(made, adapted, PROMPTS, [lesson(0, 0), lesson(1, 1)])
    loss.backward()
    factors = list(made.network.heads.scale_up.values())
    assert all(f.grad is not None and bool(f.grad.abs().sum() > 0) for f in factors)
    assert figures["norm"] == 0.0 and np.isfinite(figures["loss"])


def test_colour_which_only_pixels_hold_is_internalised(adapted: AdaptedModel) -> None:
    made = maker(adapted)
    fast = [p for n, p in made.network.named_parameters() if ".scale_up." in n]
    slow = [p for n, p in made.network.named_parameters() if ".scale_up." not in n]
    optimiser = torch.optim.Adam([{"params": slow, "lr": 3e-3}, {"params": fast, "lr": 3e-2}])
    lessons = [lesson(i, i) for i in range(4)]
    for _ in range(60):
        loss, _ = gist_loss(made, adapted, PROMPTS, lessons)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    hits = partial(right, made, adapted)
    assert hits([lesson(i, i) for i in range(4)]) == 4
    assert hits([lesson(i, (i + 1) % 4) for i in range(4)]) == 0  # the crop tells, and nothing else
    assert hits([lesson(i, None) for i in range(4)]) <= 1


def right(made: MemoryToLora, adapted: AdaptedModel, lessons: list[GistLesson]) -> float:
    asked = [(None, q) for one in lessons for q in one.questions]
    with torch.no_grad():
        rows = generated_rows(made, lessons)
    return sum(ranked_right(adapted, PROMPTS, asked, rows, range(len(asked))))


def test_answers_of_several_words_are_ranked_by_their_whole_likelihood(adapted: AdaptedModel) -> None:
    question = Question("count the mug of the kitchen?", COUNT, CANDIDATES[COUNT][2], "kitchen")
    dot = TOKENIZER.convert_tokens_to_ids(".")
    longer = Prompts(PROMPTS.passage, PROMPTS.asked, lambda answer: [*PROMPTS.answer(answer), dot])
    ((odds, true),) = ranked(adapted, longer, [(None, question)])
    expected = []
    for answer in CANDIDATES[COUNT]:
        ids = torch.tensor([[*PROMPTS.asked(None, question.text), *longer.answer(answer)]])
        logs = adapted.model(ids).logits[0].log_softmax(dim=-1)
        expected.append(float(logs[-3, ids[0, -2]] + logs[-2, dot]))
    assert true == 2 and torch.allclose(odds, torch.tensor(expected).softmax(dim=0), atol=1e-5)


def test_a_real_memory_forgets_without_a_trace(adapted: AdaptedModel) -> None:
    made = maker(adapted)
    for factor in made.network.heads.scale_up.values():
        torch.nn.init.normal_(factor, generator=torch.Generator().manual_seed(2))
    for seed in (0, 5):
        found = forget_one(made, adapted, PROMPTS, np.random.default_rng(seed))
        assert found.same_bits and found.held_gap > 0.0


def test_the_shipped_network_knows_the_gist_of_an_apartment_that_it_never_saw() -> None:
    base = gist_base(scale_of("tiny"))
    made, rng = cached_maker(scale_of("tiny"), base, 0), np.random.default_rng(4)
    apartments = lived_in("val", 2, first=70_000)
    lessons = [
        GistLesson(world, tuple(q for q in ask(world.gist, rng, held_out=True) if q.kind in TOLD_IN_TEXT))
        for world in (example(one, rng, None, GistSize(2, 5)) for one in apartments for _ in range(4))
    ]
    asked = [(None, q) for one in lessons for q in one.questions]
    with torch.no_grad():
        rows = generated_rows(made, lessons)
    owners = [i for i, one in enumerate(lessons) for _ in one.questions]
    right = np.mean(ranked_right(base.adapted, base.prompts, asked, rows, owners))
    strangers = np.mean(ranked_right(base.adapted, base.prompts, asked, rows, [(i + 4) % 8 for i in owners]))
    assert len(asked) > 40 and right > 0.75 and strangers < 0.5
