"""The agent on a robot that brings its own camera, base and TF.

``ros2 launch memory_agent_ros memory_agent.launch.py params_file:=turtlebot4_oakd map_path:=$HOME/home.map``
"""

from launch import LaunchDescription
from memory_agent_ros.bringup import ROBOT_ARGUMENTS, robot_nodes
from memory_agent_ros.launching import describe


def generate_launch_description() -> LaunchDescription:
    """What ``ros2 launch`` starts."""
    return describe(ROBOT_ARGUMENTS, robot_nodes)
