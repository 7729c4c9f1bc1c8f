from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from memory_agent_ros.exploration.candidates import (
    FRONTIER,
    ROOM,
    STOP,
    VIEWPOINT,
    CandidateConfig,
    Choices,
    Goal,
    Places,
    Things,
    choose_candidates,
)
from memory_agent_ros.exploration.features import FEATURES, IN_ROOM, INDEX, NEAR, SHAPE, THING, make_situations
from memory_agent_ros.exploration.labels import LABEL, LabelVectors

CONFIG = CandidateConfig(min_gain_m2=0.35, frontiers=4, rooms=3, viewpoints=5, tokens=3)
WORDS = LabelVectors()


def places(count: int = 6, rows: int = 1) -> Places:
    """A corridor of places one metre apart along x, the robot on the first; the last two are in a room not entered."""
    xy = np.zeros((count, 2), np.float32)
    xy[:, 0] = np.arange(count)
    room = np.where(np.arange(count) >= count - 2, 1, 0)
    return Places(
        xy=np.tile(xy, (rows, 1, 1)),
        mask=np.ones((rows, count), bool),
        path_m=np.tile(xy[:, 0], (rows, 1)),
        gain_m2=np.zeros((rows, count), np.float32),
        room=np.tile(room, (rows, 1)),
        visits=np.zeros((rows, count), np.float32),
        entered=np.tile([True, False], (rows, 1)),
        here=np.zeros(rows, np.int64),
    )


