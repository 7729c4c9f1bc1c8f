"""The agent in a MuJoCo apartment.

``ros2 launch memory_agent_ros simulation.launch.py split:=test seed:=3 width:=640 rviz:=true``
"""

from launch import LaunchDescription
from memory_agent_ros.bringup import SIMULATION_ARGUMENTS, simulation_nodes
from memory_agent_ros.launching import describe


def generate_launch_description() -> LaunchDescription:
    """What ``ros2 launch`` starts."""
    return describe(SIMULATION_ARGUMENTS, simulation_nodes)
