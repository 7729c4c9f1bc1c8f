"""Which adapters of a library speak of where the robot is: told by what it saw and heard lately, not by a name.

Two homes answer "where is the mug?" with equal relevance and another truth. What was seen before the question tells
them apart, as it routes columns: by the cosine to the mean of what each adapter speaks of.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from memory_agent_ros.adapters.adapter import Adapter, Chunk
from memory_agent_ros.adapters.columns import ColumnRouter, RouterConfig
from memory_agent_ros.adapters.library import AdapterLibrary

#: Texts: ("red mug", "grey sofa") -> (N, D) unit vectors, the embedder with which chunks' keys were made.
Embed = Callable[[Sequence[str]], NDArray[np.float32]]


class PlaceRouter:
    """Chooses among the adapters of a library; give :meth:`allows` to a closed book.

    Args:
        library: of adapters; those whose chunks have no keys are never shut out.
        embed: texts to vectors.
        window: how many texts count; older ones are forgotten.
        top: adapters that may speak at the same time.
        always: names of adapters that are not routed: they may always speak.
    """

    def __init__(
        self, library: AdapterLibrary, embed: Embed, window: int = 32, top: int = 1, always: Collection[str] = ()
    ) -> None:
        self._library, self._embed, self._top, self._always = library, embed, top, frozenset(always)
        self._lately: deque[Tensor] = deque(maxlen=window)

    def saw(self, texts: Sequence[str]) -> None:
        """Take in what was just seen or said, oldest first."""
        if texts:
            self._lately.extend(torch.from_numpy(np.asarray(self._embed(texts), dtype=np.float32)))

    def unsee(self) -> None:
        """Forget all that was seen or said."""
        self._lately.clear()

    def weights(self) -> dict[str, float]:
        """How much each adapter with keys may speak; empty where nothing was seen yet or there is no choice."""
        routed = {name: a for name, a in self._library.adapters().items() if name not in self._always}
        keys = {name: _key(adapter) for name, adapter in routed.items()}
        known = {name: key for name, key in keys.items() if key is not None}
        if len(known) < 2 or not self._lately:
            return {}
        stacked = torch.stack(list(known.values()))
        config = RouterConfig(columns=len(known), chunk=1, top=min(self._top, len(known)), balance=0.0)
        router = ColumnRouter(stacked.shape[1], config, stacked.mean(dim=0))
        router.keys, router.load = stacked - router.mean, torch.ones(len(known))
        seen = torch.stack(list(self._lately))
        gates = router.gates(torch.cat([seen, torch.zeros(1, seen.shape[1])])[None])[0, -1]
        return dict(zip(known, gates.tolist(), strict=True))

    def allows(self, chunk: Chunk) -> bool:
        """Whether a chunk may be asked now: it is of an adapter that may speak, or of one that has no keys."""
        weights = self.weights()
        shut = [self._library.get(name) for name, weight in weights.items() if not weight]
        spoken = [self._library.get(name) for name, weight in weights.items() if weight]
        return any(_holds(a, chunk) for a in spoken) or not any(_holds(a, chunk) for a in shut)


def _key(adapter: Adapter) -> Tensor | None:
    """(D,) mean of all that an adapter speaks of, None if it does not tell."""
    keys = [chunk.keys for chunk in adapter.chunks if chunk.keys is not None and len(chunk.keys)]
    return torch.cat(keys).float().mean(dim=0) if keys else None


def _holds(adapter: Adapter, chunk: Chunk) -> bool:
    return any(c.name == chunk.name and c.source == chunk.source for c in adapter.chunks)
