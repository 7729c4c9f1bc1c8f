"""What should be seen, what was, and what follows: seen, gone, unknown."""
