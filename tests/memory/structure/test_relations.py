"""Relations of plain boxes: what is told, what is not, and what no turn or shift may change."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory_agent_ros.memory.structure.config import StructureConfig
from memory_agent_ros.memory.structure.relations import find_relations
from memory_agent_ros.memory.structure.rooms import RoomPlan, RoomShape
from memory_agent_ros.memory.structure.select import related_ids
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.object_query import relation_kind
from memory_agent_ros.records.relation import Relation, RelationKind
from tests.memory.structure.things import BASKET, NO_ROOMS, SHELF, SOFA, TABLE, Block, relations_of, table_of, told

K = RelationKind


def mug(x: float, y: float, z: float, label: str = "mug") -> Block:
    return Block(label, (x, y, z), (0.1, 0.1, 0.12))


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ([TABLE, mug(0.3, 0.1, 0.74)], {("mug", "on", "table")}),
        ([TABLE, mug(0.3, 0.1, 0.78)], {("mug", "on", "table")}),  # an underside that was not seen
        ([TABLE, mug(0.3, 0.1, 0.95)], set()),  # hangs above it
        ([TABLE, mug(0.9, 0.1, 0.74)], set()),  # beside it in the air
        ([TABLE, Block("stool", (0.2, 0.0, 0.0), (0.35, 0.35, 0.45))], {("stool", "under", "table")}),
        ([SOFA, mug(0.1, 0.0, 0.43)], {("mug", "on", "sofa")}),  # on the seat, though inside its box
        ([SHELF, mug(0.2, -0.02, 0.43)], {("mug", "inside", "shelf")}),
        ([SHELF, mug(0.2, 0.0, 1.6)], {("mug", "on", "shelf")}),
        ([BASKET, mug(0.05, 0.0, 0.02)], {("mug", "inside", "basket")}),
        ([TABLE, mug(0.0, 0.0, 0.74), mug(0.25, 0.0, 0.74, "cup")],
         {("mug", "on", "table"), ("cup", "on", "table"), ("mug", "next to", "cup"), ("cup", "next to", "mug")}),
        ([mug(0.0, 0.0, 0.0), mug(0.6, 0.0, 0.0, "cup")], set()),  # too far apart
        ([mug(0.0, 0.0, 0.0), mug(0.25, 0.0, 0.4, "cup")], set()),  # at another height
        ([], set()),
        ([TABLE], set()),
    ],
)  # fmt: skip
def test_what_is_told(blocks: list[Block], expected: set[tuple[str, str, str]]) -> None:
    assert told(blocks, relations_of(blocks)) == expected


def test_a_bowl_on_a_tray_is_on_the_tray() -> None:
    tray = Block("tray", (0.0, 0.0, 0.74), (0.4, 0.3, 0.02))
    blocks = [TABLE, tray, Block("bowl", (0.05, 0.0, 0.76), (0.15, 0.15, 0.07))]
    relations = relations_of(blocks)
    assert told(blocks, relations) == {("tray", "on", "table"), ("bowl", "on", "tray")}
    assert related_ids(relations, K.ON, [1]) == {2, 3}, "and so it is on the table too"
    assert related_ids(relations, K.ON, [2]) == {3}


def test_what_stands_in_a_shelf_counts_as_on_it_but_not_the_other_way() -> None:
    relations = relations_of([SHELF, mug(0.2, -0.02, 0.43), mug(0.2, 0.0, 1.6, "cup")])
    assert related_ids(relations, K.ON, [1]) == {2, 3}
    assert related_ids(relations, K.INSIDE, [1]) == related_ids(relations, K.IN, [1]) == {2}


def test_uncertain_positions_give_uncertain_relations() -> None:
    blocks = [TABLE, mug(0.3, 0.1, 0.74)]
    config = dataclasses.replace(StructureConfig(), least_confidence=0.0)
    sure, unsure = (relations_of(blocks, config, std_m=s)[0].confidence for s in (0.005, 0.05))
    assert sure > 0.99 > unsure
    assert relations_of(blocks, std_m=0.5) == ()


def test_only_the_nearest_neighbours_are_told() -> None:
    row = [mug(0.15 * n, 0.0, 0.0) for n in range(9)]
    config = dataclasses.replace(StructureConfig(), next_m=2.0, next_count=2)
    count = np.bincount([r.subject_id for r in relations_of(row, config)])
    assert count[5] == 2 and count.max() <= 3


def test_neighbours_through_a_wall_are_none() -> None:
    table = table_of([mug(-0.1, 0.0, 0.0), mug(0.1, 0.0, 0.0)])
    nearest = np.repeat([[1, 2]], 40, axis=0).repeat(20, axis=1)
    shapes = tuple(RoomShape(i, np.zeros((0, 2)), 1.0, np.zeros(2), ()) for i in (1, 2))
    margin = np.full((40, 40), 0.5)
    rooms = RoomPlan(shapes, nearest, np.zeros((40, 40)), margin, np.array([-1.0, -1.0]), 0.05)
    found = find_relations(table, rooms, StructureConfig())
    assert [(r.kind, r.subject_id, r.room_id) for r in found] == [(K.IN, 1, 1), (K.IN, 2, 2)]
    assert len(find_relations(table, NO_ROOMS, StructureConfig())) == 2


def test_a_cache_gives_the_same_and_is_not_fooled_by_a_change() -> None:
    before, after = [TABLE, mug(0.3, 0.1, 0.74)], [TABLE, mug(0.3, 0.1, 1.2)]
    cache: dict[object, object] = {}
    first = find_relations(table_of(before), NO_ROOMS, StructureConfig(), cache)  # type: ignore[arg-type]
    assert cache and find_relations(table_of(before), NO_ROOMS, StructureConfig(), cache) == first  # type: ignore[arg-type]
    changed = table_of(after)
    changed = dataclasses.replace(changed, key=(changed.key[0], (2, 1, "mug", 0)))
    assert find_relations(changed, NO_ROOMS, StructureConfig(), cache) == ()  # type: ignore[arg-type]


def test_kinds_by_name() -> None:
    assert relation_kind("next_to") is relation_kind("Next To") is K.NEXT_TO
    with pytest.raises(BadInputError, match="next to"):
        relation_kind("above")


@st.composite
def scenes(draw: st.DrawFn, solid: bool = False) -> list[Block]:
    """Boxes on the floor and on one another, some turned; ``solid`` ones never share space."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    blocks: list[Block] = []
    for n in range(draw(st.integers(2, 7))):
        width, depth, height = rng.uniform([0.1, 0.1, 0.05], [0.8, 0.7, 0.8]).tolist()
        tops = [b for b in blocks if not solid or not any(c.at[:2] == b.at[:2] and c.at[2] > b.at[2] for c in blocks)]
        host = tops[int(rng.integers(len(tops)))] if tops and rng.random() < 0.6 else None
        if host is None:
            at = (1.15 * n, float(rng.uniform(-1.0, 1.0)), 0.0) if solid else (*rng.uniform(-1.0, 1.0, 2).tolist(), 0.0)
        else:
            width, depth = min(width, host.size[0] * 0.6), min(depth, host.size[1] * 0.6)
            at = (host.at[0], host.at[1], host.at[2] + host.size[2])
        blocks.append(Block(str(n), at, (width, depth, height), float(rng.uniform(-0.7, 0.7))))
    return blocks


