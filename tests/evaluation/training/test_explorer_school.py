"""Lessons from tried candidates: trials agree with the twin, labels are returns, and they can be learned."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("memory_agent_sim.twin.tables")

from memory_agent_ros.evaluation.exploration.apartments import apartment  # noqa: E402
from memory_agent_ros.evaluation.exploration.task_sets import (  # noqa: E402
    DECLARE_M,
    SEARCH_BUDGET_M,
    discover_tasks,
    goal_things,
    large_apartments,
    searchable,
)
from memory_agent_ros.evaluation.exploration.twin_environment import TwinEnvironment  # noqa: E402
from memory_agent_ros.evaluation.training.explorer_courses import (  # noqa: E402
    SHIPPED,
    ExplorerTraining,
    _rearranged,
    make_policy,
    practice,
)
from memory_agent_ros.evaluation.training.explorer_lessons import gather  # noqa: E402
from memory_agent_ros.evaluation.training.explorer_school import (  # noqa: E402
    Schooling,
    expected_return,
    learn,
    returns,
)
from memory_agent_ros.evaluation.training.lesson_book import LessonBook, blurred  # noqa: E402
from memory_agent_ros.evaluation.training.lookahead import Lookahead  # noqa: E402
from memory_agent_ros.exploration.features import INDEX  # noqa: E402
from memory_agent_ros.exploration.labels import LabelVectors  # noqa: E402

SEEDS = range(3)


@pytest.fixture(scope="module")
def book(own_cache):
    words = LabelVectors()
    return LessonBook(gather("train", SEEDS, words), words)


def test_a_trial_meets_what_the_twin_meets(own_cache):
    seed = large_apartments("train", SEEDS)[0]
    environment = TwinEnvironment(discover_tasks("train", [seed]), LabelVectors())
    situations = environment.reset([0])
    look = Lookahead(apartment("train", seed, "habitual"), DECLARE_M)
    for _ in range(5):
        column = int(np.flatnonzero(situations.candidate_mask[0])[-1])
        before = environment.memory.seen[0].copy()
        target = environment.scene.choices.place[0, [column]]
        known, node = environment.slots.known.copy(), environment.slots.node.copy()
        met = look.run(known, node, target, environment.metres, until_m=0.0)  # the first drive alone
        situations = environment.step(np.array([column])).situations
        count = met.seen_m.shape[1]
        assert ((np.isfinite(met.seen_m[0]) | before[:count]) == environment.memory.seen[0, :count]).all()
        assert (met.seen_m[np.isfinite(met.seen_m)] <= environment.metres[0] + 1e-4).all()


def test_a_trial_goes_on_by_the_rule(own_cache):
    seed = large_apartments("train", SEEDS)[0]
    tables = apartment("train", seed, "habitual")
    look, start = Lookahead(tables, DECLARE_M), np.array([tables.start])
    nothing = np.zeros((1, tables.around.shape[1]), np.uint8)
    short, long = (look.run(nothing, start, start, np.zeros(1), until_m=m) for m in (0.0, 40.0))
    assert np.isfinite(long.seen_m).sum() > 2 * np.isfinite(short.seen_m).sum()
    finite = np.isfinite(long.declared_m)
    assert (long.declared_m[finite] >= long.seen_m[finite]).all()


def test_a_search_returns_its_spl(book):
    lessons, which = book.lessons, book.searches[::7]
    situations, worth = book.search(which)
    assert (worth[:, 0] == 0).all() and (worth[~situations.candidate_mask] == 0).all()
    for (row, goal), got in zip(which.tolist(), worth, strict=True):
        room = lessons.apartment[row]
        mine = lessons.category[room] == book.goals[goal]
        metres = lessons.declared_m[row][:, mine].min(axis=1)[: len(got)].astype(float)
        shortest = lessons.shortest_m[room][mine].min()
        assert got == pytest.approx(np.where(metres <= SEARCH_BUDGET_M, shortest / np.maximum(metres, shortest), 0.0))
    assert 0.2 < worth.max(axis=1).mean() <= 1.0


def test_a_goal_that_was_seen_is_not_asked_for(book):
    lessons = book.lessons
    for row, goal in book.searches.tolist():
        mine = lessons.category[lessons.apartment[row]] == book.goals[goal]
        assert lessons.unseen[row][mine].all()


def test_a_label_is_mostly_what_may_be(book):
    which = book.searches
    true, mixed, expected = (book.search(which, truth)[1] for truth in (1.0, 0.3, 0.0))
    assert mixed == pytest.approx(0.3 * true + 0.7 * expected, abs=1e-5)
    assert expected.std() < true.std()  # the mean over places is not the luck of one
    assert np.corrcoef(true.ravel(), expected.ravel())[0, 1] > 0.4


def test_the_goal_is_put_into_the_features(book):
    which = book.searches[:40]
    situations, _ = book.search(which)
    words = LabelVectors().vectors([book.goals[g] for g in which[:, 1]])
    assert situations.goal[:, : words.shape[1]] == pytest.approx(words)
    left = SEARCH_BUDGET_M - book.lessons.metres[which[:, 0]]
    after = (left[:, None] - 10.0 * situations.candidates[..., INDEX["path"]]) / SEARCH_BUDGET_M
    mask = situations.candidate_mask
    assert situations.candidates[..., INDEX["left_after"]][mask] == pytest.approx(np.clip(after, -1, 1)[mask], abs=1e-5)


def test_blurring_keeps_stop_and_invents_no_candidate(book):
    situations, _ = book.search(book.searches[:30])
    moved = blurred(situations, np.random.default_rng(0))
    assert moved.candidate_mask[:, 0].all() and not (moved.candidate_mask & ~situations.candidate_mask).any()
    assert moved.candidate_mask.sum() < situations.candidate_mask.sum()
    assert not np.array_equal(moved.candidates, situations.candidates)
    assert np.array_equal(situations.candidates, book.search(book.searches[:30])[0].candidates)


def test_the_loss_lifts_what_returns_more():
    scores = torch.zeros(1, 3, requires_grad=True)
    masked = scores.masked_fill(torch.tensor([[False, False, True]]), -torch.inf)
    expected_return(masked, torch.tensor([[0.2, 0.6, 9.0]]), torch.tensor([[True, True, False]]), 0.0).backward()
    assert scores.grad[0, 1] < 0 < scores.grad[0, 0] and scores.grad[0, 2] == 0


def test_lessons_are_learned_and_the_best_weights_kept(book):
    schooling = Schooling(steps=30, batch=64, examine_every=10, blur=0.0, decay=0.0, rate=5e-3, averaging=0.8)
    policy = make_policy(ExplorerTraining(dim=16, layers=1, text_vectors=False))
    rule = returns(None, book)
    curve = learn(policy, book, book, schooling)
    assert [point["step"] for point in curve] == [10.0, 20.0, 30.0]
    assert curve[0]["search_rule"] == rule["search"]
    assert max(point["search"] for point in curve) > rule["search"] + 0.01  # of apartments known by heart
    best = max(curve, key=lambda point: point["search"] + 2.0 * schooling.discover * point["discover"])
    assert returns(policy, book)["search"] == pytest.approx(best["search"], abs=1e-6)


def test_the_shipped_explorer_goes_to_school_and_is_small():
    assert SHIPPED.school is not None
    size = sum(
        p.numel()
        for p in make_policy(
            ExplorerTraining(dim=SHIPPED.dim, layers=SHIPPED.layers, text_vectors=False)
        ).module.parameters()
    )
    assert size <= 150_000


def test_variants_are_the_same_apartment_with_things_elsewhere(own_cache):
    seed = large_apartments("train", SEEDS)[0]
    tasks = practice([seed], goals=2, variants=2)
    assert {task.edits for task in tasks} == {0, 1, 2}
    plain = apartment("train", seed, "habitual")
    for task in tasks:
        tables = _rearranged(task)
        assert task.goals[0] in searchable(tables)
        assert goal_things(tables.labels, task.goals[0]).any()
        assert np.array_equal(tables.path_m, plain.path_m) and tables.labels == plain.labels
        if task.edits == 0:
            assert tables is plain
        else:
            moved = (tables.boxes.center != plain.boxes.center).any(axis=1) & plain.boxes.present
            assert moved[plain.movable & plain.boxes.present].mean() > 0.5 and not moved[~plain.movable].any()
