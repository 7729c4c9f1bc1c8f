"""Seeded MuJoCo apartments with a mobile base and an RGB-D camera."""