@settings(max_examples=60, deadline=None)
@given(scenes())
def test_laws_of_relations(blocks: list[Block]) -> None:
    found = {(r.kind, r.subject_id, r.object_id): r for r in relations_of(blocks)}
    for (kind, a, b), relation in found.items():
        assert a != b and 0.0 <= relation.confidence <= 1.0 + 1e-9 and relation.distance_m >= 0.0
        mirrored = found.get((kind, b, a))
        if kind is K.NEXT_TO:
            assert mirrored is not None
            assert (mirrored.distance_m, mirrored.confidence) == (relation.distance_m, relation.confidence)
        else:
            assert mirrored is None, "two things do not carry, contain or cover one another"
        others = {k for k in (K.ON, K.INSIDE, K.UNDER, K.NEXT_TO) if k is not kind}
        assert not any((k, x, y) in found for k in others for x, y in ((a, b), (b, a))), "one relation a pair"
    carried = [a for kind, a, _ in found if kind in (K.ON, K.INSIDE)]
    assert len(carried) == len(set(carried)), "one carrier each"


@settings(max_examples=40, deadline=None)
@given(scenes(solid=True), st.floats(-3.1, 3.1), st.tuples(st.floats(-50, 50), st.floats(-50, 50), st.floats(-3, 3)))
def test_a_turn_and_a_shift_of_the_map_change_no_relation(
    blocks: list[Block], yaw: float, shift: tuple[float, float, float]
) -> None:
    config = dataclasses.replace(StructureConfig(), least_confidence=0.0, next_count=20)
    here = {(r.kind, r.subject_id, r.object_id): r for r in relations_of(blocks, config)}
    there = {(r.kind, r.subject_id, r.object_id): r for r in relations_of(blocks, config, yaw=yaw, shift=shift)}
    for key in set(here) | set(there):
        sure = [moved[key].confidence if key in moved else 0.0 for moved in (here, there)]
        close: Relation | None = here.get(key) or there.get(key)
        assert close is not None
        assert min(sure) > 0.2 or max(sure) < 0.8, (key, sure)
