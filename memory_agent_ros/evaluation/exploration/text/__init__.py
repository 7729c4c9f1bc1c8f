"""Text environments nobody here wrote, behind the protocol of exploration."""