def things(labels: list[str], at: list[int], rows: int = 1, **fields: object) -> Things:
    """Things at places of the corridor, in sight only at the robot's place."""
    count = len(labels)
    place = np.tile(np.array(at, np.int64), (rows, 1))
    xy = np.zeros((rows, count, 2), np.float32)
    xy[..., 0] = place
    made = Things(
        vector=np.tile(WORDS.vectors(labels), (rows, 1, 1)),
        xy=xy,
        mask=np.ones((rows, count), bool),
        presence=np.ones((rows, count), np.float32),
        age_s=np.zeros((rows, count), np.float32),
        match=np.zeros((rows, count), np.float32),
        unclear=np.zeros((rows, count), np.float32),
        room=np.where(place >= 4, 1, 0),
        place=place,
        in_sight=place == 0,
        range_m=place.astype(np.float32),
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def goal(text: str = "mug", rows: int = 1) -> Goal:
    return Goal(
        vector=np.tile(WORDS.vectors([text]), (rows, 1)),
        kind=np.ones(rows, np.int64),
        budget_m=np.full(rows, 20.0, np.float32),
        left_m=np.full(rows, 3.0, np.float32),
        left_decisions=np.full(rows, 0.5, np.float32),
        state=np.arange(rows, dtype=np.int64),
    )


def chosen(found: Choices, kind: int) -> list[int]:
    """Places of the candidates of a kind in the first row."""
    return found.place[0, found.mask[0] & (found.kind == kind)].tolist()


def test_stop_is_always_there_and_first() -> None:
    found = choose_candidates(places(), things([], []), CONFIG)
    assert found.mask.shape == (1, CONFIG.count)
    assert found.kind[0] == STOP and found.mask[0, 0] and found.place[0, 0] == 0 and found.thing[0, 0] == -1


def test_frontiers_are_the_best_that_keep_apart() -> None:
    known = places()
    known.gain_m2[0] = [9, 1.0, 2.0, 3.0, 2.5, 0.1]
    found = choose_candidates(known, things([], []), CONFIG)
    # 3 is best and hides 2 beside it; 4 lies behind the wall in the other room; 1 is far enough; 0 is the robot's own
    assert chosen(found, FRONTIER) == [3, 4, 1]


def test_unreachable_and_unknown_places_are_never_chosen() -> None:
    known = places()
    known.gain_m2[:] = 1.0
    known.path_m[0, 3:] = np.inf
    known.mask[0, 2] = False
    found = choose_candidates(known, things(["mug"], [4], match=np.ones((1, 1), np.float32)), CONFIG)
    assert chosen(found, FRONTIER) == [1] and chosen(found, ROOM) == [] and chosen(found, VIEWPOINT) == []


def test_rooms_not_entered_are_chosen_once() -> None:
    known = places()
    assert chosen(choose_candidates(known, things([], []), CONFIG), ROOM) == [4]
    known.gain_m2[0, 5] = 1.0
    assert chosen(choose_candidates(known, things([], []), CONFIG), ROOM) == [5]
    known.entered[0, 1] = True
    assert chosen(choose_candidates(known, things([], []), CONFIG), ROOM) == []


def test_viewpoints_are_matches_first_then_unclear_then_stale() -> None:
    known = things(
        ["desk", "mug", "bed", "sofa", "plant"],
        [1, 2, 3, 4, 5],
        match=np.array([[0, 0.9, 0, 0, 0]], np.float32),
        unclear=np.array([[0.6, 0, 0, 0.9, 0]], np.float32),
        age_s=np.array([[0, 0, 1e4, 0, 0]], np.float32),
    )
    found = choose_candidates(places(), known, CONFIG)
    assert found.thing[0, found.kind == VIEWPOINT].tolist() == [1, 3, 0, 2, -1]
    assert chosen(found, VIEWPOINT) == [2, 4, 1, 3]


def test_a_thing_believed_gone_is_not_looked_at_as_the_goal() -> None:
    fields = {"match": np.ones((1, 1), np.float32), "presence": np.full((1, 1), 0.2, np.float32)}
    assert chosen(choose_candidates(places(), things(["mug"], [3], **fields), CONFIG), VIEWPOINT) == []


def test_stop_declares_what_is_in_sight_and_near() -> None:
    match = np.array([[0.9, 0.8]], np.float32)
    sight = np.array([[True, True]])
    known = things(["mug", "mug"], [3, 2], match=match, in_sight=sight)
    found = choose_candidates(places(), known, CONFIG)
    assert found.thing[0, 0] == 1
    out = situations(found, places(), known)
    assert out.candidates[0, 0, INDEX["match"]] == pytest.approx(0.8)
    assert chosen(found, VIEWPOINT) == [3]


def situations(found: Choices, known: Places, them: Things, text: str = "mug"):
    distance = np.abs(found.place[:, :, None] - them.place[:, None]).astype(np.float32)
    return make_situations(found, known, them, goal(text, len(known.here)), distance, CONFIG)


def test_features_say_what_they_are_named() -> None:
    known = places()
    known.gain_m2[0, 3] = 4.0
    known.visits[0, 3] = 1.0
    them = things(["desk"], [2])
    found = choose_candidates(known, them, CONFIG)
    out = situations(found, known, them, "desk")
    assert out.candidates.shape == (1, CONFIG.count, SHAPE.candidate) and out.goal.shape == (1, SHAPE.goal)
    row = out.candidates[0, 1]
    value = {name: float(row[i]) for i, name in enumerate(FEATURES)}
    assert value["is_frontier"] == 1 and value["is_stop"] == 0
    assert value["path"] == pytest.approx(0.3) and value["gain"] == pytest.approx(0.4)
    assert value["gain_per_metre"] == pytest.approx(0.1)
    assert value["visits"] == pytest.approx(np.log(2) / 2)
    assert value["within_budget"] == 1 and value["left_after"] == pytest.approx(0.0)
    assert value["room_entered"] == 1 and value["surprise_known"] == 0
    assert value["goal_likes_near"] > 0.3
    assert out.goal[0, :LABEL] @ WORDS.vectors(["desk"])[0] == pytest.approx(1.0, abs=1e-5)


def test_context_is_what_stands_near_by_the_way_there() -> None:
    known = places()
    known.gain_m2[0, [1, 5]] = 1.0
    them = things(["desk", "bed"], [1, 5])
    found = choose_candidates(known, them, CONFIG)
    out = situations(found, known, them)
    desk, bed = WORDS.vectors(["desk", "bed"])
    by_place = {int(found.place[0, c]): out.candidates[0, c] for c in np.flatnonzero(found.kind == FRONTIER)}
    assert by_place[1][NEAR] @ desk > 0.5 > by_place[1][NEAR] @ bed
    assert by_place[5][NEAR] @ bed > 0.5 > by_place[5][NEAR] @ desk
    assert by_place[5][IN_ROOM] @ bed > 0.5
    assert not by_place[5][THING].any()


def test_what_is_gone_is_no_context() -> None:
    known = places()
    known.gain_m2[0, 3] = 1.0
    them = things(["desk"], [3], presence=np.zeros((1, 1), np.float32))
    out = situations(choose_candidates(known, them, CONFIG), known, them)
    assert not out.candidates[0, :, NEAR].any()


def test_tokens_are_the_goal_and_what_is_near() -> None:
    match = np.array([[0, 0, 0, 0, 1.0]], np.float32)
    them = things(["a", "b", "c", "d", "mug"], [1, 2, 3, 4, 5], match=match)
    out = situations(choose_candidates(places(), them, CONFIG), places(), them)
    assert out.context.shape == (1, 3, SHAPE.context) and out.context_mask.all()
    labels = {WORDS.vectors([t])[0].tobytes(): t for t in ("a", "b", "c", "d", "mug")}
    assert {labels[row[:LABEL].tobytes()] for row in out.context[0]} == {"mug", "a", "b"}


def test_keys_are_unit_and_depend_on_goal_and_sight() -> None:
    known, them = places(), things(["desk", "bed"], [0, 3])
    found = choose_candidates(known, them, CONFIG)
    mug, bowl = situations(found, known, them, "mug"), situations(found, known, them, "bowl")
    assert np.linalg.norm(mug.key, axis=1) == pytest.approx(1.0)
    assert float(mug.key[0] @ bowl.key[0]) < 0.95
    bare = situations(found, known, replace(them, in_sight=np.zeros((1, 2), bool)))
    assert float(mug.key[0] @ bare.key[0]) < 0.95
    empty = things([], [])
    nothing = situations(choose_candidates(known, empty, CONFIG), known, empty, "")
    assert np.linalg.norm(nothing.key, axis=1) == pytest.approx(1.0)


def test_rows_do_not_mix() -> None:
    """A batch gives the same as its rows one by one."""
    rng = np.random.default_rng(3)
    known = places(rows=3)
    known.gain_m2[:] = rng.uniform(0, 3, known.gain_m2.shape)
    them = things(["desk", "bed", "mug"], [1, 3, 5], rows=3)
    them.match[:] = rng.uniform(0, 1, them.match.shape)
    them.unclear[:] = rng.uniform(0, 1, them.unclear.shape)
    found = choose_candidates(known, them, CONFIG)
    whole = situations(found, known, them)
    for row in range(3):
        one_places = Places(*(getattr(known, f)[row : row + 1] for f in list(vars(known))[:-1]))
        one_things = Things(*(getattr(them, f)[row : row + 1] for f in vars(them)))
        alone = situations(choose_candidates(one_places, one_things, CONFIG), one_places, one_things)
        np.testing.assert_allclose(alone.candidates[0], whole.candidates[row], atol=1e-6)
        np.testing.assert_array_equal(alone.candidate_mask[0], whole.candidate_mask[row])
        np.testing.assert_allclose(alone.context[0], whole.context[row], atol=1e-6)


def test_shifting_the_map_changes_nothing() -> None:
    known = places()
    known.gain_m2[0, 3] = 1.0
    them = things(["desk"], [2])
    moved = replace(known, xy=known.xy + np.float32(7.0))
    there = replace(them, xy=them.xy + np.float32(7.0))
    before = situations(choose_candidates(known, them, CONFIG), known, them)
    after = situations(choose_candidates(moved, there, CONFIG), moved, there)
    np.testing.assert_array_equal(before.candidates, after.candidates)


def test_surprise_is_a_feature_where_it_is_known() -> None:
    known = places()
    known.gain_m2[0, 1] = known.gain_m2[0, 3] = 1.0
    residual = np.full((1, 6), np.nan, np.float32)
    residual[0, 3] = 0.7
    known = replace(known, residual=residual)
    found = choose_candidates(known, things([], []), CONFIG)
    out = situations(found, known, things([], []))
    by_place = {int(found.place[0, c]): out.candidates[0, c] for c in np.flatnonzero(found.kind == FRONTIER)}
    surprise = [INDEX["surprise"], INDEX["surprise_known"]]
    assert by_place[3][surprise].tolist() == pytest.approx([0.7, 1.0]) and not by_place[1][surprise].any()


class _Counted:
    """Text vectors by shared letters."""

    def embed_texts(self, texts):
        out = np.array([[t.count(chr(97 + i)) for i in range(26)] for t in texts], np.float32)
        return out / np.linalg.norm(out, axis=1, keepdims=True)


def test_label_vectors_keep_likeness_with_an_embedder() -> None:
    words = LabelVectors(_Counted())
    mug, gum, sofa, none = words.vectors(["mug", "gum", "sofa", ""])
    assert np.linalg.norm(mug) == pytest.approx(1.0, abs=1e-5) and not none.any()
    assert mug @ gum == pytest.approx(1.0, abs=1e-5) and mug @ sofa < 0.5
    assert words.kind == "text" and WORDS.kind == "hash"
