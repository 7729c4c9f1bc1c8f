"""What new poses of some anchors do to every frame of a map: interpolation of rigid corrections over time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

Matrices = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Corrections:
    """A rigid correction per frame: ``p_new = C @ p_old`` for what was measured from that frame.

    Attributes:
        rows: (N,) int64 frame rows, ascending.
        stamps_ns: (N,) int64 their stamps.
        T_old, C: (N, 4, 4) poses before, and corrections, both in the map frame.
    """

    rows: NDArray[np.int64]
    stamps_ns: NDArray[np.int64]
    T_old: Matrices
    C: Matrices

    @staticmethod
    def of(
        rows: NDArray[np.int64], stamps_ns: NDArray[np.int64], T_old: Matrices, named: Mapping[int, NDArray[np.float64]]
    ) -> Corrections:
        """Corrections of all frames from new (4, 4) poses of the ``named`` ones, which must be among ``rows``."""
        ids = np.array(sorted(named), dtype=np.int64)
        at = np.searchsorted(rows, ids)
        T_new = np.stack([named[int(i)] for i in ids])
        known = T_new @ inverses(T_old[at])
        order = np.argsort(stamps_ns[at], kind="stable")
        C = interpolate_rigid(stamps_ns[at][order], known[order], stamps_ns, T_old[:, :3, 3])
        C[at] = known
        return Corrections(rows, stamps_ns, T_old, C)

    @property
    def T_new(self) -> Matrices:  # noqa: N802
        """(N, 4, 4) poses after."""
        return self.C @ self.T_old

    @property
    def moved_m(self) -> NDArray[np.float64]:
        """(N,) how far each frame's camera moves."""
        return np.asarray(np.linalg.norm(self.T_new[:, :3, 3] - self.T_old[:, :3, 3], axis=1))

    def index_of(self, rows: NDArray[np.integer]) -> NDArray[np.intp]:
        """(M,) frame rows -> index of each here; of a row that is no longer kept, the nearest one."""
        after = np.clip(np.searchsorted(self.rows, rows), 0, len(self.rows) - 1)
        before = np.clip(after - 1, 0, None)
        nearer = np.abs(self.rows[before] - rows) < np.abs(self.rows[after] - rows)
        return np.where(nearer, before, after)

    def index_at(self, stamps_ns: NDArray[np.int64]) -> NDArray[np.intp]:
        """(M,) stamps -> index of the frame nearest in time."""
        order = np.argsort(self.stamps_ns, kind="stable")
        times = self.stamps_ns[order]
        after = np.clip(np.searchsorted(times, stamps_ns), 0, len(times) - 1)
        before = np.clip(after - 1, 0, None)
        nearer = np.abs(times[before] - stamps_ns) < np.abs(times[after] - stamps_ns)
        return np.asarray(order[np.where(nearer, before, after)])

    def apply(self, index: NDArray[np.intp], points: NDArray[np.floating]) -> NDArray[np.float64]:
        """(M, 3) points, each under the correction of its index -> (M, 3)."""
        C = self.C[index]
        return np.asarray(np.einsum("nij,nj->ni", C[:, :3, :3], points) + C[:, :3, 3])

    def yaw(self, index: NDArray[np.intp]) -> NDArray[np.float64]:
        """(M,) turn about world z of the correction of each index, radians."""
        return np.asarray(np.arctan2(self.C[index, 1, 0], self.C[index, 0, 0]))


def interpolate_rigid(
    known_ns: NDArray[np.int64], known: Matrices, stamps_ns: NDArray[np.int64], at: NDArray[np.float64]
) -> Matrices:
    """Rigid corrections between known ones, by stamp; beyond the ends they stay what they are there.

    Rotation by slerp. Translation linear in what both neighbours would do to the frame's own position, so the result
    depends on no origin, and neighbours that agree give exactly what they agree on.

    Args:
        known_ns: (K,) int64, ascending.
        known: (K, 4, 4).
        stamps_ns: (N,) int64.
        at: (N, 3) positions of the frames.

    Returns:
        (N, 4, 4).
    """
    after = np.clip(np.searchsorted(known_ns, stamps_ns, side="right"), 1, max(len(known_ns) - 1, 1))
    after = np.minimum(after, len(known_ns) - 1)
    before = np.maximum(after - 1, 0)
    span = np.maximum(known_ns[after] - known_ns[before], 1)
    share = np.clip((stamps_ns - known_ns[before]) / span, 0.0, 1.0)
    share[after == before] = 0.0
    A, B = known[before], known[after]
    first = Rotation.from_matrix(A[:, :3, :3])
    turn = (first.inv() * Rotation.from_matrix(B[:, :3, :3])).as_rotvec()
    R = (first * Rotation.from_rotvec(turn * share[:, None])).as_matrix()
    to_a = np.einsum("nij,nj->ni", A[:, :3, :3], at) + A[:, :3, 3]
    to_b = np.einsum("nij,nj->ni", B[:, :3, :3], at) + B[:, :3, 3]
    target = to_a + share[:, None] * (to_b - to_a)
    out = np.tile(np.eye(4), (len(stamps_ns), 1, 1))
    out[:, :3, :3] = R
    out[:, :3, 3] = target - np.einsum("nij,nj->ni", R, at)
    return out


def inverses(T: Matrices) -> Matrices:
    """Inverses of (N, 4, 4) rigid transforms."""
    out = np.tile(np.eye(4), (len(T), 1, 1))
    Rt = T[:, :3, :3].transpose(0, 2, 1)
    out[:, :3, :3] = Rt
    out[:, :3, 3] = -np.einsum("nij,nj->ni", Rt, T[:, :3, 3])
    return out
