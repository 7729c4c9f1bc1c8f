"""Looks of instances: named colours, materials, how things lie."""

import numpy as np
import pytest

pytest.importorskip("mujoco")

from memory_agent_sim.assets import MeshPart
from memory_agent_sim.attributes import (
    TIPPABLE,
    attributes_of,
    colour_names,
    dominant_colour,
    state_of,
)
from memory_agent_sim.boxes import box_mesh
from memory_agent_sim.catalogue import MOVABLE_SOURCES
from memory_agent_sim.instances import SPLITS, movable_instances
from memory_agent_sim.settle import tipped

from memory_agent_ros.geometry.se3 import planar
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.looks import COLOURS, MATERIALS

CUBE = (-0.5, -0.5, 0.0, 0.5, 0.5, 1.0)


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ((10, 10, 10), "black"), ((250, 250, 250), "white"), ((128, 128, 128), "gray"), ((200, 20, 30), "red"),
        ((250, 140, 20), "orange"), ((245, 220, 40), "yellow"), ((40, 150, 60), "green"), ((30, 60, 190), "blue"),
        ((120, 40, 150), "purple"), ((240, 160, 190), "pink"), ((110, 65, 35), "brown"), ((222, 200, 165), "beige"),
    ],
)  # fmt: skip
def test_plain_colours_have_their_usual_names(rgb: tuple[int, int, int], name: str) -> None:
    assert colour_names(np.array([rgb], dtype=np.float64)).tolist() == [name]


def test_every_colour_has_a_name() -> None:
    grid = np.stack(np.meshgrid(*[np.linspace(0, 255, 9)] * 3), axis=-1).reshape(-1, 3)
    assert set(colour_names(grid).tolist()) == set(COLOURS)


def test_the_colour_of_a_thing_is_that_of_most_of_its_surface() -> None:
    def cube(rgb: tuple[float, float, float], half: float) -> MeshPart:
        return box_mesh([(-half, -half, 0, half, half, 2 * half)], None, rgb=rgb)

    assert dominant_colour([cube((0.8, 0.1, 0.1), 1.0), cube((0.1, 0.2, 0.8), 0.3)]) == "red"
    assert dominant_colour([cube((0.8, 0.1, 0.1), 1.0), cube((0.1, 0.2, 0.8), 1.0)]) is None
    # Half of the picture is green, the half that the faces show blue.
    picture = np.zeros((8, 8, 3), np.uint8)
    picture[:, :4], picture[:, 4:] = (40, 150, 60), (30, 60, 190)
    part = box_mesh([CUBE], picture)
    shown = MeshPart(part.vertices, part.normals, part.uv * 0.0 + [0.75, 0.5], part.faces, picture)
    assert dominant_colour([shown]) == "blue"


def test_attributes_come_from_the_key_alone() -> None:
    known = {s.category for s in MOVABLE_SOURCES if attributes_of(f"{s.name}/0").material is None}
    assert known == {"plant"}
    for split in SPLITS:
        for instances in movable_instances(split).values():
            for found in (attributes_of(i.key) for i in instances[:1]):
                assert found.colour is None or found.colour in COLOURS
                assert found.material is None or found.material in MATERIALS
    assert attributes_of("red_coffee_mug/3").colour == "green" and attributes_of("bathtub/0").material == "ceramic"
    assert attributes_of("chair/1").material is None
    with pytest.raises(BadInputError) as caught:
        attributes_of("mug/99")
    assert caught.value.reason == "instance_unknown"


def test_a_tipped_thing_rests_on_the_ground_over_its_place() -> None:
    vertices = np.array([[x, y, z] for x in (-0.1, 0.3) for y in (-0.1, 0.1) for z in (0.0, 0.5)])
    for turn, state in ((0.0, "upright"), (np.pi / 2, "on its side"), (np.pi, "upside down")):
        T = planar(1.0, 2.0, 0.7, 0.4) @ tipped(vertices, turn)
        points = vertices @ T[:3, :3].T + T[:3, 3]
        assert points[:, 2].min() == pytest.approx(0.4)
        assert state_of(TIPPABLE[0], T[:3, :3]) == state
        assert np.allclose((points.min(axis=0) + points.max(axis=0))[:2] / 2, [1.0, 2.0], atol=0.15)
    assert state_of("table", np.eye(3)) is None
    assert state_of(TIPPABLE[0], tipped(vertices, np.pi / 4)[:3, :3]) is None
