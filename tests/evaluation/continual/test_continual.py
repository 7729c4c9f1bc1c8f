"""Lives in small made-up places: figures, arms, and that every routed learner is causal and told nothing."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")
pytest.importorskip("memory_agent_sim")

import torch

from memory_agent_ros.adapters.columns import RouterConfig
from memory_agent_ros.evaluation.continual import runs
from memory_agent_ros.evaluation.continual.base_model import base_model
from memory_agent_ros.evaluation.continual.learners import ARMS, Learner, Life
from memory_agent_ros.evaluation.continual.places import (
    LENGTH,
    ROOM,
    SUPPORT,
    VIEW,
    Fact,
    Place,
    Words,
    asked,
    moments,
)
from memory_agent_ros.evaluation.continual.runs import transfer

WORDS = Words()
LIFE = Life(
    tasks=2, steps=25, batch=12, buffer=12, rows=16, rate=1e-2,
    router=RouterConfig(columns=2, chunk=VIEW, novelty=0.6, balance=0.0),
)  # fmt: skip


def made_up(number: int) -> Place:
    """Two rooms with looks of their own; both places have a red mug and a blue bowl, elsewhere."""
    rooms = (("kitchen", "bathroom"), ("bathroom", "kitchen"))[number]
    supports = (("table", "floor"), ("floor", "table"))[number]
    colours = (("black", "white", "gray", "green"), ("pink", "brown", "beige", "purple"))[number]
    looks = [f"{c} {k}" for c in colours for k in ("book", "plate", "tray")]
    pictures = (("light_floor", "white_wall"), ("rustic_floor", "gray_plaster"))[number]
    views = tuple((f"floor {pictures[0]}", f"wall {pictures[1]}", tuple(looks[i::2])) for i in range(2))
    facts = [
        fact
        for n, thing in enumerate(("red mug", "blue bowl"))
        for fact in (Fact(ROOM, thing, rooms[n]), Fact(SUPPORT, thing, supports[n]))
    ]
    return Place(views, tuple(facts))


def learner(arm: str, life: Life = LIFE) -> Learner:
    torch.set_num_threads(1)
    model = base_model(len(WORDS))
    return Learner(ARMS[arm], life, model, torch.zeros(64), WORDS, 0)


def life_of(one: Learner) -> np.ndarray:
    rng = np.random.default_rng(0)
    places = [made_up(n) for n in range(2)]
    tests = [moments(WORDS, p, p.facts * 4, rng) for p in places]
    table = [[one.right(t, n).mean() for n, t in enumerate(tests)]]
    for task, p in enumerate(places):
        for _ in range(one.life.steps):
            count = one.wanted()
            one.step(moments(WORDS, p, asked(p.facts, count, rng), rng), np.full(count, task))
        table.append([one.right(t, n).mean() for n, t in enumerate(tests)])
    return np.array(table)


def test_views_never_show_what_is_asked_nor_where_it_is() -> None:
    where = made_up(0)
    seen = Place(tuple((f, w, (*looks, "red mug")) for f, w, looks in where.rooms), where.facts)
    found = moments(WORDS, seen, [f for f in seen.facts if f.thing == "red mug"] * 20, np.random.default_rng(0))
    views = found.tokens[:, :-3]
    assert found.tokens.shape == (40, LENGTH)
    assert WORDS.number["red mug"] not in views
    answers = {WORDS.number[a] for kind in WORDS.answers for a in WORDS.answers[kind]}
    assert not answers & set(views.ravel().tolist())


def test_transfer_by_hand() -> None:
    table = np.array([[0.1, 0.2, 0.3], [0.9, 0.3, 0.3], [0.7, 0.8, 0.5], [0.5, 0.6, 1.0]])
    figures = transfer(table)
    assert figures["average"] == pytest.approx(0.7)
    assert figures["backward_transfer"] == pytest.approx(((0.5 - 0.9) + (0.6 - 0.8)) / 2)
    assert figures["forward_transfer"] == pytest.approx(((0.3 - 0.2) + (0.5 - 0.3)) / 2)
    assert figures["forgetting"] == pytest.approx((0.4 + 0.2) / 2)
    assert set(transfer(table[[0, 3]])) == {"average"}


def test_routed_columns_keep_the_first_place_where_fine_tuning_forgets_it() -> None:
    routed, tuned = life_of(learner("routed")), life_of(learner("fine_tuning"))
    assert tuned[1, 0] > 0.8 and routed[1, 0] > 0.8
    assert tuned[2, 0] < 0.6 and routed[2, 0] > 0.8 and routed[2, 1] > 0.8


@pytest.mark.parametrize("arm", sorted(ARMS))
def test_every_arm_steps_with_whole_batches(arm: str) -> None:
    one = learner(arm, dataclasses.replace(LIFE, steps=3))
    place, rng = made_up(0), np.random.default_rng(1)
    for _ in range(3):
        count = one.wanted()
        fresh = moments(WORDS, place, asked(place.facts, count, rng), rng)
        one.step(fresh, np.zeros(count, dtype=np.intp))
    one.finish_task(fresh)
    replays = ARMS[arm].replay
    assert (len(one.buffer) > 0) == replays and (max(one.shares, default=0.0) > 0) == replays
    assert one.wanted() < LIFE.batch if replays else one.wanted() == LIFE.batch


@pytest.mark.parametrize("arm", ["routed", "fine_tuning"])
def test_answers_do_not_read_the_future_nor_the_task(arm: str) -> None:
    one = learner(arm)
    life_of(one)
    place = made_up(1)
    test = moments(WORDS, place, place.facts * 3, np.random.default_rng(5))
    assert np.array_equal(one.right(test, 0), one.right(test, 1))
    with torch.no_grad():
        gates = one._gates(test.tokens, np.zeros(len(test), dtype=np.intp))
        for changed in (VIEW - 1, VIEW, 2 * VIEW + 3, LENGTH - 1):
            other = test.tokens.copy()
            other[:, changed:] = (other[:, changed:] + 11) % len(WORDS)
            assert torch.equal(one._gates(other, np.ones(len(test), dtype=np.intp))[:, :changed], gates[:, :changed])


def test_streams_share_no_apartment() -> None:
    a, b = runs.Stream("train", 0), runs.Stream("train", 1)
    assert not set(a.apartments) & set(b.apartments) and min(a.apartments) >= runs.APARTMENTS
