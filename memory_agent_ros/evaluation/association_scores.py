"""How well identities were kept: IDF1, switches and duplicates over all detections of a walk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment


@dataclass(frozen=True)
class IdentityCounts:
    """Counts of one walk; sums of several are pooled.

    Attributes:
        matched: detections whose identity is the one matched with their instance (IDTP).
        true: detections of an instance; claimed: detections that were given an identity.
        switches: how often an instance's identity differs from that of its detection before.
        identities: identities most of whose detections show an instance; instances: instances with such an identity.
    """

    matched: int
    true: int
    claimed: int
    switches: int
    identities: int
    instances: int

    @property
    def idf1(self) -> float:
        """2 IDTP / (true + claimed) (Ristani et al., 2016), 1 if there is nothing."""
        total = self.true + self.claimed
        return 2.0 * self.matched / total if total else 1.0


def score_identities(true_ids: Sequence[int], given_ids: Sequence[int]) -> IdentityCounts:
    """Compare identities over all detections in order of time.

    Args:
        true_ids: instance of each detection, 0 for a false positive.
        given_ids: identity each was given, 0 for none.

    The one-to-one matching of instances and identities is the one with most detections in common, over the whole walk.
    """
    true, given = np.asarray(true_ids, dtype=np.int64), np.asarray(given_ids, dtype=np.int64)
    both = (true > 0) & (given > 0)
    instances, row = np.unique(true[both], return_inverse=True)
    identities, column = np.unique(given[both], return_inverse=True)
    common = np.zeros((len(instances), len(identities)), dtype=np.int64)
    np.add.at(common, (row, column), 1)
    matched = int(common[linear_sum_assignment(-common)].sum()) if common.size else 0
    owned = common.argmax(axis=0)[_mostly_real(identities, common, true, given)] if common.size else np.zeros(0)
    return IdentityCounts(
        matched, int((true > 0).sum()), int((given > 0).sum()), _switches(true[both], given[both]),
        len(owned), len(np.unique(owned)),
    )  # fmt: skip


def _mostly_real(
    identities: NDArray[np.int64], common: NDArray[np.int64], true: NDArray[np.int64], given: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Which identities have no more false positives than detections of their main instance."""
    false = np.array([int(((given == i) & (true == 0)).sum()) for i in identities])
    return np.asarray(common.max(axis=0) >= false)


def _switches(true: NDArray[np.int64], given: NDArray[np.int64]) -> int:
    order = np.argsort(true, kind="stable")
    same = true[order][1:] == true[order][:-1]
    return int((same & (given[order][1:] != given[order][:-1])).sum())
