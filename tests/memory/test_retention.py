"""A policy of how long is remembered: what is due, that it is erased and recorded, that the rest stays."""

from pathlib import Path

import pytest
from driving import at_cupboard, at_desk, at_table, watch
from synthetic import SECOND, kitchen

from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.retention import AUTHOR, RetentionConfig, due, retain
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.memory.trust.config import QuarantineConfig
from memory_agent_ros.records.errors import BadInputError

DAY = 86_400 * SECOND


@pytest.fixture
def memory() -> SpatialMemory:
    """The table was seen ten days before the desk, the cupboard two days after the desk."""
    memory, world = SpatialMemory.open(None), kitchen()
    for poses, days in ((at_table(), 10), (at_desk(), 2), (at_cupboard(), 0)):
        watch(memory, world, poses)
        world.stamp_ns += days * DAY
    return memory


def labels(memory: SpatialMemory) -> set[str]:
    return {o.label for o in memory.objects()}


def last(memory: SpatialMemory) -> int:
    assert memory.last_stamp_ns is not None
    return memory.last_stamp_ns


def test_nothing_is_forgotten_by_default(memory: SpatialMemory) -> None:
    assert RetentionConfig().keeps_everything and due(memory, RetentionConfig(), last(memory) + 999 * DAY) == []


def test_what_was_not_seen_for_longer_goes_and_is_recorded(memory: SpatialMemory) -> None:
    before = labels(memory)
    policy = RetentionConfig(objects_days=5.0)
    (receipt,) = retain(memory, policy, last(memory))
    assert {"mug", "bowl", "box", "table"} & labels(memory) == set() and labels(memory) < before
    assert receipt.author == AUTHOR and "objects_days=5" in receipt.reason and memory.receipts() == [receipt]
    assert retain(memory, policy, last(memory)) == [] and memory.verify() == []


def test_a_label_may_have_a_limit_of_its_own(memory: SpatialMemory) -> None:
    retain(memory, RetentionConfig(objects_days=5.0, label_days="mug=30, table = 0.5"), last(memory))
    assert "mug" in labels(memory) and "bowl" not in labels(memory) and "table" not in labels(memory)


@pytest.mark.parametrize(
    ("policy", "kept"),
    [
        (RetentionConfig(objects_days=5.0), {"cupboard"}),
        (RetentionConfig(label_days="Mugs=5"), {"bowl", "box", "cupboard"}),  # the picture of the table shows the mug
        (RetentionConfig(objects_days=5.0, label_days="cupboard=0.5"), set()),
        (RetentionConfig(history_days=5.0), {"cupboard"}),
        (RetentionConfig(most_objects=1000), {"mug", "bowl", "box", "table", "cupboard"}),
    ],
)
def test_what_is_in_quarantine_goes_as_objects_do(policy: RetentionConfig, kept: set[str]) -> None:
    config = MemoryConfig(quarantine=QuarantineConfig(vocabulary=("nothing of this",)))
    with SpatialMemory.open(None, config) as memory:
        world = kitchen()
        watch(memory, world, at_table(2))
        world.stamp_ns += 6 * DAY
        watch(memory, world, at_cupboard(2))
        assert labels(memory) == set() and {e.label for e in memory.quarantine()} >= kept
        retain(memory, policy, last(memory) + DAY)
        assert {e.label for e in memory.quarantine()} == kept
        assert due(memory, policy, last(memory) + DAY) == [] and memory.verify() == []


def test_beyond_a_number_those_not_seen_longest_go(memory: SpatialMemory) -> None:
    kept = sorted(memory.objects(), key=lambda o: (o.last_seen_ns, o.id))[-3:]
    retain(memory, RetentionConfig(most_objects=3), last(memory))
    assert {o.id for o in memory.objects()} == {o.id for o in kept}


def test_history_goes_with_what_no_later_picture_shows(tmp_path: Path) -> None:
    with SpatialMemory.open(tmp_path / "history.map") as memory:
        world = kitchen()
        watch(memory, world, at_table())
        first = last(memory)
        at_first = labels(memory)
        world.stamp_ns += 10 * DAY
        watch(memory, world, at_desk())
        since = labels(memory) - at_first
        retain(memory, RetentionConfig(history_days=5.0), last(memory))
        assert since and labels(memory) == since and memory.verify() == []
        assert all(memory.keyframe(k).stamp_ns > first for k in memory.keyframe_ids())


@pytest.mark.parametrize("wrong", [{"objects_days": -1.0}, {"label_days": "mug"}, {"label_days": "mug=0"}])
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(BadInputError) as caught:
        RetentionConfig(**wrong)  # type: ignore[arg-type]
    assert caught.value.reason == "retention"
