"""Requests that a robot should refuse, and the neurons of the language model that tell them apart."""
