"""Hostile messages for the nodes; targets of ``memory-agent bench fuzz`` where ROS 2 is there."""
