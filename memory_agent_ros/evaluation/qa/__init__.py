"""Questions about what a robot remembers: worlds, question families, tasks, scores."""
