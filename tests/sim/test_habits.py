from __future__ import annotations

import hashlib

import numpy as np
import pytest
from memory_agent_sim.catalogue import MOVABLE_SOURCES
from memory_agent_sim.edits import EditSampler
from memory_agent_sim.habits import EXCHANGED, FLOOR, HABITUAL, PLACEMENTS, STUDENT_FLAT, possible_places, prior
from memory_agent_sim.layout import Layout, ObjectPlacer, draw_layout, surfaces_of
from memory_agent_sim.simulation import SimulationConfig

from memory_agent_ros.records.errors import BadInputError

CATEGORIES = sorted({source.category for source in MOVABLE_SOURCES})


def digest(layout: Layout) -> str:
    parts: list[object] = [
        (o.instance.key, o.room, o.furniture, *(round(v, 9) for v in (o.x, o.y, o.z, o.yaw))) for o in layout.objects
    ]
    parts += [s.key for s in layout.spares] + [round(v, 9) for v in layout.start] + list(layout.floor_choice)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def by_habit(layout: Layout, placement: str) -> tuple[int, int]:
    """How many things stand where the habits of a placement put them, and how many there are."""
    hits = 0
    for o in layout.objects:
        kind = FLOOR if o.furniture is None else layout.furniture[o.furniture].instance.category
        probabilities = prior(o.instance.category, placement)
        hits += probabilities[layout.plan.rooms[o.room].name, kind] > 0.08
    return hits, len(layout.objects)


@pytest.mark.parametrize(
    ("split", "seed", "rooms", "cluttered", "expected"),
    [
        ("train", 0, None, False, "7229a005ebcfd2c5"),
        ("val", -7, None, False, "265720e76fa3b761"),
        ("test", 12, 4, False, "0008c311e66f44e9"),
        ("train", 5, 3, True, "5ac5c579d55ce085"),
    ],
)
def test_uniform_is_what_it_was_before_there_were_habits(
    split: str, seed: int, rooms: int | None, cluttered: bool, expected: str
) -> None:
    assert digest(draw_layout(split, seed, rooms, cluttered=cluttered)) == expected
    assert digest(draw_layout(split, seed, rooms, cluttered=cluttered, placement="uniform")) == expected


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("category", CATEGORIES)
def test_prior_is_a_distribution_over_possible_places(category: str, placement: str) -> None:
    found = prior(category, placement)
    assert sum(found.values()) == pytest.approx(1.0)
    assert min(found.values()) > 0
    assert set(found) == set(possible_places(category))


@pytest.mark.parametrize("table", [HABITUAL, STUDENT_FLAT])
def test_every_habit_can_be_followed(table: dict[str, dict[tuple[str, str], float]]) -> None:
    assert sorted(table) == CATEGORIES
    for category, habits in table.items():
        assert set(habits) & set(possible_places(category)), category


def test_about_half_of_the_categories_shift_and_the_rest_do_not() -> None:
    changed = [c for c in CATEGORIES if prior(c, "shifted") != prior(c, "habitual")]
    assert sorted(changed) == sorted(EXCHANGED)
    assert 0.4 < len(changed) / len(CATEGORIES) < 0.6


def test_things_stand_where_the_habits_say_with_noise() -> None:
    for placement in ("habitual", "shifted", "student_flat"):
        scores = np.array([by_habit(draw_layout("train", s, placement=placement), placement) for s in range(10)])
        share = scores[:, 0].sum() / scores[:, 1].sum()
        assert 0.6 < share < 0.95, placement
    plain = np.array([by_habit(draw_layout("train", s), "habitual") for s in range(10)])
    assert plain[:, 0].sum() / plain[:, 1].sum() < 0.3


def test_placement_changes_things_but_not_rooms_and_furniture() -> None:
    plain, habitual = draw_layout("val", 4), draw_layout("val", 4, placement="habitual")
    assert digest(plain) != digest(habitual)
    assert [f.instance.key for f in plain.furniture] == [f.instance.key for f in habitual.furniture]
    assert [(r.name, *r.minimum) for r in plain.plan.rooms] == [(r.name, *r.minimum) for r in habitual.plan.rooms]


def test_moved_things_follow_the_habits() -> None:
    kept = total = 0
    for seed in range(6):
        layout = draw_layout("train", seed, placement="habitual")
        placer = ObjectPlacer(layout.plan, layout.furniture, list(layout.objects), placement="habitual")
        standing = dict(enumerate(layout.objects, start=1))
        sampler = EditSampler(placer, surfaces_of(layout.plan, layout.furniture), standing, {}, None)
        edits = sampler.sample(np.random.default_rng(seed), 8, ("move",))
        assert len(edits) == 8
        for edit in edits:
            o = sampler.standing[edit.object_id]
            kind = FLOOR if o.furniture is None else layout.furniture[o.furniture].instance.category
            kept += prior(o.instance.category, "habitual")[layout.plan.rooms[o.room].name, kind] > 0.08
            total += 1
    assert kept / total > 0.35


def test_unknown_names_are_refused() -> None:
    with pytest.raises(BadInputError, match="student_flat"):
        draw_layout("train", 0, placement="messy")
    with pytest.raises(BadInputError, match="placement"):
        SimulationConfig(placement="messy")
    with pytest.raises(BadInputError, match="called"):
        prior("unicorn", "habitual")
