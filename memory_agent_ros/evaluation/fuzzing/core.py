"""The targets that need neither ROS 2 nor the command line."""

from __future__ import annotations

from memory_agent_ros.evaluation.fuzzing import maps
from memory_agent_ros.evaluation.fuzzing.target import Target

TARGETS: tuple[Target, ...] = (*maps.TARGETS,)
