"""Is a matrix a rigid transform? Asked wherever poses come in."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def rigid_fault(T: ArrayLike, tolerance: float = 1e-3) -> str | None:
    """What keeps a matrix from being a finite rigid (4, 4) transform, ready to follow its name; None if it is one.

    ``tolerance`` is of the rotation's products: how far ``R @ R.T`` may be from the identity.
    """
    matrix = np.asarray(T, dtype=np.float64)
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
        return "must be a finite 4x4 matrix; check the pose source"
    if np.abs(matrix[3] - [0, 0, 0, 1]).max() > 1e-6:
        return "must have the last row 0 0 0 1; is it transposed?"
    R = matrix[:3, :3]
    if np.abs(R @ R.T - np.eye(3)).max() > tolerance or np.linalg.det(R) < 0:
        return "must have an orthonormal, right-handed rotation"
    return None
