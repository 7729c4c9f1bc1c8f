"""Exploration measured: tasks, the twin behind the protocol of policies, episodes, scores."""
