"""Seeded MuJoCo apartments with a mobile base and an RGB-D camera.

Importing the package registers the Gymnasium environment ``MemoryApartment-v0``.
"""

from memory_agent_sim.registration import register_envs

register_envs()
