"""Rooms and relations: what the memory knows of how space and things hang together."""
