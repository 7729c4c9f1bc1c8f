"""Runs in which a policy chooses: every choice is told, every stop has its code."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from memory_agent_ros.exploration.codes import AbandonReason, Command, Reason, StopReason
from memory_agent_ros.exploration.explorer import Explorer
from memory_agent_ros.exploration.known_world import StillWorld
from memory_agent_ros.exploration.situation import Array, Situations, TipTokens
from memory_agent_ros.records.decision import CandidateKind
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.map_object import MapObject
from tests.exploration.box_world import BoxWorld, three_rooms
from tests.exploration.remembered import Dice, Weighs, room, thing

ROOMS = [room(i + 1, name, (4 * i, 0), (4 * i + 4, 4)) for i, name in enumerate(("kitchen", "hall", "bedroom"))]
TABLE = thing(1, "dining table", (1.8, 2.75, 0.4), 1.0)
MUG = thing(2, "mug", (6.1, 2.0, 0.8))
#: Goes where much unknown floor is near, and to things that match, and never stops.
RESTLESS = Weighs(is_stop=-9.0, path=-1.0, gain=0.5, is_viewpoint=-2.0, match=5.0)


def drive(
    world: BoxWorld, explorer: Explorer, see: Callable[[BoxWorld, Explorer], None] | None = None, limit: int = 900
) -> Command:
    """Run until the explorer stops."""
    for _ in range(limit):
        explorer.update(world.stamp_ns, world.T_map_base, world.depth(), world.camera, world.T_map_camera)
        if see is not None:
            see(world, explorer)
        command = explorer.step()
        if command.done:
            return command
        world.move(command.linear_mps, command.angular_rps)
    raise AssertionError("the explorer did not stop")


def sees(*things: MapObject) -> Callable[[BoxWorld, Explorer], None]:
    """A memory that takes in what comes within 3 m ahead of the robot."""
    known: dict[int, MapObject] = {}

    def look(world: BoxWorld, explorer: Explorer) -> None:
        for item in things:
            offset = item.box.center[:2] - world.xy
            ahead = np.cos(np.arctan2(offset[1], offset[0]) - world.yaw) > 0.85
            same_room = int(item.box.center[0] // 4) == int(world.xy[0] // 4)
            if ahead and same_room and np.linalg.norm(offset) < 3.0:
                known[item.id] = dataclasses.replace(item, last_seen_ns=world.stamp_ns)
        explorer.memory = StillWorld(tuple(known.values()), ROOMS)

    return look


def boxed_in() -> BoxWorld:
    """The robot in a closet of 0.8 m."""
    walls = [[-0.5, -0.5, 0.5, -0.4], [-0.5, 0.4, 0.5, 0.5], [-0.5, -0.4, -0.4, 0.4], [0.4, -0.4, 0.5, 0.4]]
    return BoxWorld(np.array([[*w, 2.4, 0.0] for w in walls]), np.zeros(2))


@pytest.fixture(scope="module")
def searched() -> tuple[Explorer, Command]:
    world, explorer = three_rooms(), Explorer(names=("mug", "dining table"))
    policy = Weighs(is_stop=-1.0, path=-1.0, gain=0.5, is_viewpoint=-2.0, match=9.0)
    explorer.start("search", 300.0, goal="mugs", policy=policy, budget_m=60.0, max_decisions=40)
    return explorer, drive(world, explorer, sees(TABLE, MUG))


def test_a_search_ends_where_the_goal_is_in_sight(searched) -> None:
    explorer, command = searched
    assert command.stop_reason is StopReason.GOAL_FOUND
    last = explorer.decisions[-1]
    chosen = last.candidates[last.chosen]
    assert chosen.kind is CandidateKind.STOP and chosen.object_id == MUG.id and chosen.label == "mug"
    assert np.linalg.norm(chosen.xy - MUG.box.center[:2]) <= 2.5


def test_a_policy_that_reads_gets_the_situation_in_words() -> None:
    read = []

    class Reader(Weighs):
        reads_words = True

        def logits(self, situations: Situations, tips: TipTokens | None = None) -> Array:
            read.append((situations.words[0], situations.candidate_mask[0]))
            return super().logits(situations, tips)

    world, explorer = three_rooms(), Explorer(names=("mug", "dining table"))
    policy = Reader(is_stop=-1.0, path=-1.0, gain=0.5, is_viewpoint=-2.0, match=9.0)
    explorer.start("search", 300.0, goal="mugs", policy=policy, budget_m=60.0, max_decisions=40)
    assert drive(world, explorer, sees(TABLE, MUG)).stop_reason is StopReason.GOAL_FOUND
    assert len(read) == len(explorer.decisions), "one look at each situation, none to explain it"
    for words, mask in read:
        assert words.goal == "mugs" and len(words.choices) == len(mask)
        assert all(bool(text) == there for text, there in zip(words.choices, mask.tolist(), strict=True))
    assert any("look at the mug" in text or "stop here" in text for text in read[-1][0].choices)
    assert any("mug" in line for line in read[-1][0].lines)


def test_every_decision_tells_candidates_scores_terms_and_a_reason(searched) -> None:
    explorer, _ = searched
    assert len(explorer.decisions) >= 2
    for decision in explorer.decisions:
        count = len(decision.candidates)
        assert decision.policy == "weighs-1" and decision.goal == "mugs"
        assert len(decision.scores) == len(decision.terms) == len(decision.tips) == count
        assert decision.chosen == int(np.argmax(decision.scores))
        assert decision.candidates[0].kind is CandidateKind.STOP
        assert decision.reason
    first = explorer.decisions[0]
    assert {c.kind for c in first.candidates} >= {CandidateKind.FRONTIER, CandidateKind.ROOM, CandidateKind.STOP}
    assert {c.room for c in first.candidates} >= {"kitchen", "hall"}
    way = [t["way"] for c, t in zip(first.candidates, first.terms, strict=True) if c.kind is CandidateKind.FRONTIER]
    far = [c.path_m for c in first.candidates if c.kind is CandidateKind.FRONTIER]
    assert way[int(np.argmax(far))] < way[int(np.argmin(far))], "the longer way speaks against a candidate"


def test_discovery_goes_on_until_nothing_is_left() -> None:
    world, explorer = three_rooms(), Explorer()
    explorer.start("discover", 300.0, policy=RESTLESS)
    command = drive(world, explorer, sees(TABLE, MUG))
    assert command.stop_reason is StopReason.NOTHING_LEFT
    assert explorer.coverage > 0.9
    assert explorer.goals_reached >= 3


def test_a_policy_that_stops_without_the_goal_gave_up() -> None:
    world, explorer = three_rooms(), Explorer()
    explorer.start("search", goal="mug", policy=Weighs(is_stop=1.0))
    assert drive(world, explorer).stop_reason is StopReason.GAVE_UP
    explorer.start("discover", policy=Weighs(is_stop=1.0), budget_m=50.0)
    assert drive(world, explorer).stop_reason is StopReason.POLICY_STOPPED
    explorer.start("discover", policy=Weighs(is_stop=1.0), max_decisions=1)
    assert drive(world, explorer).stop_reason is StopReason.BUDGET, "without a metre budget nothing is saved by it"


def test_budgets_end_the_run() -> None:
    world, explorer = three_rooms(), Explorer()
    explorer.start("discover", policy=RESTLESS, budget_m=2.0)
    assert drive(world, explorer).stop_reason is StopReason.BUDGET
    assert 2.0 <= explorer.travelled_m < 2.3
    explorer.start("discover", policy=RESTLESS, max_decisions=1)
    assert drive(world, explorer).stop_reason is StopReason.BUDGET
    assert len(explorer.decisions) == 1


def test_without_any_floor_there_is_no_map() -> None:
    world, explorer = three_rooms(), Explorer()
    world.depth = lambda: np.full((world.camera.height, world.camera.width), np.nan, np.float32)  # type: ignore[method-assign]
    explorer.start("frontier")
    assert drive(world, explorer).stop_reason is StopReason.NO_MAP
    explorer.start("discover", policy=RESTLESS)
    assert drive(world, explorer).stop_reason is StopReason.NO_MAP


def test_a_robot_that_cannot_leave_its_place_is_enclosed() -> None:
    for mode, policy in (("frontier", None), ("discover", RESTLESS)):
        world, explorer = boxed_in(), Explorer()
        explorer.start(mode, policy=policy)
        assert drive(world, explorer).stop_reason is StopReason.ENCLOSED


def test_a_goal_that_is_known_but_not_to_be_reached_is_told() -> None:
    world, explorer = boxed_in(), Explorer(memory=StillWorld((thing(3, "mug", (2.0, 0.0, 0.8), seen_ns=-1),)))
    explorer.start("search", goal="mug", policy=RESTLESS)
    assert drive(world, explorer).stop_reason is StopReason.GOAL_UNREACHABLE


def test_a_blocked_goal_is_tried_again_and_then_put_aside() -> None:
    world, explorer = three_rooms(), Explorer()
    explorer.start("discover", 300.0, policy=RESTLESS)
    assert not explorer.goal_failed(AbandonReason.REJECTED), "nobody is driving yet"
    while explorer.goal is None or explorer.step().reason is not Reason.CHOSEN_FRONTIER:
        explorer.update(world.stamp_ns, world.T_map_base, world.depth(), world.camera, world.T_map_camera)
        command = explorer.step()
        world.move(command.linear_mps, command.angular_rps)
    blocked = explorer.goal.xy
    assert not explorer.goal_failed(AbandonReason.REJECTED), "first it is tried again"
    assert explorer.goal_failed(AbandonReason.REJECTED, "no")
    aside = [(a.why, a.reason, a.attempts, a.detail) for a in explorer.abandoned]
    assert aside == [(AbandonReason.REJECTED, Reason.CHOSEN_FRONTIER, 2, "no")]
    explorer.step()
    again = explorer.decisions[-1]
    assert all(np.linalg.norm(c.xy - blocked) > 0.25 for c in again.candidates if c.kind is CandidateKind.FRONTIER)


def test_the_driver_may_go_away() -> None:
    world, explorer = three_rooms(), Explorer()
    explorer.start("discover", policy=RESTLESS)
    explorer.update(0, world.T_map_base, world.depth(), world.camera, world.T_map_camera)
    assert explorer.stop(StopReason.DRIVER_GONE).stop_reason is StopReason.DRIVER_GONE
    assert explorer.step().done


def test_a_policy_that_rolls_dice_gives_no_terms() -> None:
    world, explorer = three_rooms(), Explorer()
    explorer.start("discover", policy=Dice(), max_decisions=1)
    drive(world, explorer)
    assert all(not terms for terms in explorer.decisions[0].terms)


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ({"mode": "search", "policy": RESTLESS}, "needs a goal"),
        ({"mode": "discover"}, "needs a policy"),
        ({"mode": "verify", "policy": RESTLESS, "budget_m": 0.0}, "positive"),
    ],
)
def test_requests_that_lack_something_are_refused(asked, hint) -> None:
    with pytest.raises(BadInputError, match=hint):
        Explorer().start(**asked)
