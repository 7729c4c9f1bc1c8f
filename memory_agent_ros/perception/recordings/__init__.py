"""Readers of recorded RGB-D data: 7-Scenes and TUM folders, rosbag2 and MCAP."""
