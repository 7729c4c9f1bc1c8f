"""Families of questions: a syntactic pattern with slots, how they are filled, and the calls that answer it."""
