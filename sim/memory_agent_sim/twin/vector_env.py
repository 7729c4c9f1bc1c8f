"""Gymnasium vector environment ``MemoryApartmentTwin-v0``: choose where to drive, many apartments at once, no pictures.

Action of an environment: ``Discrete(NODES)``, the place to drive to. The robot drives there by the shortest way, looks
ahead as it drives and all round where it arrives; a place that is not ``known`` means to stay and look all round.

Observation of an environment: ``Dict`` of, for up to ``NODES`` places, ``node_xy`` (NODES, 2) float32 metres, ``known``
(NODES,) int8 (its floor was seen), ``path_m`` (NODES,) float32 way from the robot, ``gain_m2`` (NODES,) float32 unknown
floor in sight of it; for up to ``THINGS`` things, ``label`` (THINGS,) int64 position in :data:`LABELS`, -1 for what was
not seen yet, ``thing_xy`` (THINGS, 2) float32 where it was last seen, ``in_sight`` (THINGS,) int8; and ``node`` the
place of the robot, ``metres`` (1,) float32 driven. Of places that are not known everything is 0.

Reward: 1 for each movable thing seen for the first time in the episode.

An episode is truncated once ``budget_m`` is driven or after ``max_decisions``, and never terminates; the step after
that resets it (autoreset mode ``NEXT_STEP``). ``reset(seed=N)`` opens apartments ``N``, ``N + 1``, ...; later episodes
draw theirs from ``0 .. apartments - 1``.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from memory_agent_ros.records.errors import BadInputError
from memory_agent_sim.catalogue import MOVABLE_SOURCES
from memory_agent_sim.furniture import KINDS
from memory_agent_sim.habits import require_placement
from memory_agent_sim.instances import split_index
from memory_agent_sim.twin.slots import Drive, TwinSlots
from memory_agent_sim.twin.tables import twin_tables

NODES = 640
THINGS = 128
#: Categories of things and furniture in the order of their numbers.
LABELS: tuple[str, ...] = (*sorted({s.category for s in MOVABLE_SOURCES}), *sorted(KINDS))
_NUMBER = {label: i for i, label in enumerate(LABELS)}

Observation = dict[str, NDArray[Any]]
Info = dict[str, Any]


class TwinVectorEnv(VectorEnv):  # type: ignore[misc]
    """See the module's docstring.

    Args:
        num_envs: how many at once, 1 to 4096.
        split: ``train``, ``val`` or ``test``.
        placement: by whose habits things are put.
        apartments: later episodes are drawn from ``0 .. apartments - 1``.
        budget_m: metres of an episode.
        max_decisions: choices of an episode.

    Raises:
        BadInputError: ``split_unknown``, ``placement_unknown``, ``twin_env``.
    """

    metadata: dict[str, Any] = {"autoreset_mode": AutoresetMode.NEXT_STEP, "render_modes": []}  # noqa: RUF012

    def __init__(
        self,
        num_envs: int = 8,
        split: str = "train",
        placement: str = "habitual",
        apartments: int = 200,
        budget_m: float = 30.0,
        max_decisions: int = 40,
        render_mode: str | None = None,
    ) -> None:
        split_index(split)
        require_placement(placement)
        if not (1 <= num_envs <= 4096 and apartments >= 1 and budget_m > 0 and max_decisions >= 1):
            raise BadInputError("twin_env", "num_envs is 1 to 4096; apartments, budget_m, max_decisions are positive")
        if render_mode is not None:
            raise BadInputError("twin_env", "the twin draws no pictures: leave render_mode at None")
        self.num_envs, self.render_mode = num_envs, None
        self.split, self.placement, self.apartments = split, placement, apartments
        self.budget_m, self.max_decisions = budget_m, max_decisions
        self.single_action_space = spaces.Discrete(NODES)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.single_observation_space = _observation_space()
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self._slots = TwinSlots(num_envs)
        self._labels = np.full((num_envs, THINGS), -1, dtype=np.int64)
        self._movable = np.zeros((num_envs, THINGS), dtype=bool)
        self._thing_xy = np.zeros((num_envs, THINGS, 2), dtype=np.float32)
        self._seen = np.zeros((num_envs, THINGS), dtype=bool)
        self._in_sight = np.zeros((num_envs, THINGS), dtype=bool)
        self._decisions = np.zeros(num_envs, dtype=np.int64)
        self._apartment = np.zeros(num_envs, dtype=np.int64)
        self._ended = np.ones(num_envs, dtype=bool)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, Info]:
        """Open an apartment in every environment, at its start, and look round."""
        first = seed if isinstance(seed, int) or seed is None else None
        super().reset(seed=first)
        wanted: list[int | None] = [None] * self.num_envs
        if isinstance(seed, int):
            wanted = [seed + i for i in range(self.num_envs)]
        elif seed is not None:
            wanted = list(seed)
        for i, apartment in enumerate(wanted):
            self._open(i, apartment)
        self._ended[:] = False
        self._look(np.ones(self.num_envs, dtype=bool))
        return self._observe(), self._info()

    def step(
        self, actions: NDArray[np.integer]
    ) -> tuple[Observation, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], Info]:
        """Drive to the chosen places; environments whose episode had ended begin a new one instead."""
        if self._slots.tables[0] is None:
            raise gymnasium.error.ResetNeeded("call reset() before step()")
        fresh = self._ended.copy()
        for i in np.flatnonzero(fresh):
            self._open(int(i), None)
        self._look(fresh)
        slots, active = self._slots, ~fresh
        targets = np.asarray(actions, dtype=np.int64)
        targets = np.where((targets >= 0) & (targets < slots.nodes), targets, slots.node)
        known = slots.reached()[np.arange(self.num_envs), targets]
        targets = np.where(known, targets, slots.node)
        drive = slots.drive(targets, self.budget_m - slots.metres, active)
        rewards = np.where(active, self._note(drive, active), 0.0).astype(np.float64)
        self._decisions += active
        spent = ~drive.arrived | (slots.metres >= self.budget_m - 1e-6) | (self._decisions >= self.max_decisions)
        self._ended = active & spent
        return self._observe(), rewards, np.zeros(self.num_envs, dtype=bool), self._ended.copy(), self._info()

    # ------------------------------------------------------------------ inside

    def _open(self, i: int, apartment: int | None) -> None:
        number = int(self.np_random.integers(self.apartments)) if apartment is None else int(apartment)
        tables = twin_tables(self.split, number, self.placement)
        self._slots.load(i, tables)
        m = len(tables.labels)
        self._labels[i], self._movable[i] = -1, False
        self._labels[i, :m] = [_NUMBER[label] for label in tables.labels]
        self._movable[i, :m] = tables.movable
        self._thing_xy[i, :m] = tables.boxes.center[:, :2]
        self._seen[i], self._in_sight[i] = False, False
        self._decisions[i], self._apartment[i] = 0, number

    def _look(self, active: NDArray[np.bool_]) -> None:
        if active.any():
            self._note(self._slots.look(active), active)

    def _note(self, drive: Drive, active: NDArray[np.bool_]) -> NDArray[np.int64]:
        """(num_envs,) movable things seen for the first time."""
        m = self._slots.things
        now = np.isfinite(drive.first_m)
        new = now & ~self._seen[:, :m]
        self._seen[:, :m] |= now
        self._in_sight[:, :m] = np.where(active[:, None], drive.in_sight, self._in_sight[:, :m])
        count: NDArray[np.int64] = (new & self._movable[:, :m]).sum(axis=1)
        return count

    def _observe(self) -> Observation:
        slots, rows, v = self._slots, np.arange(self.num_envs), self._slots.nodes
        known = np.zeros((self.num_envs, NODES), dtype=bool)
        known[:, :v] = slots.reached()
        arrays: Observation = {
            "node_xy": np.zeros((self.num_envs, NODES, 2), dtype=np.float32),
            "path_m": np.zeros((self.num_envs, NODES), dtype=np.float32),
            "gain_m2": np.zeros((self.num_envs, NODES), dtype=np.float32),
        }
        shown = known[:, :v]
        arrays["node_xy"][:, :v] = np.where(shown[..., None], slots.nodes_xy, 0.0)
        arrays["path_m"][:, :v] = np.where(shown, slots.path_m[rows, slots.node], 0.0)
        arrays["gain_m2"][:, :v] = np.where(shown, slots.gain_m2(), 0.0)
        return arrays | {
            "known": known.astype(np.int8),
            "label": np.where(self._seen, self._labels, -1),
            "thing_xy": np.where(self._seen[..., None], self._thing_xy, 0.0).astype(np.float32),
            "in_sight": self._in_sight.astype(np.int8),
            "node": slots.node.copy(),
            "metres": slots.metres[:, None].astype(np.float32),
        }

    def _info(self) -> Info:
        seen = (self._seen & self._movable).sum(axis=1)
        return {"apartment": self._apartment.copy(), "seen": seen, "decisions": self._decisions.copy()}


def _observation_space() -> spaces.Dict:
    far = np.inf
    return spaces.Dict(
        {
            "node_xy": spaces.Box(-far, far, (NODES, 2), np.float32),
            "known": spaces.MultiBinary(NODES),
            "path_m": spaces.Box(0.0, far, (NODES,), np.float32),
            "gain_m2": spaces.Box(0.0, far, (NODES,), np.float32),
            "label": spaces.Box(-1, len(LABELS) - 1, (THINGS,), np.int64),
            "thing_xy": spaces.Box(-far, far, (THINGS, 2), np.float32),
            "in_sight": spaces.MultiBinary(THINGS),
            "node": spaces.Discrete(NODES),
            "metres": spaces.Box(0.0, far, (1,), np.float32),
        }
    )
