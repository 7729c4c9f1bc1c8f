"""Stages from the world to an answer, and what the doctor says of them."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


class Stage(enum.StrEnum):
    """Where it went wrong, in the order in which things pass."""

    NEVER_SEEN = "never_seen"
    DETECTED_WRONG = "detected_wrong"
    STORED_WRONG = "stored_wrong"
    NOT_RETRIEVED = "not_retrieved"
    NOT_USED = "not_used"


@dataclass(frozen=True)
class Finding:
    """What became of one thing.

    Attributes:
        thing: the expected thing, or the extra one, in words.
        stage: where it was lost; None if it is stored as it should be.
        why: what the memory's records show, in a sentence.
        object_id: the stored object it was recognised in, or that it was put to; 0 for none.
    """

    thing: str
    stage: Stage | None
    why: str
    object_id: int = 0


@dataclass(frozen=True)
class Diagnosis:
    """Which stage failed, with what became of each thing.

    Attributes:
        stage: the first stage that lost something that the answer needed.
        why: the finding that says so.
        findings: of all things.
    """

    stage: Stage
    why: str
    findings: tuple[Finding, ...]


def table(stages: Iterable[Stage]) -> dict[str, float]:
    """Share of each stage among wrong answers; the shares sum to 1 (all 0 without any)."""
    counts = Counter(stages)
    total = sum(counts.values())
    return {str(stage): counts[stage] / total if total else 0.0 for stage in Stage}
