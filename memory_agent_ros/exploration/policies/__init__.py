"""Policies without training, behind the same protocol as the learned ones."""
