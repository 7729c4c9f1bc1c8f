"""Frozen dataclasses that every room shares. They import numpy only."""
