"""Forgetting for good: what to erase, what never to take in again, and what was done."""
