"""Registers the Gymnasium environments."""

from __future__ import annotations

ENV_ID = "MemoryApartment-v0"


def register_envs() -> None:
    """Make ``gymnasium.make("MemoryApartment-v0")`` work; safe to call again."""
    import gymnasium

    if ENV_ID not in gymnasium.registry:
        gymnasium.register(id=ENV_ID, entry_point="memory_agent_sim.env:MemoryApartmentEnv")
