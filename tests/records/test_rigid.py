import numpy as np
import pytest

from memory_agent_ros.geometry.se3 import planar
from memory_agent_ros.records.rigid import rigid_fault


def test_rigid_transforms_have_no_fault() -> None:
    assert rigid_fault(np.eye(4)) is None and rigid_fault(planar(1e4, -3.0, 2.0, 0.5)) is None


@pytest.mark.parametrize(
    ("matrix", "word"),
    [
        (np.eye(3), "finite 4x4"),
        (np.full((4, 4), np.nan), "finite 4x4"),
        (planar(1.0, 2.0, 0.3).T, "transposed"),
        (np.diag([2.0, 2.0, 2.0, 1.0]), "orthonormal"),
        (np.diag([-1.0, 1.0, 1.0, 1.0]), "right-handed"),
    ],
)
def test_each_fault_is_told(matrix: np.ndarray, word: str) -> None:
    assert word in str(rigid_fault(matrix))


def test_the_tolerance_is_of_the_rotation() -> None:
    stretched = np.diag([1.0001, 1.0, 1.0, 1.0])
    assert rigid_fault(stretched) is None and rigid_fault(stretched, 1e-6) is not None
