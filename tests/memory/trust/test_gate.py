"""What is refused because of how it was measured."""

import dataclasses

import numpy as np
import pytest
from driving import at_table, mapped_kitchen
from synthetic import SECOND, kitchen

from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.memory.trust.config import GateConfig
from memory_agent_ros.memory.trust.gate import frame_refusal
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.observation_source import UNNAMED, ObservationSource

STRICT = GateConfig(
    max_rotation_std_deg=5.0, max_stamp_age_s=1.0, max_stamp_ahead_s=0.1, require_extrinsics=True, require_source=True,
    min_depth_share=0.5,
)  # fmt: skip
FRONT = ObservationSource("front")


def test_a_good_frame_passes() -> None:
    frame, _ = kitchen().look(at_table(1)[0])
    frame = dataclasses.replace(
        frame, received_ns=frame.stamp_ns + SECOND // 2, pose_covariance=np.eye(6) * 1e-4, source=FRONT
    )
    assert frame_refusal(frame, STRICT) is None


@pytest.mark.parametrize(
    ("reason", "change"),
    [
        ("rotation_uncertain", {"pose_covariance": np.diag([1e-4] * 5 + [0.1])}),
        ("extrinsics_unknown", {"extrinsics_known": False}),
        ("source_unknown", {"source": UNNAMED}),
        ("stamp_old", {"received_ns": 5 * SECOND}),
        ("stamp_ahead", {"received_ns": 0}),
        ("depth_poor", {"depth_m": np.zeros((120, 160), np.float32)}),
    ],
)
def test_what_is_refused_and_counted(reason: str, change: dict[str, object]) -> None:
    frame, observations = kitchen().look(at_table(1)[0])
    bad = dataclasses.replace(frame, **{"source": FRONT, **change})
    assert frame_refusal(bad, GateConfig()) is None
    with SpatialMemory.open(None, MemoryConfig(gate=STRICT)) as memory:
        with pytest.raises(BadInputError) as caught:
            memory.observe(bad, observations)
        assert caught.value.reason == reason
        assert memory.stats == {f"refused.{reason}": 1}
        assert memory.sources == []


def test_weak_detections_are_left_out_and_counted() -> None:
    with SpatialMemory.open(None, MemoryConfig(gate=GateConfig(min_score=0.95))) as memory:
        mapped_kitchen(memory)
        assert memory.objects() == []
        assert memory.stats["observation.score_low"] > 10
    with SpatialMemory.open(None, MemoryConfig(gate=GateConfig(min_pixels=10_000))) as memory:
        mapped_kitchen(memory)
        assert all(o.label in ("table", "desk", "cupboard") for o in memory.objects())
        assert memory.stats["observation.few_pixels"] > 10
