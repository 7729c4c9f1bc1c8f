"""The apartments without physics and pictures: places, ways and what is seen from where, in tables."""
