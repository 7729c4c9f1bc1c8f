"""Benchmarks of trust: tampering, crashes, poison, forgetting."""
