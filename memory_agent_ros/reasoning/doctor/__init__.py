"""The memory doctor: which stage failed when an answer is wrong."""
