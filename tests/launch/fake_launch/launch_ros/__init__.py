"""Stand-in for ROS 2's ``launch_ros``."""
