"""Texts in the world and in memory that try to become calls."""
