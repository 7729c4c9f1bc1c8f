"""Scores of rooms and carriers: what counts as right."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from memory_agent_ros.evaluation.structure_scores import score_carriers, score_rooms
from memory_agent_ros.evaluation.walks.walk import TrueObject
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.relation import RelationKind
from memory_agent_ros.records.room import Door, Room

ON, INSIDE = RelationKind.ON, RelationKind.INSIDE


@dataclass
class Truth:
    """What the score reads of a walk."""

    rooms: dict = field(default_factory=lambda: {
        "kitchen": np.array([[0.0, 0.0], [4.0, 3.0]]), "bedroom": np.array([[4.1, 0.0], [8.0, 3.0]])
    })  # fmt: skip
    doors: np.ndarray = field(default_factory=lambda: np.array([[4.05, 1.5]]))


def room(number: int, name: str, x0: float, x1: float, things: tuple[int, ...], door: tuple[float, float]) -> Room:
    outline = np.array([[x0, 0.0], [x1, 0.0], [x1, 3.0], [x0, 3.0]])
    return Room(number, name, 1.0, outline, 1.0, outline.mean(axis=0), (Door(np.array(door), 0.9, (1, 2)),), things)


def thing(number: int, place: str) -> TrueObject:
    return TrueObject(number, "mug", OrientedBox(np.zeros(3), np.ones(3)), True, place, True, "mug/0")


def test_perfect_rooms() -> None:
    rooms = [room(1, "kitchen", 0.0, 4.0, (7,), (4.0, 1.5)), room(2, "bedroom 2", 4.1, 8.0, (8,), (4.0, 1.5))]
    score = score_rooms(Truth(), rooms, {7: thing(1, "kitchen"), 8: thing(2, "bedroom")})  # type: ignore[arg-type]
    assert (score.true, score.found, score.right, score.named) == (2, 2, 2, 2)
    assert (score.doors, score.doors_told, score.doors_right, score.placed, score.placed_right) == (1, 1, 1, 2, 2)
    assert score.iou > 1.9


def test_errors_are_counted() -> None:
    whole = [room(1, "kitchen", 0.0, 8.0, (7, 8), (1.0, 1.5))]
    score = score_rooms(Truth(), whole, {7: thing(1, "kitchen"), 8: thing(2, "bedroom")})  # type: ignore[arg-type]
    assert score.found == 1 and score.right <= 1 and score.placed_right <= 1 and score.doors_right == 0
    empty = score_rooms(Truth(), [], {7: thing(1, "kitchen")})  # type: ignore[arg-type]
    assert (empty.right, empty.doors_right, empty.placed_right, empty.iou) == (0, 0, 0, 0.0)


def test_carriers_need_the_right_thing_and_kind() -> None:
    owners = {10: thing(1, "k"), 11: thing(2, "k"), 12: thing(3, "k")}
    truth = {1: (3, ON), 2: (3, INSIDE), 9: (3, ON)}
    assert score_carriers({10: (12, ON), 11: (12, INSIDE)}, owners, truth) == (2, 2, 2)
    assert score_carriers({10: (11, ON), 11: (12, ON)}, owners, truth) == (0, 2, 2)
    assert score_carriers({}, owners, truth) == (0, 0, 2)
