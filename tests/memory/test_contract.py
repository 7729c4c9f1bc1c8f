"""The contract holds for the real memory and catches broken ones, each by the clause it breaks."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from memory_agent_ros.memory.contract import CLAUSES, ContractError, check_memory
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.event import EventKind, MemoryEvent
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.map_object import MapObject, ObjectState
from memory_agent_ros.records.observation import Observation


def test_the_real_memory_keeps_the_contract(place: Callable[[str], str]) -> None:
    numbers = iter(range(1000))
    names = check_memory(lambda: SpatialMemory.open(place(str(next(numbers)))), SpatialMemory.open)
    assert names == [c.__name__ for c in CLAUSES] + ["save_and_open"]


class TakesAnyStamp(SpatialMemory):
    def observe(self, frame: Frame, observations: Sequence[Observation]) -> list[MemoryEvent]:
        try:
            return super().observe(frame, observations)
        except BadInputError:
            return []


class NeverForgetsAnEvent(SpatialMemory):
    def changes(self, since_ns: int = 0) -> list[MemoryEvent]:
        return super().changes(0)


class BelievesNothingIsGone(SpatialMemory):
    def get(self, object_id: int) -> MapObject:
        return dataclasses.replace(super().get(object_id), state=ObjectState.PRESENT)


class TakesHiddenForGone(SpatialMemory):
    """Ignores what stands in front: judges as if the depth image saw through everything."""

    def observe(self, frame: Frame, observations: Sequence[Observation]) -> list[MemoryEvent]:
        return super().observe(dataclasses.replace(frame, depth_m=np.full_like(frame.depth_m, 9.0)), observations)


class Fades(SpatialMemory):
    """Presence decays with time, as some maps do."""

    def objects(self, include_tentative: bool = False) -> list[MapObject]:
        now = self.last_stamp_ns or 0
        return [
            dataclasses.replace(o, presence=o.presence * 0.5 ** ((now - o.last_seen_ns) / 1e15))
            for o in super().objects(include_tentative)
        ]


class AnswersWithoutEvidence(SpatialMemory):
    def find(self, *args: object, **kwargs: object) -> list[MapObject]:
        return [dataclasses.replace(o, evidence=()) for o in super().find(*args, **kwargs)]  # type: ignore[arg-type]


class ForgetsByName(SpatialMemory):
    """Hides erased objects from ``find`` only."""

    def forget(self, object_ids: Sequence[int] = (), label: str | None = None, region: object = None) -> list[int]:
        ids = [o.id for o in self.find(label)]
        for object_id in ids:
            self.relabel(object_id, "erased", "forget")
        return ids


class NewIdentityAtEachPlace(SpatialMemory):
    def observe(self, frame: Frame, observations: Sequence[Observation]) -> list[MemoryEvent]:
        events = super().observe(frame, observations)
        return [dataclasses.replace(e, kind=EventKind.ADDED) if e.kind is EventKind.MOVED else e for e in events]


class ShowsTentative(SpatialMemory):
    def find(self, *args: object, **kwargs: object) -> list[MapObject]:
        return super().find(*args, **kwargs) or super().objects(include_tentative=True)  # type: ignore[arg-type]


class IgnoresRadius(SpatialMemory):
    def near(self, *args: object, **kwargs: object) -> list[MapObject]:
        return super().near(*args, **{**kwargs, "radius_m": 99.0})  # type: ignore[arg-type]


class CountsLabelsTwice(SpatialMemory):
    def labels(self) -> dict[str, int]:
        return dict.fromkeys(super().labels(), 2)


class KeepsTipsOfWhatItForgot(SpatialMemory):
    def forget(self, object_ids: Sequence[int] = (), label: str | None = None, region: object = None) -> list[int]:
        tips = self.tips.of("search")
        erased = super().forget(object_ids, label, region)  # type: ignore[arg-type]
        self.tips.remember(tips)
        return erased


class LosesTheLog(SpatialMemory):
    """Saves the objects without their events."""

    def save(self, path: Path | str | None = None) -> Path:
        self._store.rows("DELETE FROM events")
        return super().save(path)


@pytest.mark.parametrize(
    ("broken", "clause"),
    [
        (TakesAnyStamp, "bad_frames_are_refused"),
        (NeverForgetsAnEvent, "queries_agree"),
        (BelievesNothingIsGone, "removed_is_gone"),
        (TakesHiddenForGone, "occluded_is_not_gone"),
        (Fades, "not_looked_at_is_not_gone"),
        (AnswersWithoutEvidence, "evidence_resolves"),
        (ForgetsByName, "forgotten_is_forgotten"),
        (NewIdentityAtEachPlace, "moved_keeps_its_identity"),
        (ShowsTentative, "one_glance_is_not_enough"),
        (IgnoresRadius, "queries_agree"),
        (CountsLabelsTwice, "queries_agree"),
        (KeepsTipsOfWhatItForgot, "tips_are_kept"),
        (LosesTheLog, "save_and_open"),
    ],
)
def test_broken_memories_are_caught(broken: type[SpatialMemory], clause: str) -> None:
    with pytest.raises(ContractError) as caught:
        check_memory(lambda: broken.open(None), SpatialMemory.open)
    assert caught.value.clause == clause
