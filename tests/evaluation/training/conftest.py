"""Apartments of the twin in a cache of their own."""

from tests.evaluation.exploration.conftest import own_cache  # noqa: F401
