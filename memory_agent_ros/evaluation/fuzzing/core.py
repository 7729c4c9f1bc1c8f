"""The targets that do not need ROS 2."""

from __future__ import annotations

from memory_agent_ros.evaluation.fuzzing import adapters, maps, recordings, trust, words
from memory_agent_ros.evaluation.fuzzing.target import Target

TARGETS: tuple[Target, ...] = (*maps.TARGETS, *trust.TARGETS, *recordings.TARGETS, *words.TARGETS, *adapters.TARGETS)
