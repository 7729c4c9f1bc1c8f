"""Deliberately broken runs for the memory doctor, and the grid of write and retrieval strategies."""
