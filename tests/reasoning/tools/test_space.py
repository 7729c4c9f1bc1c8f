"""Distances between boxes."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from memory_agent_ros.reasoning.tools.space import centre_distances_m, gaps_m, nearest_first
from memory_agent_ros.records.box import OrientedBox

_NUMBERS = st.tuples(*[st.floats(-2, 2)] * 3, *[st.floats(0.1, 1.5)] * 3, st.floats(-3, 3))


def _thing(numbers: tuple[float, ...], number: int = 0) -> SimpleNamespace:
    return SimpleNamespace(id=number, box=OrientedBox(np.array(numbers[:3]), np.array(numbers[3:6]), numbers[6]))


def _surface(box: OrientedBox, steps: int = 9) -> np.ndarray:
    """Points on and in the box, on a grid that holds its corners."""
    unit = np.linspace(-0.5, 0.5, steps)
    local = np.stack(np.meshgrid(unit, unit, unit), axis=-1).reshape(-1, 3) * box.size
    c, s = np.cos(box.yaw), np.sin(box.yaw)
    return local @ np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]]) + box.center


@settings(max_examples=40, deadline=None)
@given(_NUMBERS, _NUMBERS)
def test_gaps_are_those_of_the_nearest_points(a: tuple[float, ...], b: tuple[float, ...]) -> None:
    one, other = _thing(a), _thing(b)
    gap = float(gaps_m([one], [other])[0, 0])
    assert gap == float(gaps_m([other], [one])[0, 0])
    points = np.linalg.norm(_surface(one.box)[:, None] - _surface(other.box)[None], axis=2).min()
    assert gap <= points + 1e-9, "no pair of points is nearer than the boxes"
    assert points <= gap + 0.5, "the grid is coarse, but not that coarse"
    assert gap <= float(centre_distances_m([one], [other])[0, 0]) + 1e-9


def test_nearest_first_goes_by_gap_then_centre_then_id() -> None:
    table = _thing((0, 0, 0, 2, 2, 1, 0), 1)
    far, touching, over = (
        _thing((5, 0, 0, 1, 1, 1, 0), 2), _thing((1.4, 0, 0, 1, 1, 1, 0), 3), _thing((0, 0, 0.5, 0.2, 0.2, 1, 0), 4),
    )  # fmt: skip
    assert [o.id for o in nearest_first([far, touching, over], [table])] == [4, 3, 2]
    assert nearest_first([], [table]) == () and nearest_first([far], []) == (far,)
