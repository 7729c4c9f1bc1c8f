"""Pictures, Rerun scenes and RViz markers as plain records."""
