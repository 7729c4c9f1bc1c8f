"""The memory tools that calls name, one group a file."""
