"""Kept pictures: which to keep, which to recall, what they show."""
