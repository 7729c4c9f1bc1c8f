"""Frames to detections to observations."""
