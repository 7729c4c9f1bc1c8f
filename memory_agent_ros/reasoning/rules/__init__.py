"""Answers by templates: questions that fit a pattern need no language model."""
