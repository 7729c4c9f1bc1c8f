"""Parameters of ``adapter_node``."""

from __future__ import annotations

from dataclasses import dataclass

from memory_agent_ros.nodes.parameters import parameter


@dataclass(frozen=True)
class AdapterNodeConfig:
    """Parameters of ``adapter_node``."""

    folder: str = parameter(
        "", "Folder of the adapters, beside the map: home.map.adapters; empty keeps them until the node is cleaned up."
    )
    refresh: bool = parameter(
        True, "Write the memory into its adapter at start and as events arrive; without, when a service asks for it."
    )
    refresh_period_s: float = parameter(
        10.0, "Shortest time between two refreshes that events cause, wall seconds; what is forgotten goes at once.",
        minimum=0.1, maximum=3600.0,
    )  # fmt: skip
    most_chunks: int = parameter(
        8, "Most chunks of an adapter that answer a question together, the most relevant ones.", minimum=1, maximum=1000
    )
    by_place: bool = parameter(
        False,
        "Of several internalised texts, let only that answer which speaks of what the robot saw lately: texts about "
        "several homes.",
    )
    threads: int = parameter(1, "CPU threads of the language model.", minimum=1, maximum=256)
    query_timeout_s: float = parameter(5.0, "Wall seconds a query to the memory may take.", minimum=0.1, maximum=120.0)
    queue: int = parameter(8, "Requests that may wait; further ones are refused.", minimum=1, maximum=1000)
