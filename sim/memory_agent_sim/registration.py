"""Registers the Gymnasium environments."""

from __future__ import annotations

ENV_ID = "MemoryApartment-v0"
TWIN_ENV_ID = "MemoryApartmentTwin-v0"


def register_envs() -> None:
    """Make ``make("MemoryApartment-v0")`` and ``make_vec("MemoryApartmentTwin-v0")`` work; safe to call again."""
    import gymnasium

    if ENV_ID not in gymnasium.registry:
        gymnasium.register(id=ENV_ID, entry_point="memory_agent_sim.env:MemoryApartmentEnv")
    if TWIN_ENV_ID not in gymnasium.registry:
        gymnasium.register(id=TWIN_ENV_ID, vector_entry_point="memory_agent_sim.twin.vector_env:TwinVectorEnv")
