"""How often things of one category stand by those of another, counted on apartments of the generator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from memory_agent_ros.evaluation.exploration.task_sets import large_apartments
from memory_agent_ros.exploration.policies.cooccurrence import Cooccurrence

#: Things this near to each other in one room stand together, metres.
NEAR_M = 1.5


def count(seeds: Sequence[int], placement: str = "habitual", *, progress: bool = False) -> Cooccurrence:
    """Shares over the large apartments of ``train`` among the seeds."""
    from memory_agent_sim.twin.tables import drawn_layout
    from memory_agent_sim.twin.things import boxes_of

    total: Counter[str] = Counter()
    near: Counter[tuple[str, str]] = Counter()
    room: Counter[tuple[str, str]] = Counter()
    chosen = large_apartments("train", seeds)
    for seed in tqdm(chosen, desc="count", unit="apartment", disable=not progress):
        layout = drawn_layout("train", seed, placement)
        boxes = boxes_of(layout, dict(enumerate(layout.objects, start=1)))
        labels = [o.instance.category for o in layout.objects]
        spares = len(layout.spares)
        labels += [""] * spares + [f.instance.category for f in layout.furniture]
        apart = np.linalg.norm(boxes.center[:, None, :2] - boxes.center[None, :, :2], axis=2)
        same = boxes.room[:, None] == boxes.room[None]
        np.fill_diagonal(same, False)
        for i in np.flatnonzero(boxes.present):
            total[labels[i]] += 1
            together = {labels[j] for j in np.flatnonzero(same[i] & (apart[i] <= NEAR_M)) if j < len(layout.objects)}
            inside = {labels[j] for j in np.flatnonzero(same[i]) if j < len(layout.objects)}
            near.update((goal, labels[i]) for goal in together)
            room.update((goal, labels[i]) for goal in inside)
    goals = sorted({goal for goal, _ in room})

    def shares(counts: Counter[tuple[str, str]]) -> dict[str, dict[str, float]]:
        return {g: {label: counts[g, label] / n for label, n in total.items() if counts[g, label]} for g in goals}

    card = {
        "split": "train",
        "seeds": f"{min(seeds)}:{max(seeds) + 1}",
        "placement": placement,
        "apartments": len(chosen),
    }
    return Cooccurrence(shares(near), shares(room), card)
