"""What people correct by hand: it outranks detections, and is undone by another correction."""
