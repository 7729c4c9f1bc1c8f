"""A whole episode: explore, change the world, patrol."""

from __future__ import annotations

import dataclasses
import tempfile
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memory_agent_ros.evaluation.episode import PLAIN, Episode, EpisodeConfig, Hook, make_simulation
from memory_agent_ros.evaluation.phase import PhaseResult
from memory_agent_ros.exploration.labels import LabelVectors
from memory_agent_ros.exploration.policies.by_name import policy_by_name
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.perception.factory import lazy_text_embedder


@dataclass(frozen=True, eq=False)
class EpisodeResult:
    """What an episode gave.

    Attributes:
        split, seed, policy: what was run.
        phases: exploration, and the patrol if there was one.
        coverage: share of the free floor seen in the exploration, by room.
        objects: label -> number of confirmed present objects at the end.
        events: kind -> number of events.
        edits: what was changed, as counts.
        map_path: the map file, or None if it was not kept.
    """

    split: str
    seed: int
    policy: str
    phases: tuple[PhaseResult, ...]
    coverage: Mapping[str, float]
    objects: Mapping[str, int]
    events: Mapping[str, int]
    edits: Mapping[str, int]
    map_path: str | None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {
            "split": self.split,
            "seed": self.seed,
            "policy": self.policy,
            "phases": [p.summary() for p in self.phases],
            "coverage": {k: round(v, 4) for k, v in self.coverage.items()},
            "objects": dict(self.objects),
            "events": dict(self.events),
            "edits": dict(self.edits),
            "map": self.map_path,
        }


def run_episode(
    split: str,
    seed: int,
    policy: str = PLAIN,
    config: EpisodeConfig | None = None,
    *,
    map_path: Path | None = None,
    hook: Hook | None = None,
    progress: bool = False,
) -> EpisodeResult:
    """Run one episode: explore, and if ``config.edits`` > 0 change the world and patrol.

    Args:
        split: "train", "val" or "test".
        seed: any integer.
        policy: see :class:`EpisodeConfig`.
        config: settings.
        map_path: where to keep the map; thrown away if None.
        hook: called with a :class:`Tick` after each frame.
        progress: show bars.

    Raises:
        BadInputError: ``policy_unknown``, ``policy_unavailable``.
        MissingExtraError: the simulator is not installed.
    """
    config = dataclasses.replace(config or EpisodeConfig(), policy=policy)
    if policy != PLAIN:
        policy_by_name(policy, LabelVectors(lazy_text_embedder("auto")))  # refused before anything is built
    with ExitStack() as stack:
        sim = make_simulation(split, seed, config)
        stack.callback(sim.close)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        memory = stack.enter_context(SpatialMemory.open(map_path or folder / "episode.map", config.memory))
        episode = Episode(sim, memory, config, seed)
        phases = [episode.run_phase("explore", config.explore_s, hook, progress)]
        coverage = episode.coverage()
        edits: dict[str, int] = {}
        if config.edits:
            changed = episode.edit(seed)
            edits = {"moved": len(changed.moved), "removed": len(changed.removed)}
            phases.append(episode.run_phase("patrol", config.patrol_s, hook, progress))
        present = [o.label for o in memory.objects() if str(o.state) == "present"]
        events = Counter(str(e.kind) for e in memory.changes())
        return EpisodeResult(
            split,
            seed,
            policy,
            tuple(phases),
            coverage,
            dict(sorted(Counter(present).items())),
            dict(events),
            edits,
            None if map_path is None else str(map_path),
        )
