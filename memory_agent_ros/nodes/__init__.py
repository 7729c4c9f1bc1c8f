"""ROS 2 nodes: the only place that imports rclpy."""

from memory_agent_ros.ros_environment import refuse_mixed_environments

refuse_mixed_environments()  # before the first import of rclpy: two installations in one process crash the loader
