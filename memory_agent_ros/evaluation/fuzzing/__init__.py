"""Hostile input for every border of the package; see :mod:`memory_agent_ros.evaluation.benches.fuzz`."""
